import { isTerminal, type AgentInfo, type Resources } from '@proffer/sdk/model';
import type { FromAgent, TaskRecord } from '@proffer/sdk/protocol';
import type { Allocated } from '../allocator/index.js';
import type { Cluster } from './cluster.js';
import { addExecutor, releaseExecutor } from './executors.js';
import { awaitRemoval } from './framework-removal.js';
import type { Agent, Framework, Task } from './state.js';
import { masterStatus, reconciledStatus, repeatedStatus, withoutData } from './statuses.js';
import { addTask, completeTask, holdTask, releaseTask } from './tasks.js';

/** What a registering agent has and must end. */
export interface Superfluous {
  /** Ids of frameworks that are gone, whatever there is of them. */
  readonly frameworks: Set<string>;
  /** Tasks of ids that run elsewhere. */
  readonly tasks: { readonly framework: Framework; readonly taskId: string }[];
}

/**
 * What a registering agent brings along is the truth about it: what is known of its tasks, executors and resources is
 * replaced. Returns what of it the agent must end.
 *
 * `lost`: it was out of reach, so its frameworks are told of the tasks that are back. `recovered`: it comes back after a
 * change of master, so those are told that asked for all their tasks before.
 */
export function takeInventory(
  cluster: Cluster,
  agent: Agent,
  message: FromAgent<'REGISTER_AGENT'>,
  { lost, recovered }: { readonly lost: boolean; readonly recovered: boolean },
): Superfluous {
  forgetHoldings(cluster, agent);
  agent.info = message.agentInfo;
  const superfluous: Superfluous = { frameworks: new Set(), tasks: [] };
  takeExecutors(cluster, agent, message, superfluous);
  const brought = takeTasks(cluster, agent, message, superfluous);
  for (const task of agent.tasks) if (!brought.has(task)) missTask(cluster, task);
  cluster.allocator.addAgent(agent.agentId, agent.info.resources, holdings(agent));
  for (const task of brought) {
    const back = 'The agent is back, and the task with it.';
    if (lost) cluster.tell(task.framework, repeatedStatus(cluster, task, 'REASON_AGENT_REREGISTERED', back));
    else if (recovered && task.framework.askedForAll) cluster.tell(task.framework, reconciledStatus(cluster, task));
  }
  for (const frameworkId of superfluous.frameworks) {
    const framework = cluster.frameworks.get(frameworkId);
    if (framework !== undefined) awaitRemoval(cluster, framework);
  }
  return superfluous;
}

function forgetHoldings(cluster: Cluster, agent: Agent): void {
  for (const task of agent.tasks) releaseTask(cluster, task);
  for (const executors of agent.executors.values()) for (const executor of executors.values()) releaseExecutor(cluster, executor);
  cluster.allocator.removeAgent(agent.agentId);
}

function takeExecutors(cluster: Cluster, agent: Agent, { executors }: FromAgent<'REGISTER_AGENT'>, ends: Superfluous): void {
  for (const { frameworkId, executorId, role, resources } of executors) {
    const framework = cluster.frameworks.get(frameworkId);
    if (framework === undefined || framework.state === 'removed') ends.frameworks.add(frameworkId);
    if (framework === undefined || agent.executors.get(frameworkId)?.has(executorId)) continue;
    addExecutor(framework, agent, executorId, role, known(resources, agent.info));
    cluster.changes.framework(framework);
  }
}

function takeTasks(cluster: Cluster, agent: Agent, { tasks }: FromAgent<'REGISTER_AGENT'>, ends: Superfluous): Set<Task> {
  const brought = new Set<Task>();
  for (const record of tasks) {
    const { frameworkId, taskId } = record;
    const framework = cluster.frameworks.get(frameworkId);
    if (framework === undefined || framework.state === 'removed') ends.frameworks.add(frameworkId);
    if (framework === undefined) continue;
    const existing = framework.tasks.get(taskId);
    if (existing !== undefined && existing.agent !== agent) {
      // The framework started a second task of this id elsewhere; it knows that one, and never learns of this one.
      ends.tasks.push({ framework, taskId });
      continue;
    }
    const task = existing ?? addTask(cluster, framework, agent, { executorId: undefined, labels: [], ...record }, cluster.now);
    refreshTask(cluster, task, record);
    brought.add(task);
  }
  return brought;
}

function refreshTask(cluster: Cluster, task: Task, record: TaskRecord): void {
  if (task.holding) return;
  task.name = record.name;
  task.role = record.role;
  task.resources = known(record.resources, task.agent.info);
  task.executorId = record.executorId;
  task.labels = record.labels ?? [];
  takeStatus(task, record);
  if (!isTerminal(task.state)) holdTask(task);
  cluster.changes.task(task);
  cluster.changes.framework(task.framework);
}

/** What the master knows of a task's status already it knows better, but for one that was out of reach. */
function takeStatus(task: Task, { state, status }: TaskRecord): void {
  const unknown = task.status === undefined || task.state === 'TASK_UNREACHABLE';
  task.state = state;
  if (status !== undefined) task.status = withoutData(status);
  else if (unknown) task.status = undefined;
  if (unknown) task.told = task.status;
}

/** A task that the agent does not have: it ended and was acknowledged, or its launch never arrived. */
function missTask(cluster: Cluster, task: Task): void {
  if (!isTerminal(task.state)) {
    const seen = task.status !== undefined;
    task.state = seen ? 'TASK_LOST' : 'TASK_DROPPED';
    const why = seen ? 'The agent came back without the task.' : 'The launch did not reach the agent.';
    task.status = masterStatus(cluster, idsOf(task), task.state, 'REASON_AGENT_REREGISTERED', why);
    cluster.tell(task.framework, task.status);
  }
  completeTask(cluster, task);
}

function idsOf({ taskId, agent, executorId }: Task): { taskId: string; agentId: string; executorId?: string } {
  return { taskId, agentId: agent.agentId, ...(executorId === undefined ? {} : { executorId }) };
}

/** What is used on the agent. */
function holdings(agent: Agent): Allocated[] {
  const allocated: Allocated[] = [];
  for (const { holding, framework, role, resources } of agent.tasks) {
    if (holding) allocated.push({ frameworkId: framework.frameworkId, role, resources });
  }
  for (const executors of agent.executors.values()) {
    for (const { framework, role, resources } of executors.values()) {
      allocated.push({ frameworkId: framework.frameworkId, role, resources });
    }
  }
  return allocated;
}

/** The resources without custom ones that the agent does not have, or has as another kind: they cannot be counted on it. */
function known(resources: Resources, { resources: total }: AgentInfo): Resources {
  if (resources.custom.length === 0) return resources;
  const custom = resources.custom.filter((held) =>
    total.custom.some((owned) => {
      const kind = 'scalar' in owned ? 'scalar' : 'ranges' in owned ? 'ranges' : 'set';
      return owned.name === held.name && kind in held;
    }),
  );
  return { ...resources, custom };
}
