import type { SchedulerCalls } from '@proffer/sdk';
import type { Clock } from '@proffer/sdk/transport';
import { EventLog, type Logger, type Store } from '@proffer/sdk/service';
import type { Call, Effects, Input, Marathon, MarathonEvent } from './core/index.js';

/** Events kept for readers that come back: minutes of a busy cluster. */
const EVENTS_MAX = 10_000;

export interface RunnerOptions {
  readonly core: Marathon;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The store refused a write: the process must end, since it does not know any more what is true. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * Drives the core: gathers inputs, takes one turn for all that came in one turn of the loop, writes what it changed, and
 * only then tells the master and the readers of events. Writes and what follows them keep their order.
 */
export class Runner {
  readonly core: Marathon;
  readonly events: EventLog<MarathonEvent>;
  readonly #options: RunnerOptions;
  #calls: SchedulerCalls | undefined;
  #scheduled = false;
  #closed = false;
  #cancelWake: () => void = () => undefined;
  /** Settles when everything so far is written and told. */
  #told: Promise<void> = Promise.resolve();

  constructor(options: RunnerOptions) {
    this.core = options.core;
    this.#options = options;
    this.events = new EventLog({ capacity: EVENTS_MAX, firstId: options.clock.now() });
  }

  get now(): number {
    return this.#options.clock.now();
  }

  /** Where calls go from now on. */
  use(calls: SchedulerCalls | undefined): void {
    this.#calls = calls;
  }

  /** Something the master told. */
  input(input: Input): void {
    this.core.apply(input, this.now);
    this.schedule();
  }

  /** A call of the API: changes the core and resolves once the change is on disk. A Refusal changes nothing. */
  async act<T>(change: (now: number) => T): Promise<T> {
    const result = change(this.now);
    this.#turn();
    await this.#told;
    return result;
  }

  /** An event that has nothing to do with the core's state. */
  announce(eventType: string, fields: Readonly<Record<string, unknown>>): MarathonEvent {
    const event = { eventType, timestamp: new Date(this.now).toISOString(), ...fields };
    this.events.append(event);
    return event;
  }

  /** Takes a turn after everything that is ready now has been taken in. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#turn();
    });
  }

  /** Takes no turns any more; resolves when what was decided is written. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWake();
    await this.#told.catch(() => undefined);
  }

  #turn(): void {
    const effects = this.core.turn(this.now);
    this.#cancelWake();
    if (effects.wakeAt !== undefined) {
      this.#cancelWake = this.#options.clock.after(Math.min(effects.wakeAt - this.now, WAKE_MS_MAX), () => this.schedule());
    }
    const written = effects.changes.length === 0 ? undefined : this.#options.store.write(effects.changes);
    this.#told = this.#told.then(() => this.#finish(effects, written));
    // A failure is told through `onFatal`; whoever waits for `#told` gets it as well.
    this.#told.catch(() => undefined);
  }

  async #finish(effects: Effects, written: Promise<void> | undefined): Promise<void> {
    try {
      await written;
    } catch (error) {
      this.#closed = true;
      this.#options.onFatal(error);
      throw error;
    }
    for (const event of effects.events) this.events.append(event);
    for (const call of effects.calls) this.#perform(call);
  }

  #perform(call: Call): void {
    const calls = this.#calls;
    if (calls === undefined) return;
    switch (call.type) {
      case 'accept':
        return this.#accept(calls, call);
      case 'decline':
        return calls.decline([call.offerId], { refuseSeconds: call.refuseSeconds });
      case 'demand':
        return calls.demand(call.demand);
      case 'revive':
        return calls.revive();
      case 'kill':
        return calls.kill(call.taskId, {
          agentId: call.agentId,
          ...(call.killPolicy === undefined ? {} : { killPolicy: call.killPolicy }),
        });
      case 'acknowledge':
        return calls.acknowledge(call.status);
      case 'reconcile':
        return calls.reconcile(call.tasks);
      default:
        return call satisfies never;
    }
  }

  #accept(calls: SchedulerCalls, { offerId, tasks, refuseSeconds }: Extract<Call, { type: 'accept' }>): void {
    try {
      calls.accept([offerId], tasks, { refuseSeconds });
    } catch (error) {
      // The driver refuses what could never be valid: these tasks have failed, and the app says why.
      const message = error instanceof Error ? error.message : 'the launch was refused';
      this.#options.log.error({ err: error, offerId }, 'launch refused');
      const timestamp = this.now / 1000;
      for (const { taskId, agentId } of tasks) {
        this.input({
          type: 'update',
          status: {
            taskId,
            agentId,
            state: 'TASK_ERROR',
            source: 'SOURCE_MASTER',
            reason: 'REASON_TASK_INVALID',
            message,
            timestamp,
          },
        });
      }
    }
  }
}

/** Longest timer that Node keeps: 24.8 days. */
const WAKE_MS_MAX = 2 ** 31 - 1;
