import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { equals, type Demand, type FrameworkInfo, type Offer, type TaskStatus } from '../model/index.js';
import { systemClock, type Clock } from '../transport/index.js';
import { SchedulerDriver, type MasterLink } from './driver.js';
import { Fleet, type FleetTask } from './fleet.js';
import { toWantedSet, type TaskSet } from './task-set.js';
import type { Launch } from './types.js';

export interface SchedulerOptions {
  /** The master's ZeroMQ endpoint, like `tcp://127.0.0.1:5060`, or any other link to it. */
  readonly master: MasterLink;
  /** Who the framework is: its name is enough. A second run under one name and principal takes the tasks over. */
  readonly framework: FrameworkInfo;
  readonly clock?: Clock;
  /** Makes the unique part of a task's id. */
  readonly newId?: () => string;
}

/** What a {@link Scheduler} tells, by name and arguments. Without a listener for `error`, an error is thrown. */
export interface SchedulerEvents {
  subscribed: [frameworkId: string];
  disconnected: [message: string];
  launched: [task: Launch, offer: Offer];
  /** Every status that says something new, acknowledged already. */
  status: [status: TaskStatus, task: FleetTask | undefined];
  error: [error: Error];
}

/** A task id that no task has: the answer to the question for it says that all answers before it are in. */
const MARKER = 'reconciliation.end';

/** How often to ask how tasks are: soon after a launch or a change of master, then more and more seldom. */
const RECONCILE_MIN_MS = 10_000;
const RECONCILE_MAX_MS = 600_000;

/**
 * A complete scheduler for tasks that should run: it asks for what is missing, launches on offers, acknowledges,
 * reconciles, and replaces what ends, with back-off. Tasks of an earlier run under the same framework name are taken over.
 *
 *     const scheduler = new Scheduler({ master: 'tcp://127.0.0.1:5060', framework: { name: 'hello' } });
 *     scheduler.want({ name: 'web', count: 3, resources: 'cpus:0.1;mem:32', command: 'sleep 1000' });
 *     scheduler.start();
 */
export class Scheduler extends EventEmitter<SchedulerEvents> {
  readonly #driver: SchedulerDriver;
  readonly #clock: Clock;
  readonly #fleet: Fleet;
  /** The demand that the master has of us, by name. */
  #declared = new Map<string, Demand>();
  /** The newest DEMAND: what the driver subscribes with. */
  #sent: readonly Demand[] = [];
  /** True once it is known what an earlier run left running. */
  #settled = false;
  #reconcileMs = RECONCILE_MIN_MS;
  #cancelReconcile: () => void = () => {};
  #cancelWake: () => void = () => {};

  constructor(options: SchedulerOptions) {
    super();
    this.#clock = options.clock ?? systemClock;
    this.#fleet = new Fleet(options.newId ?? randomUUID);
    this.#driver = new SchedulerDriver(
      { link: options.master, frameworkInfo: options.framework, demand: [], clock: this.#clock },
      {
        subscribed: ({ frameworkId }) => this.#onSubscribed(frameworkId),
        disconnected: (_code, message) => this.emit('disconnected', message),
        offers: (offers) => this.#onOffers(offers),
        update: (status) => this.#onUpdate(status),
        failure: () => this.#reconcileSoon(),
        rejected: (received = 'a call', code, message) => {
          this.emit('error', new Error(`${received} was refused: ${code}: ${message}`));
        },
        error: (code, message) => this.emit('error', new Error(`the subscription ended: ${code}: ${message}`)),
      },
    );
  }

  /** Tasks that run, or are about to. */
  get tasks(): readonly FleetTask[] {
    return this.#fleet.tasks;
  }

  /** Adds a set of tasks, or changes its count. Throws RangeError naming the field. */
  want(set: TaskSet): this {
    this.#fleet.want(toWantedSet(set));
    this.#refresh();
    return this;
  }

  /** Ends all tasks of this set. */
  unwant(name: string): void {
    this.#fleet.unwant(name);
    this.#refresh();
  }

  start(): this {
    this.#driver.start();
    return this;
  }

  /** Disconnects; the tasks run on, until the framework's failover timeout. */
  async stop(): Promise<void> {
    this.#cancelReconcile();
    this.#cancelWake();
    await this.#driver.stop();
  }

  /** Ends the framework with all its tasks, if a master can be reached now. Its id never comes back. */
  async teardown(): Promise<void> {
    this.#driver.teardown();
    await this.stop();
  }

  #onSubscribed(frameworkId: string): void {
    this.#declared = byName(this.#sent);
    this.emit('subscribed', frameworkId);
    if (!this.#settled) this.#settle();
    this.#reconcileSoon();
    this.#refresh();
  }

  /** Asks for all tasks, and for one that does not exist: once its answer is here, all others are. */
  #settle(): void {
    this.#driver.reconcile();
    this.#driver.reconcile([{ taskId: MARKER }]);
  }

  #onOffers(offers: readonly Offer[]): void {
    for (const offer of offers) {
      const launches = this.#settled ? this.#fleet.place(offer, this.#clock.now()) : [];
      if (launches.length === 0) this.#driver.decline([offer.offerId]);
      else this.#launch(offer, launches);
    }
    this.#refresh();
  }

  #launch(offer: Offer, launches: readonly Launch[]): void {
    this.#driver.accept([offer.offerId], launches);
    for (const launch of launches) {
      const declared = launch.demand === undefined ? undefined : this.#declared.get(launch.demand);
      // The master takes off what was launched by itself.
      if (declared !== undefined) this.#declared.set(declared.name, { ...declared, count: declared.count - 1 });
      this.emit('launched', launch, offer);
    }
    this.#reconcileSoon();
  }

  #onUpdate(status: TaskStatus): void {
    if (status.taskId === MARKER) {
      this.#settled = true;
    } else {
      const before = this.#fleet.task(status.taskId);
      const task = this.#fleet.onStatus(status, this.#clock.now());
      // Acknowledged once it is noted: there is nothing else here that could be lost.
      this.#driver.acknowledge(status);
      const isNews = status.reason !== 'REASON_RECONCILIATION' || before?.state !== status.state;
      if (isNews) this.emit('status', status, task);
    }
    this.#refresh();
  }

  /** Kills what is too much, and declares what is missing where that is news to the master. */
  #refresh(): void {
    if (!this.#settled) return;
    for (const { taskId, agentId } of this.#fleet.takeSurplus()) this.#driver.kill(taskId, { ...(agentId && { agentId }) });
    const now = this.#clock.now();
    const demand = this.#fleet.demand(now);
    if (!this.#isDeclared(demand)) {
      this.#declared = byName(demand);
      this.#sent = demand;
      this.#driver.demand(demand);
    }
    this.#cancelWake();
    const next = this.#fleet.nextLaunchAt(now);
    if (next !== undefined) this.#cancelWake = this.#clock.after(next - now, () => this.#refresh());
  }

  #isDeclared(demand: readonly Demand[]): boolean {
    const open = [...this.#declared.values()].filter((entry) => entry.count > 0);
    return open.length === demand.length && demand.every((entry) => sameDemand(entry, this.#declared.get(entry.name)));
  }

  #reconcileSoon(): void {
    this.#reconcileMs = RECONCILE_MIN_MS;
    this.#reconcileLater();
  }

  #reconcileLater(): void {
    this.#cancelReconcile();
    this.#cancelReconcile = this.#clock.after(this.#reconcileMs, () => {
      if (!this.#settled) this.#settle();
      const tasks = this.#fleet.tasks.map(({ taskId, agentId }) => ({ taskId, ...(agentId && { agentId }) }));
      if (tasks.length > 0) this.#driver.reconcile(tasks);
      this.#resendKills();
      this.#reconcileMs = Math.min(RECONCILE_MAX_MS, this.#reconcileMs * 2);
      this.#reconcileLater();
    });
  }

  /** A KILL is at most once: those that still run did not get it, or take their time, and are told again. */
  #resendKills(): void {
    for (const { taskId, agentId, killed } of this.#fleet.tasks) {
      if (killed) this.#driver.kill(taskId, { ...(agentId && { agentId }) });
    }
  }
}

function byName(demand: readonly Demand[]): Map<string, Demand> {
  return new Map(demand.map((entry) => [entry.name, entry]));
}

function sameDemand(a: Demand, b: Demand | undefined): boolean {
  if (b === undefined || a.count !== b.count || a.ports !== b.ports || a.maxPerAgent !== b.maxPerAgent) return false;
  return equals(a.resources, b.resources);
}
