import type { Resources } from '@proffer/sdk/model';
import { addTotals } from '../allocator/share.js';
import type { Cluster } from './cluster.js';
import { Executor, type Agent, type Framework, type Task } from './state.js';

export function findExecutor(agent: Agent, frameworkId: string, executorId: string): Executor | undefined {
  return agent.executors.get(frameworkId)?.get(executorId);
}

/** The task's executor, for a task that has one of its own. */
export function executorOf(task: Task): Executor | undefined {
  if (task.executorId === undefined) return undefined;
  return findExecutor(task.agent, task.framework.frameworkId, task.executorId);
}

/** Counts the executor's own needs as used. The allocator has been told, or is told by the caller. */
export function addExecutor(
  framework: Framework,
  agent: Agent,
  executorId: string,
  role: string,
  resources: Resources,
): Executor {
  const executor = new Executor(framework, agent, executorId, role, resources);
  let ofFramework = agent.executors.get(framework.frameworkId);
  if (ofFramework === undefined) agent.executors.set(framework.frameworkId, (ofFramework = new Map()));
  ofFramework.set(executorId, executor);
  framework.executors.add(executor);
  addTotals(framework.used, resources, 1);
  return executor;
}

/** Frees what the executor itself holds: it ended, or its agent is lost. */
export function releaseExecutor(cluster: Cluster, executor: Executor): void {
  const { framework, agent, resources } = executor;
  const ofFramework = agent.executors.get(framework.frameworkId);
  if (ofFramework?.get(executor.executorId) !== executor) return;
  ofFramework.delete(executor.executorId);
  if (ofFramework.size === 0) agent.executors.delete(framework.frameworkId);
  framework.executors.delete(executor);
  addTotals(framework.used, resources, -1);
  cluster.allocator.release(agent.agentId, framework.frameworkId, executor.role, resources);
  cluster.changes.agent(agent);
  cluster.changes.framework(framework);
}

/** Call when a task of an executor holds nothing any more. */
export function taskOfExecutorEnded(cluster: Cluster, task: Task): void {
  const executor = executorOf(task);
  if (executor === undefined) return;
  executor.tasks = Math.max(0, executor.tasks - 1);
  if (executor.exited && executor.tasks === 0) releaseExecutor(cluster, executor);
}

/** An executor ended, says its agent. */
export function executorExited(cluster: Cluster, agent: Agent, frameworkId: string, executorId: string, status: number): void {
  const executor = findExecutor(agent, frameworkId, executorId);
  if (executor !== undefined) {
    // Tasks that it never reported on may still be on their way: the agent then starts it again.
    if (executor.tasks > 0) executor.exited = true;
    else releaseExecutor(cluster, executor);
  }
  const framework = cluster.frameworks.get(frameworkId);
  if (framework?.state === 'connected') cluster.send(framework, { type: 'FAILURE', agentId: agent.agentId, executorId, status });
}
