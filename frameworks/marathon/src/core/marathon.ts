import type { Offer } from '@proffer/sdk/model';
import type { App, AppUpdate } from './app.js';
import { cancel, changeApps, reversal, type Changed, type Wish } from './changes.js';
import { Context, type CoreOptions } from './context.js';
import { converge, end } from './converge.js';
import type { Effects, Input } from './effects.js';
import type { Instance } from './instance.js';
import { demandNow, useOffer } from './offers.js';
import { Reconciler } from './reconciler.js';
import { Refusal } from './refusal.js';
import { takeStatus } from './statuses.js';

/** Entries of the demand that are declared at once; the rest follows when these are launched. */
const DEMAND_ENTRIES_MAX = 10_000;

export interface Definition {
  readonly appId: string;
  readonly update: AppUpdate;
  /** Fields that are not given keep what they were (true), or take their defaults (false). */
  readonly partial: boolean;
}

/**
 * The framework as a deterministic state machine. Inputs and the calls of the API change what it knows; {@link turn}
 * then says what follows from all of them together. Whatever a turn changes is written before any of its calls is made.
 */
export class Marathon {
  readonly #context: Context;
  readonly #reconciler = new Reconciler();
  #offers = new Map<string, Offer>();
  #connected = false;
  /** The demand as the master has it; undefined when it has to be told again. */
  #declared: string | undefined;

  constructor(options: CoreOptions) {
    this.#context = new Context(options);
  }

  /** What is known, for reading. */
  get context(): Context {
    return this.#context;
  }

  /** Takes up what an earlier run has written. */
  load(entries: Iterable<readonly [key: string, value: unknown]>): void {
    const { state, dirty } = this.#context;
    state.load(entries);
    for (const appId of state.apps.keys()) dirty.add(appId);
    for (const { appId } of state.instances.values()) dirty.add(appId);
  }

  /** Takes in what the master tells. */
  apply(input: Input, now: number): void {
    const { state } = this.#context;
    switch (input.type) {
      case 'subscribed':
        this.#connected = true;
        this.#declared = undefined;
        this.#reconciler.restart(now);
        this.#context.resendKills();
        this.#context.emit(state.frameworkId === undefined ? 'scheduler_registered_event' : 'scheduler_reregistered_event', now, {
          frameworkId: input.frameworkId,
        });
        if (state.frameworkId !== input.frameworkId) state.saveFramework(input.frameworkId);
        break;
      case 'disconnected':
        this.#connected = false;
        this.#offers.clear();
        this.#context.emit('scheduler_disconnected_event', now);
        break;
      case 'removed':
        this.#connected = false;
        this.#offers.clear();
        state.forgetFramework();
        for (const instance of [...state.instances.values()]) this.#context.drop(instance);
        break;
      case 'offers':
        for (const offer of input.offers) this.#offers.set(offer.offerId, offer);
        break;
      case 'rescind':
        this.#offers.delete(input.offerId);
        break;
      case 'update':
        takeStatus(this.#context, input.status, now);
        break;
      default:
        input satisfies never;
    }
  }

  /** Creates an app. Throws a Refusal if it is there, or is not valid. */
  create(appId: string, update: AppUpdate, force: boolean, now: number): Changed {
    if (this.#context.state.app(appId) !== undefined) throw new Refusal('conflict', `An app with id [${appId}] already exists.`);
    return changeApps(this.#context, [{ appId, type: 'define', update, base: undefined }], force, now);
  }

  /** Creates or changes apps in one deployment. */
  define(definitions: readonly Definition[], force: boolean, now: number): Changed {
    const wishes = definitions.map(({ appId, update, partial }): Wish => {
      const base = partial ? this.#context.state.app(appId) : undefined;
      return { appId, type: 'define', update, base };
    });
    return changeApps(this.#context, wishes, force, now);
  }

  /** Goes back to an earlier version of an app. */
  revert(appId: string, version: string, force: boolean, now: number): Changed {
    this.existing(appId);
    return changeApps(this.#context, [{ appId, type: 'revert', to: this.version(appId, version) }], force, now);
  }

  restart(appId: string, force: boolean, now: number): Changed {
    return changeApps(this.#context, [{ appId, type: 'restart' }], force, now);
  }

  remove(appId: string, force: boolean, now: number): Changed {
    this.existing(appId);
    return changeApps(this.#context, [{ appId, type: 'delete' }], force, now);
  }

  /** Ends these tasks of apps; they are replaced, unless `scale` makes their apps so much smaller. */
  kill(instances: readonly Instance[], scale: boolean, force: boolean, now: number): Changed | undefined {
    const alive = instances.filter(
      ({ appId, killedAt }) => killedAt === undefined && this.#context.state.app(appId) !== undefined,
    );
    const counts = new Map<string, number>();
    for (const { appId } of alive) counts.set(appId, (counts.get(appId) ?? 0) + 1);
    const smaller = Array.from(counts, ([appId, count]): Definition => {
      return { appId, update: { instances: Math.max(0, this.existing(appId).instances - count) }, partial: true };
    });
    const changed = scale && smaller.length > 0 ? this.define(smaller, force, now) : undefined;
    for (const instance of alive) end(this.#context, instance, now);
    return changed;
  }

  /** Takes a deployment back by another one; with `force` it is only stopped where it is. */
  cancelDeployment(id: string, force: boolean, now: number): Changed | undefined {
    const deployment = this.#context.state.deployments.get(id);
    if (deployment === undefined) throw new Refusal('notFound', `Deployment '${id}' does not exist`);
    if (!force) return changeApps(this.#context, reversal(deployment), true, now);
    cancel(this.#context, deployment, now);
    return undefined;
  }

  /** Launches without waiting for the back-off to end. */
  resetDelay(appId: string): void {
    this.existing(appId);
    this.#context.queue.reset(appId);
    this.#context.dirty.add(appId);
  }

  /** The app; throws a Refusal if it is not there. */
  existing(appId: string): App {
    const app = this.#context.state.app(appId);
    if (app === undefined) throw new Refusal('notFound', `App '${appId}' does not exist`);
    return app;
  }

  /** One version of an app; throws a Refusal if it is not kept. */
  version(appId: string, version: string): App {
    const found = this.#context.state.versionsOf(appId).find((app) => app.version === version);
    if (found === undefined) throw new Refusal('notFound', `App '${appId}' does not have the version '${version}'`);
    return found;
  }

  /** Looks at everything that changed or is due, and says what follows from it. */
  turn(now: number): Effects {
    const context = this.#context;
    for (const [appId, at] of context.due) if (at <= now) context.dirty.add(appId);
    const looked = context.dirty.size > 0;
    for (const appId of context.dirty) converge(context, appId, now);
    context.dirty.clear();
    if (this.#connected) this.#talk(looked, now);
    return this.#take(now);
  }

  #talk(looked: boolean, now: number): void {
    const context = this.#context;
    context.calls.push(...this.#reconciler.due([...context.state.instances.values()], now));
    if (context.revive) context.calls.push({ type: 'revive' });
    context.revive = false;
    const served = new Set<string>();
    for (const offer of this.#offers.values()) for (const appId of useOffer(context, offer, now)) served.add(appId);
    for (const appId of served) converge(context, appId, now);
    const launched = served.size > 0;
    this.#offers = new Map();
    context.dirty.clear();
    // The master takes launched tasks off the demand by itself: say it again even if it reads the same.
    if (launched) this.#declared = undefined;
    if (looked || launched || this.#declared === undefined) this.#declare(now);
  }

  #declare(now: number): void {
    const demand = demandNow(this.#context, now).slice(0, DEMAND_ENTRIES_MAX);
    const declared = JSON.stringify(demand);
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#context.calls.push({ type: 'demand', demand });
  }

  #take(now: number): Effects {
    const context = this.#context;
    const changes = context.state.takeChanges();
    const { calls, events } = context;
    context.calls = [];
    context.events = [];
    const wakeAt = Math.min(...context.due.values(), this.#connected ? this.#reconciler.nextAt : Infinity);
    return { changes, calls, events, ...(wakeAt === Infinity ? {} : { wakeAt: Math.max(now, wakeAt) }) };
  }
}
