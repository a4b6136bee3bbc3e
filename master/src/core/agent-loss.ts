import { isTerminal } from '@proffer/sdk/model';
import { agentRecord, setAgentState } from './agent-state.js';
import type { Cluster } from './cluster.js';
import { releaseExecutor } from './executors.js';
import { finishRemoval } from './framework-removal.js';
import { UNREACHABLE_AGENTS_MAX } from './limits.js';
import { rescindOffersOf } from './offers.js';
import { answerQuestions } from './reconciliation.js';
import type { Agent, Framework, Task } from './state.js';
import { masterStatus } from './statuses.js';
import { completeTask, forgetTask, releaseTask } from './tasks.js';

/** The agent was away for too long. The registry hears of it first, so that the next master says the same. */
export function loseAgent(cluster: Cluster, agent: Agent): void {
  agent.deadline = undefined;
  agent.recorded = 'unreachable';
  const record = agentRecord(agent, agent.info.hostname, 'unreachable', cluster.now);
  cluster.persist({ type: 'saveAgent', agent: record }, () => {
    const back = agent.registration !== undefined || agent.recorded !== 'unreachable';
    if (back || agent.state === 'unreachable') return;
    cluster.counters.agentsLost++;
    retireAgent(cluster, agent, 'unreachable');
    trimUnreachable(cluster);
  });
}

/** Ends what the cluster has of the agent, and tells the frameworks that it concerns. */
export function retireAgent(cluster: Cluster, agent: Agent, state: 'unreachable' | 'gone'): void {
  const concerned = new Set<Framework>();
  for (const { framework } of agent.offers) concerned.add(framework);
  rescindOffersOf(cluster, agent);
  setAgentState(cluster, agent, state);
  for (const task of agent.tasks) {
    concerned.add(task.framework);
    retireTask(cluster, task);
  }
  for (const executors of agent.executors.values()) {
    for (const executor of executors.values()) {
      concerned.add(executor.framework);
      releaseExecutor(cluster, executor);
    }
  }
  cluster.allocator.removeAgent(agent.agentId);
  const recovering = cluster.recovering.delete(agent);
  if (state === 'unreachable') cluster.unreachable.add(agent);
  else cluster.unreachable.delete(agent);
  for (const framework of concerned) {
    if (framework.state === 'connected') cluster.send(framework, { type: 'FAILURE', agentId: agent.agentId });
    if (framework.state === 'removed') finishRemoval(cluster, framework);
  }
  if (recovering) answerQuestions(cluster, agent);
}

function retireTask(cluster: Cluster, task: Task): void {
  const { framework, agent } = task;
  if (framework.state === 'removed') {
    forgetTask(cluster, task);
    return;
  }
  if (isTerminal(task.state)) {
    completeTask(cluster, task);
    return;
  }
  const ids = {
    taskId: task.taskId,
    agentId: agent.agentId,
    ...(task.executorId === undefined ? {} : { executorId: task.executorId }),
  };
  if (agent.state === 'gone') {
    task.state = 'TASK_GONE_BY_OPERATOR';
    task.status = masterStatus(cluster, ids, task.state, 'REASON_AGENT_REMOVED', 'An operator marked the agent gone.');
  } else {
    task.state = 'TASK_UNREACHABLE';
    const status = masterStatus(cluster, ids, task.state, 'REASON_AGENT_REMOVED', 'The agent did not come back in time.');
    task.status = { ...status, unreachableTime: cluster.now / 1000 };
  }
  task.told = task.status;
  framework.waiting.delete(task.taskId);
  cluster.tell(framework, task.status);
  if (agent.state === 'gone') {
    completeTask(cluster, task);
  } else {
    releaseTask(cluster, task);
    cluster.changes.task(task);
  }
}

/** Forgets the agents that have been out of reach for longest, where there are too many. */
function trimUnreachable(cluster: Cluster): void {
  for (const agent of cluster.unreachable) {
    if (cluster.unreachable.size <= UNREACHABLE_AGENTS_MAX) return;
    cluster.unreachable.delete(agent);
    for (const task of agent.tasks) forgetTask(cluster, task);
    cluster.agents.delete(agent.agentId);
    cluster.changes.agentRemoved(agent);
    cluster.persist({ type: 'forgetAgent', agentId: agent.agentId });
  }
}
