import { isTerminal } from '@proffer/sdk/model';
import { addTotals } from '../allocator/share.js';
import type { Cluster } from './cluster.js';
import { executorOf, taskOfExecutorEnded } from './executors.js';
import { Task, type Agent, type Framework, type TaskHeader } from './state.js';

/** Adds a task to what is known of its framework and agent. It holds nothing yet. */
export function addTask(cluster: Cluster, framework: Framework, agent: Agent, header: TaskHeader, launchedAt: number): Task {
  const task = new Task(framework, agent, header, launchedAt);
  const earlier = framework.completed.get(header.taskId);
  if (earlier !== undefined) dropCompleted(cluster, earlier);
  framework.tasks.set(header.taskId, task);
  agent.tasks.add(task);
  cluster.changes.task(task);
  return task;
}

/** Counts what the task needs as used. The allocator has been told, or is told by the caller. */
export function holdTask(task: Task): void {
  task.holding = true;
  addTotals(task.framework.used, task.resources, 1);
  const executor = executorOf(task);
  if (executor !== undefined) executor.tasks++;
}

/** Frees what the task holds: it ended, or its agent is lost. */
export function releaseTask(cluster: Cluster, task: Task): void {
  if (!task.holding) return;
  task.holding = false;
  const { framework, agent } = task;
  addTotals(framework.used, task.resources, -1);
  cluster.allocator.release(agent.agentId, framework.frameworkId, task.role, task.resources);
  cluster.changes.agent(agent);
  cluster.changes.framework(framework);
  if (task.executorId !== undefined) taskOfExecutorEnded(cluster, task);
}

/** Removes a task that ended, its last status acknowledged or not to be acknowledged; people can see it for a while. */
export function completeTask(cluster: Cluster, task: Task): void {
  releaseTask(cluster, task);
  const { framework, agent, taskId } = task;
  framework.tasks.delete(taskId);
  framework.waiting.delete(taskId);
  agent.tasks.delete(task);
  countEnd(cluster, task);
  task.completed = true;
  framework.completed.set(taskId, task);
  cluster.completed.push(task);
  cluster.changes.task(task);
  if (cluster.completed.size <= cluster.config.completedTasksMax) return;
  const oldest = cluster.completed.first!;
  dropCompleted(cluster, oldest);
  cluster.changes.taskRemoved(oldest);
}

/** Removes a task without a trace: it is somebody else's now, or cannot be known any more. */
export function forgetTask(cluster: Cluster, task: Task): void {
  releaseTask(cluster, task);
  task.framework.tasks.delete(task.taskId);
  task.framework.waiting.delete(task.taskId);
  task.agent.tasks.delete(task);
  cluster.changes.taskRemoved(task);
}

/** People see it no more. */
function dropCompleted(cluster: Cluster, task: Task): void {
  task.framework.completed.delete(task.taskId);
  cluster.completed.remove(task);
  cluster.changes.tasks.delete(task);
}

function countEnd(cluster: Cluster, task: Task): void {
  const { counters } = cluster;
  if (task.state === 'TASK_FINISHED') counters.tasksFinished++;
  else if (task.state === 'TASK_FAILED') counters.tasksFailed++;
  else if (task.state === 'TASK_KILLED') counters.tasksKilled++;
  else if (isTerminal(task.state)) counters.tasksLost++;
}
