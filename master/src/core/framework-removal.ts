import { isTerminal } from '@proffer/sdk/model';
import type { Cluster } from './cluster.js';
import { releaseExecutor } from './executors.js';
import { frameworkRecord, identityOf, withdrawOffers } from './framework-state.js';
import { FRAMEWORK_SHUTDOWN_MS, REMOVED_FRAMEWORKS_MAX } from './limits.js';
import type { Agent, Framework } from './state.js';
import { masterStatus } from './statuses.js';
import { completeTask } from './tasks.js';

/** Ends the framework for good: torn down, or away for longer than its failover timeout. */
export function removeFramework(cluster: Cluster, framework: Framework, why: string): void {
  if (framework.removing || framework.state === 'removed') return;
  framework.removing = true;
  framework.deadline?.cancel();
  framework.deadline = undefined;
  cluster.identities.delete(identityOf(framework.principal, framework.info.name));
  withdrawOffers(cluster, framework);
  cluster.allocator.setActive(framework.frameworkId, false);
  cluster.allocator.setDemand(framework.frameworkId, []);
  cluster.changes.framework(framework);
  const removedAt = cluster.now;
  cluster.persist({ type: 'saveFramework', framework: { ...frameworkRecord(framework), removedAt } }, () => {
    complete(cluster, framework, removedAt, why);
  });
}

function complete(cluster: Cluster, framework: Framework, removedAt: number, why: string): void {
  cluster.counters.frameworksRemoved++;
  framework.state = 'removed';
  framework.admitted = true;
  framework.removedAt = removedAt;
  framework.failoverDeadline = undefined;
  framework.subscription = undefined;
  framework.kills.clear();
  framework.waiting.clear();
  if (framework.peer !== undefined) {
    cluster.refuse(framework.peer, 'FRAMEWORK_REMOVED', `framework "${framework.frameworkId}" is removed: ${why}`);
  }
  framework.peer = undefined;
  shutDown(cluster, framework);
  cluster.removedFrameworks.add(framework);
  cluster.changes.framework(framework);
  awaitRemoval(cluster, framework);
  trimRemoved(cluster);
}

/** Tells the agents to end what they have of the framework. What it uses stays used until they say that it ended. */
function shutDown(cluster: Cluster, framework: Framework): void {
  const agents = new Set<Agent>();
  for (const executor of framework.executors) agents.add(executor.agent);
  for (const task of framework.tasks.values()) {
    agents.add(task.agent);
    if (isTerminal(task.state)) {
      completeTask(cluster, task);
      continue;
    }
    const ids = { taskId: task.taskId, agentId: task.agent.agentId };
    task.status = masterStatus(cluster, ids, 'TASK_KILLED', 'REASON_FRAMEWORK_REMOVED', 'The framework was removed.');
    if (task.holding) {
      task.state = 'TASK_KILLING';
      cluster.changes.task(task);
    } else {
      task.state = 'TASK_KILLED';
      completeTask(cluster, task);
    }
  }
  const { frameworkId } = framework;
  for (const agent of agents) if (agent.state === 'registered') cluster.send(agent, { type: 'SHUTDOWN_FRAMEWORK', frameworkId });
}

/** Waits for the removed framework's tasks to end, but not for ever. */
export function awaitRemoval(cluster: Cluster, framework: Framework): void {
  framework.deadline ??= cluster.deadlines.set(cluster.now + FRAMEWORK_SHUTDOWN_MS, () => {
    for (const task of framework.tasks.values()) {
      task.state = 'TASK_KILLED';
      completeTask(cluster, task);
    }
    for (const executor of framework.executors) releaseExecutor(cluster, executor);
    finishRemoval(cluster, framework);
  });
  finishRemoval(cluster, framework);
}

/** Forgets what the removed framework was allocated, once it uses nothing any more. */
export function finishRemoval(cluster: Cluster, framework: Framework): void {
  if (framework.tasks.size > 0 || framework.executors.size > 0) return;
  framework.deadline?.cancel();
  framework.deadline = undefined;
  cluster.allocator.removeFramework(framework.frameworkId);
}

/** Forgets the framework that was removed first, where there are too many. */
function trimRemoved(cluster: Cluster): void {
  for (const framework of cluster.removedFrameworks) {
    if (cluster.removedFrameworks.size <= REMOVED_FRAMEWORKS_MAX) return;
    cluster.removedFrameworks.delete(framework);
    for (const task of framework.tasks.values()) completeTask(cluster, task);
    for (const executor of framework.executors) releaseExecutor(cluster, executor);
    finishRemoval(cluster, framework);
    cluster.frameworks.delete(framework.frameworkId);
    cluster.changes.frameworkRemoved(framework);
    cluster.persist({ type: 'forgetFramework', frameworkId: framework.frameworkId });
  }
}
