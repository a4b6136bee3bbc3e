import type { TaskStatus } from '@proffer/sdk/model';
import type { Call } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import { QUESTIONS_MAX } from './limits.js';
import type { Agent, Framework, Questions } from './state.js';
import { masterStatus, reconciledStatus } from './statuses.js';

interface Asked {
  readonly taskId: string;
  readonly agentId?: string;
}

/** RECONCILE: says of each task what is known; of all of the framework's if none is named. */
export function reconcile(cluster: Cluster, framework: Framework, call: Call<'RECONCILE'>): void {
  cluster.counters.reconciliations++;
  if (call.tasks.length > 0) explain(cluster, framework, call.tasks);
  else explainAll(cluster, framework);
}

/** Says of each of these tasks what is known. */
export function explain(cluster: Cluster, framework: Framework, tasks: readonly Asked[]): void {
  const later: string[] = [];
  for (const asked of tasks) {
    const status = answer(cluster, framework, asked);
    if (status === undefined) {
      later.push(asked.taskId);
      remember(cluster, framework, asked);
    } else {
      cluster.tell(framework, status);
    }
  }
  if (later.length > 0) sendRecovering(cluster, framework, later);
}

/** The answer is owed until the agent is back or lost; past the bound the framework has to ask again. */
function remember(cluster: Cluster, framework: Framework, { taskId, agentId }: Asked): void {
  if (framework.questions >= QUESTIONS_MAX) return;
  const agent = agentId === undefined ? undefined : cluster.agents.get(agentId);
  const questions = agent?.state === 'recovering' ? agent.questions : cluster.questions;
  let tasks = questions.get(framework);
  if (tasks === undefined) questions.set(framework, (tasks = new Map()));
  if (!tasks.has(taskId)) framework.questions++;
  tasks.set(taskId, agentId);
}

/** Gives the answers that waited for this agent, and those that waited for all agents if it was the last one. */
export function answerQuestions(cluster: Cluster, agent: Agent): void {
  answerAll(cluster, agent.questions);
  if (cluster.recovering.size > 0) return;
  answerAll(cluster, cluster.questions);
  for (const framework of cluster.frameworks.values()) {
    framework.askedForAll = false;
    framework.kills.clear();
  }
}

function answerAll(cluster: Cluster, questions: Questions): void {
  const asked = [...questions];
  questions.clear();
  for (const [framework, tasks] of asked) {
    framework.questions -= tasks.size;
    explain(
      cluster,
      framework,
      Array.from(tasks, ([taskId, agentId]) => (agentId === undefined ? { taskId } : { taskId, agentId })),
    );
  }
}

/** As in Mesos, tasks out of reach are left out: who remembers them asks for them by name. */
function explainAll(cluster: Cluster, framework: Framework): void {
  for (const task of framework.tasks.values()) {
    if (task.state === 'TASK_UNREACHABLE') continue;
    cluster.tell(framework, reconciledStatus(cluster, task));
  }
  if (cluster.recovering.size === 0) return;
  framework.askedForAll = true;
  sendRecovering(cluster, framework, []);
}

/** The answer about one task; undefined while agents that may have it are still returning. */
function answer(cluster: Cluster, framework: Framework, asked: Asked): TaskStatus | undefined {
  const task = framework.tasks.get(asked.taskId);
  if (task !== undefined) {
    return reconciledStatus(cluster, task);
  }
  const agent = asked.agentId === undefined ? undefined : cluster.agents.get(asked.agentId);
  if (agent?.state === 'recovering' || (asked.agentId === undefined && cluster.recovering.size > 0)) return undefined;
  const [state, why] = stateOnAgent(agent);
  const status = masterStatus(cluster, asked, state, 'REASON_RECONCILIATION', `Reconciliation: ${why}`);
  return agent?.state === 'unreachable' ? { ...status, unreachableTime: agent.since / 1000 } : status;
}

/** What an unknown task's agent says of the task. */
function stateOnAgent(agent: Agent | undefined): [TaskStatus['state'], string] {
  switch (agent?.state) {
    case 'registered':
    case 'disconnected':
      return ['TASK_GONE', 'the agent is known and does not have the task.'];
    case 'unreachable':
      return ['TASK_UNREACHABLE', 'the agent is unreachable.'];
    case 'gone':
      return ['TASK_GONE_BY_OPERATOR', 'the agent was marked gone.'];
    default:
      return ['TASK_UNKNOWN', 'neither the task nor its agent is known.'];
  }
}

function sendRecovering(cluster: Cluster, framework: Framework, taskIds: string[]): void {
  if (framework.state !== 'connected') return;
  cluster.send(framework, { type: 'RECOVERING', taskIds, deadlineSeconds: cluster.recoveryDeadline / 1000 });
}
