import {
  add,
  contains,
  formatResources,
  NO_PAIRS,
  NO_RESOURCES,
  overlaps,
  subtract,
  type Resources,
  type TaskStatus,
} from '@proffer/sdk/model';
import { LAUNCH_TASKS_MAX, type Call, type TaskLaunch } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import { addExecutor, findExecutor } from './executors.js';
import { dropOffer, refuseUntil, returnOffer } from './offers.js';
import type { Agent, Executor, Framework, HeldOffer } from './state.js';
import { masterStatus } from './statuses.js';
import { addTask, holdTask } from './tasks.js';
import { invalidTask } from './validation.js';

/** ACCEPT: launches tasks on offers of one agent and role; what is left of them is declined. */
export function acceptOffers(cluster: Cluster, framework: Framework, call: Call<'ACCEPT'>): void {
  const held: HeldOffer[] = [];
  const fault = collect(cluster, framework, call.offerIds, held);
  if (fault !== undefined) {
    cluster.counters.invalidAccepts++;
    for (const offer of held) returnOffer(cluster, offer);
    for (const { taskInfos } of call.operations) for (const task of taskInfos) drop(cluster, framework, task, fault);
    return;
  }
  const launch = new Launch(cluster, framework, held);
  for (const { taskInfos } of call.operations) for (const task of taskInfos) launch.add(task);
  launch.commit(call);
}

/** The offers, all of one agent and role, and the framework's; or what is wrong with them: one bad id spoils all. */
function collect(cluster: Cluster, framework: Framework, offerIds: readonly string[], held: HeldOffer[]): string | undefined {
  let fault: string | undefined;
  for (const offerId of offerIds) {
    const offer = cluster.offers.get(offerId);
    if (offer === undefined || offer.framework !== framework) {
      fault ??= `offer "${offerId}" is not valid (any more)`;
      continue;
    }
    if (held.includes(offer)) {
      fault ??= `offer "${offerId}" is named twice`;
      continue;
    }
    const first = held[0] ?? offer;
    if (offer.agent !== first.agent) fault ??= `offers "${first.offer.offerId}" and "${offerId}" are of different agents`;
    if (offer.grant.role !== first.grant.role) {
      fault ??= `offers "${first.offer.offerId}" and "${offerId}" are of different roles`;
    }
    held.push(offer);
  }
  return fault;
}

function drop(cluster: Cluster, framework: Framework, task: TaskLaunch, fault: string): void {
  cluster.tell(framework, masterStatus(cluster, idsOf(task), 'TASK_DROPPED', 'REASON_INVALID_OFFERS', `Not launched: ${fault}`));
}

function idsOf({ taskId, agentId, executor }: TaskLaunch): Pick<TaskStatus, 'taskId' | 'agentId' | 'executorId'> {
  return executor === undefined ? { taskId, agentId } : { taskId, agentId, executorId: executor.executorId };
}

function formatLeft(left: Resources): string {
  return `of its offers only ${formatResources(left) || 'nothing'} is left`;
}

/** The tasks of one ACCEPT, judged one by one against what is left of its offers. */
class Launch {
  readonly #cluster: Cluster;
  readonly #framework: Framework;
  readonly #agent: Agent;
  readonly #role: string;
  readonly #held: readonly HeldOffer[];
  #left: Resources;
  #used: Resources = NO_RESOURCES;
  #tasks: TaskLaunch[] | undefined;
  readonly #launched = new Map<string, number>();

  constructor(cluster: Cluster, framework: Framework, held: readonly HeldOffer[]) {
    this.#cluster = cluster;
    this.#framework = framework;
    this.#held = held;
    const first = held[0]!;
    this.#agent = first.agent;
    this.#role = first.grant.role;
    this.#left = first.grant.resources;
    for (let i = 1; i < held.length; i++) this.#left = add(this.#left, held[i]!.grant.resources);
  }

  add(task: TaskLaunch): void {
    const executor = task.executor && findExecutor(this.#agent, this.#framework.frameworkId, task.executor.executorId);
    const fault = invalidTask(this.#framework, this.#agent, task) ?? this.#misfit(task, executor);
    if (fault !== undefined) {
      this.#cluster.counters.invalidTasks++;
      this.#cluster.tell(this.#framework, masterStatus(this.#cluster, idsOf(task), 'TASK_ERROR', 'REASON_TASK_INVALID', fault));
      return;
    }
    const needs = this.#needs(task, executor);
    this.#left = subtract(this.#left, needs);
    this.#used = this.#used === NO_RESOURCES ? needs : add(this.#used, needs);
    // Most ACCEPTs launch one task: a list of one takes an eighth of the memory of one that is made to grow.
    if (this.#tasks === undefined) this.#tasks = [task];
    else this.#tasks.push(task);
    this.#book(task, executor);
    const entry = this.#entryOf(task);
    if (entry !== undefined) this.#launched.set(entry, (this.#launched.get(entry) ?? 0) + 1);
  }

  /** Sends the tasks to the agent, and gives back what is left. */
  commit(call: Call<'ACCEPT'>): void {
    const cluster = this.#cluster;
    const { frameworkId } = this.#framework;
    for (const offer of this.#held) dropOffer(cluster, offer);
    cluster.allocator.settle(
      this.#held.map(({ grant }) => grant),
      { used: this.#used, launched: this.#launched, refuseUntil: refuseUntil(cluster, call.filters) },
    );
    cluster.counters.offersAccepted += this.#held.length;
    const launched = this.#tasks ?? [];
    cluster.counters.launches += launched.length;
    for (let i = 0; i < launched.length; i += LAUNCH_TASKS_MAX) {
      const tasks = launched.length <= LAUNCH_TASKS_MAX ? launched : launched.slice(i, i + LAUNCH_TASKS_MAX);
      cluster.send(this.#agent, { type: 'LAUNCH', frameworkId, role: this.#role, tasks });
    }
  }

  #needs(task: TaskLaunch, executor: Executor | undefined): Resources {
    return task.executor === undefined || executor !== undefined ? task.resources : add(task.resources, task.executor.resources);
  }

  /** Why a task that is valid in itself cannot be launched on these offers. */
  #misfit(task: TaskLaunch, executor: Executor | undefined): string | undefined {
    if (executor !== undefined && executor.role !== this.#role) {
      const { executorId, role } = executor;
      return `executor "${executorId}" runs in role "${role}", so its tasks cannot use offers to "${this.#role}"`;
    }
    const own = executor === undefined ? task.executor?.resources : undefined;
    if (own === undefined) {
      if (contains(this.#left, task.resources)) return undefined;
      return `resources: the task needs ${formatResources(task.resources)}, but ${formatLeft(this.#left)}`;
    }
    if (overlaps(task.resources, own)) {
      return 'executor.resources must not name ports or other single things that the task itself asks for';
    }
    // Each alone first: only what fits can be added, since a custom resource may be of another kind on either side.
    const alone = contains(this.#left, task.resources) && contains(this.#left, own);
    if (alone && contains(this.#left, add(task.resources, own))) return undefined;
    const needed = `${formatResources(task.resources)} and its executor ${formatResources(own)}`;
    return `resources: the task needs ${needed}, but ${formatLeft(this.#left)}`;
  }

  #book(task: TaskLaunch, executor: Executor | undefined): void {
    const framework = this.#framework;
    const header = {
      taskId: task.taskId,
      name: task.name,
      role: this.#role,
      resources: task.resources,
      executorId: task.executor?.executorId,
      labels: task.labels ?? NO_PAIRS,
    };
    if (task.executor !== undefined && executor === undefined) {
      addExecutor(framework, this.#agent, task.executor.executorId, this.#role, task.executor.resources);
    }
    holdTask(addTask(this.#cluster, framework, this.#agent, header, this.#cluster.now));
  }

  /** The demand entry that the task answers: the one it names, or the first of its offers' that is not used up. */
  #entryOf(task: TaskLaunch): string | undefined {
    if (task.demand !== undefined) return task.demand;
    for (const { grant } of this.#held) {
      for (const { name, count } of grant.demand) if ((this.#launched.get(name) ?? 0) < count) return name;
    }
    return undefined;
  }
}
