import { isTerminal, type TaskStatus } from '@proffer/sdk/model';
import type { Call, FromAgent } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import { executorOf } from './executors.js';
import { finishRemoval } from './framework-removal.js';
import type { Agent, Framework, Task } from './state.js';
import { withoutData } from './statuses.js';
import { completeTask, releaseTask } from './tasks.js';

/**
 * An agent's update: the head of the task's queue goes to the framework, and the newest state behind it says whether
 * the task still holds its resources.
 */
export function updateTask(cluster: Cluster, agent: Agent, message: FromAgent<'UPDATE'>): void {
  cluster.counters.updates++;
  const framework = cluster.frameworks.get(message.frameworkId);
  if (framework === undefined) {
    cluster.send(agent, { type: 'SHUTDOWN_FRAMEWORK', frameworkId: message.frameworkId });
    return;
  }
  const status = message.status.agentId === agent.agentId ? message.status : { ...message.status, agentId: agent.agentId };
  const task = framework.tasks.get(status.taskId);
  if (framework.state === 'removed') {
    acknowledge(cluster, agent, framework, status);
    if (task?.agent === agent && isTerminal(message.latestState)) {
      advance(cluster, task, status, message.latestState);
      completeTask(cluster, task);
      finishRemoval(cluster, framework);
    }
    return;
  }
  if (task === undefined) {
    // Ended and acknowledged, but the agent does not know yet: the framework acknowledges once more.
    cluster.tell(framework, status);
    return;
  }
  if (task.agent !== agent) {
    // A second task of this id, which was told to end when its agent registered: none of the framework's.
    acknowledge(cluster, agent, framework, status);
    return;
  }
  advance(cluster, task, status, message.latestState);
  forward(cluster, task, status);
}

/** Takes note of how far the task is. A terminal state is final. */
function advance(cluster: Cluster, task: Task, status: TaskStatus, latestState: TaskStatus['state']): void {
  if (!isTerminal(task.state)) {
    task.state = latestState;
    if (isTerminal(latestState)) releaseTask(cluster, task);
  }
  task.status = withoutData(status);
  const executor = executorOf(task);
  if (executor !== undefined && !isTerminal(latestState)) executor.exited = false;
  cluster.changes.task(task);
}

function forward(cluster: Cluster, task: Task, status: TaskStatus): void {
  const { framework } = task;
  if (cluster.tell(framework, status)) task.told = task.status;
  else if (status.data === undefined) framework.waiting.set(task.taskId, status);
}

/** Sends what came while the scheduler was away, sooner than the agents would repeat it. */
export function sendWaiting(cluster: Cluster, framework: Framework): void {
  for (const [taskId, status] of framework.waiting) {
    const task = framework.tasks.get(taskId);
    if (task !== undefined && cluster.tell(framework, status)) task.told = status;
  }
  framework.waiting.clear();
}

/** ACKNOWLEDGE: goes on to the agent; a task whose terminal status it was is done with. */
export function acknowledgeUpdate(cluster: Cluster, framework: Framework, call: Call<'ACKNOWLEDGE'>): void {
  const agent = cluster.agents.get(call.agentId);
  if (agent === undefined || agent.state !== 'registered') {
    // The agent repeats the update when it is back, and the framework its acknowledgement.
    cluster.counters.invalidAcknowledgements++;
    return;
  }
  cluster.counters.acknowledgements++;
  const { frameworkId } = framework;
  cluster.send(agent, { type: 'ACKNOWLEDGE', frameworkId, taskId: call.taskId, uuid: call.uuid });
  const task = framework.tasks.get(call.taskId);
  const done = task?.status !== undefined && task.agent === agent && task.status.uuid === call.uuid && isTerminal(
    task.status.state,
  );
  if (done) completeTask(cluster, task);
}

/** The framework is gone, or knows nothing of the task: the master acknowledges in its place. */
function acknowledge(cluster: Cluster, agent: Agent, framework: Framework, status: TaskStatus): void {
  if (status.uuid === undefined) return;
  const { frameworkId } = framework;
  cluster.send(agent, { type: 'ACKNOWLEDGE', frameworkId, taskId: status.taskId, uuid: status.uuid });
}
