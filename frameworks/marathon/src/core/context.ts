import type { Call, MarathonEvent } from './effects.js';
import type { Instance } from './instance.js';
import { LaunchQueue } from './launch-queue.js';
import { OfferLog } from './offer-log.js';
import { State } from './state.js';

export interface CoreOptions {
  /** The role whose resources the framework is offered. */
  readonly role: string;
  /** Gives an id that was never given before; the core itself has no randomness. */
  readonly newId: () => string;
}

/** What the parts of the core share: what is known, what has to be looked at, and what is to be said. */
export class Context {
  readonly state = new State();
  readonly queue = new LaunchQueue();
  readonly options: CoreOptions;
  /** Apps to look at in the next turn. */
  readonly dirty = new Set<string>();
  /** How many instances of which app are missing. */
  readonly missing = new Map<string, number>();
  /** When an app has to be looked at though nothing happens. */
  readonly due = new Map<string, number>();
  /** When a kill was last sent for a task; a lost one is sent again. */
  readonly killSent = new Map<string, number>();
  /** An instance is gone that others had to keep away from: agents that were declined are worth another look. */
  revive = false;
  calls: Call[] = [];
  events: MarathonEvent[] = [];
  readonly #offerLogs = new Map<string, OfferLog>();

  constructor(options: CoreOptions) {
    this.options = options;
  }

  emit(eventType: string, now: number, fields: Readonly<Record<string, unknown>> = {}): void {
    this.events.push({ eventType, timestamp: new Date(now).toISOString(), ...fields });
  }

  /** What the app's offers came to since it began to wait. */
  offerLog(appId: string): OfferLog {
    let log = this.#offerLogs.get(appId);
    if (log === undefined) this.#offerLogs.set(appId, (log = new OfferLog()));
    return log;
  }

  /** The instance is no more. */
  drop(instance: Instance): void {
    this.state.removeInstance(instance);
    this.killSent.delete(instance.taskId);
    this.dirty.add(instance.appId);
    this.revive ||= (this.state.app(instance.appId)?.constraints.length ?? 0) > 0;
  }

  /** What was sent to a master before may never have reached it: every kill that still counts is sent again. */
  resendKills(): void {
    for (const { appId, killedAt } of this.state.instances.values()) if (killedAt !== undefined) this.dirty.add(appId);
    this.killSent.clear();
  }

  forgetOffers(appId: string): void {
    this.#offerLogs.delete(appId);
  }
}
