/** What a framework asks of its tasks and executors. */
import { isTerminal, type KillPolicy } from '@proffer/sdk/model';
import type { Call, FromAgent } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import { REMEMBERED_KILLS_MAX } from './limits.js';
import { explain } from './reconciliation.js';
import type { Agent, Framework, Task } from './state.js';

/** KILL: an unknown task is reconciled instead; a kill whose agent is away waits for it. */
export function killTask(cluster: Cluster, framework: Framework, call: Call<'KILL'>): void {
  cluster.counters.kills++;
  const task = framework.tasks.get(call.taskId);
  if (task === undefined) {
    if (cluster.recovering.size > 0 && framework.kills.size < REMEMBERED_KILLS_MAX) {
      framework.kills.set(call.taskId, call.killPolicy);
    }
    explain(cluster, framework, [call]);
    return;
  }
  if (call.agentId !== undefined && call.agentId !== task.agent.agentId) {
    cluster.counters.ignoredMessages++;
    return;
  }
  if (isTerminal(task.state)) return;
  if (task.agent.state === 'registered') {
    sendKill(cluster, task, call.killPolicy);
    return;
  }
  task.kill = { killPolicy: call.killPolicy };
  if (task.state === 'TASK_UNREACHABLE') explain(cluster, framework, [call]);
}

/** Sends the kills that waited for this agent. */
export function sendKills(cluster: Cluster, agent: Agent): void {
  for (const task of agent.tasks) {
    const { framework, taskId } = task;
    const early = framework.kills.has(taskId) ? { killPolicy: framework.kills.get(taskId) } : undefined;
    const kill = task.kill ?? early;
    if (kill === undefined) continue;
    task.kill = undefined;
    framework.kills.delete(taskId);
    if (!isTerminal(task.state)) sendKill(cluster, task, kill.killPolicy);
  }
}

export function sendKill(cluster: Cluster, task: Pick<Task, 'framework' | 'agent' | 'taskId'>, killPolicy?: KillPolicy): void {
  const { frameworkId } = task.framework;
  cluster.send(
    task.agent,
    { type: 'KILL', frameworkId, taskId: task.taskId, ...(killPolicy === undefined ? {} : { killPolicy }) },
  );
}

/** SHUTDOWN: ends an executor. Nothing is remembered for an agent that is away, as in Mesos. */
export function shutdownExecutor(cluster: Cluster, framework: Framework, call: Call<'SHUTDOWN'>): void {
  const agent = registeredAgent(cluster, call.agentId);
  if (agent === undefined) return;
  cluster.send(agent, { type: 'SHUTDOWN_EXECUTOR', frameworkId: framework.frameworkId, executorId: call.executorId });
}

/** MESSAGE to an executor: at most once. */
export function messageToExecutor(cluster: Cluster, framework: Framework, { agentId, executorId, data }: Call<'MESSAGE'>): void {
  const agent = registeredAgent(cluster, agentId);
  if (agent === undefined) return;
  cluster.send(agent, { type: 'MESSAGE', frameworkId: framework.frameworkId, executorId, data });
}

/** MESSAGE from an executor: at most once. */
export function messageToFramework(
  cluster: Cluster,
  agent: Agent,
  { frameworkId, executorId, data }: FromAgent<'MESSAGE'>,
): void {
  const framework = cluster.frameworks.get(frameworkId);
  if (framework?.state === 'connected') cluster.send(framework, { type: 'MESSAGE', agentId: agent.agentId, executorId, data });
}

function registeredAgent(cluster: Cluster, agentId: string): Agent | undefined {
  const agent = cluster.agents.get(agentId);
  if (agent?.state === 'registered') return agent;
  cluster.counters.ignoredMessages++;
  return undefined;
}
