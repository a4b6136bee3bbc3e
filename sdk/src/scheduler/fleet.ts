import { add, isTerminal, NO_RESOURCES, type Demand, type Offer, type TaskState, type TaskStatus } from '../model/index.js';
import { fillOffer, type Vacancy } from './match.js';
import { setOf, type WantedSet } from './task-set.js';
import type { Launch } from './types.js';

/** A task that the scheduler launched, or found running when it subscribed. */
export interface FleetTask {
  readonly taskId: string;
  readonly set: string;
  readonly agentId: string | undefined;
  /** Staging until a status comes. */
  readonly state: TaskState;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** False until the first status. */
  readonly heard: boolean;
  /** True once it was told to end. */
  readonly killed: boolean;
}

interface SetState {
  readonly wanted: WantedSet;
  /** Tasks that ended and are not to be replaced. */
  done: number;
  /** Ends in a row without one that had run for {@link STEADY_MS}. */
  streak: number;
  /** Nothing is launched before. */
  notBefore: number;
}

/** A task that ran so long is no sign of a broken command. */
const STEADY_MS = 60_000;
const RESTART_DELAY_MIN_MS = 1_000;
const RESTART_DELAY_MAX_MS = 60_000;

/**
 * What should run and what does, without any I/O: statuses and offers in, launches, kills and demand out. Time comes
 * with the calls.
 */
export class Fleet {
  readonly #sets = new Map<string, SetState>();
  readonly #tasks = new Map<string, FleetTask>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  get tasks(): readonly FleetTask[] {
    return [...this.#tasks.values()];
  }

  task(taskId: string): FleetTask | undefined {
    return this.#tasks.get(taskId);
  }

  /** Adds a set, or changes one: running tasks stay as they were launched. */
  want(wanted: WantedSet): void {
    const before = this.#sets.get(wanted.name);
    this.#sets.set(wanted.name, { wanted, done: before?.done ?? 0, streak: 0, notBefore: 0 });
  }

  /** None of the set's tasks should run any more. */
  unwant(name: string): void {
    const state = this.#sets.get(name);
    if (state !== undefined) this.want({ ...state.wanted, count: 0 });
  }

  /** Takes note of a status; answers the task as it is now, or undefined for a task of no set of this fleet. */
  onStatus(status: TaskStatus, now: number): FleetTask | undefined {
    const before = this.#tasks.get(status.taskId);
    const state = this.#sets.get(before?.set ?? setOf(status.taskId));
    if (state === undefined) return undefined;
    const task: FleetTask = {
      taskId: status.taskId,
      set: state.wanted.name,
      agentId: status.agentId ?? before?.agentId,
      state: status.state,
      since: before?.since ?? now,
      heard: true,
      killed: before?.killed ?? false,
    };
    // Nobody knows an unknown task; should it turn up after all, its status brings it back.
    const ended = isTerminal(status.state) || status.state === 'TASK_UNKNOWN';
    if (!ended) this.#tasks.set(task.taskId, task);
    else if (this.#tasks.delete(task.taskId)) endTask(state, task, now);
    return task;
  }

  /** What to ask for now. */
  demand(now: number): Demand[] {
    const demand: Demand[] = [];
    for (const state of this.#sets.values()) {
      const count = this.#missing(state, now);
      const { name, resources, ports, maxPerAgent, template } = state.wanted;
      if (count === 0) continue;
      demand.push({
        name,
        resources: withExecutor(resources, template.executor?.resources ?? NO_RESOURCES),
        count,
        ...(ports > 0 && { ports }),
        ...(maxPerAgent < Number.POSITIVE_INFINITY && { maxPerAgent }),
      });
    }
    return demand;
  }

  /** What to launch on an offer; it counts as launched from now on. */
  place(offer: Offer, now: number): Launch[] {
    const vacancies: Vacancy[] = [];
    for (const state of this.#sets.values()) {
      const missing = this.#missing(state, now);
      if (missing === 0) continue;
      const here = this.#live(state.wanted.name).filter((task) => task.agentId === offer.agentId).length;
      vacancies.push({ set: state.wanted, missing, missingOnAgent: Math.max(0, state.wanted.maxPerAgent - here) });
    }
    const launches = fillOffer(offer, vacancies, this.#newId);
    for (const { taskId, agentId } of launches) {
      this.#tasks.set(
        taskId,
        { taskId, set: setOf(taskId), agentId, state: 'TASK_STAGING', since: now, heard: false, killed: false },
      );
    }
    return launches;
  }

  /** Tasks beyond what is wanted, the newest first, that were not told to end yet; they count as told from now on. */
  takeSurplus(): FleetTask[] {
    const surplus: FleetTask[] = [];
    for (const { wanted, done } of this.#sets.values()) {
      const live = this.#live(wanted.name);
      const count = live.length - Math.max(0, wanted.count - done);
      if (count > 0) surplus.push(...live.sort((a, b) => b.since - a.since).slice(0, count));
    }
    for (const task of surplus) this.#tasks.set(task.taskId, { ...task, killed: true });
    return surplus;
  }

  /** When a set that waits before the next launch may go on; undefined if none does. */
  nextLaunchAt(now: number): number | undefined {
    const times = [...this.#sets.values()].map((state) => state.notBefore).filter((time) => time > now);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Tasks that run or will, and were not told to end. */
  #live(set: string): FleetTask[] {
    return this.tasks.filter((task) => task.set === set && !task.killed && task.state !== 'TASK_UNREACHABLE');
  }

  #missing(state: SetState, now: number): number {
    if (now < state.notBefore) return 0;
    return Math.max(0, state.wanted.count - state.done - this.#live(state.wanted.name).length);
  }
}

function endTask(state: SetState, task: FleetTask, now: number): void {
  if (task.killed) return;
  const { restart } = state.wanted;
  if (restart === 'never' || (restart === 'onFailure' && task.state === 'TASK_FINISHED')) {
    state.done++;
    return;
  }
  state.streak = now - task.since >= STEADY_MS ? 1 : state.streak + 1;
  state.notBefore = now + Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** (state.streak - 1));
}

/** Each task of a demand is offered what it and an executor need: it may be the first on its agent. */
function withExecutor(resources: Demand['resources'], executor: Demand['resources']): Demand['resources'] {
  return executor === NO_RESOURCES ? resources : add(resources, executor);
}
