import type { App } from './app.js';
import { countByValue, valueAt } from './constraints.js';
import { counts, isHealthy, killOrder, type Instance } from './instance.js';

/** What is to be done for one app now. */
export interface Plan {
  /** How many instances to launch. */
  readonly launch: number;
  readonly kill: readonly Instance[];
}

/** Bounds that hold while instances are replaced. */
export interface Capacity {
  readonly minHealthy: number;
  readonly maxCapacity: number;
}

/**
 * Marathon's bounds. Where they leave no room at all (nothing may be ended, nothing may be started), one instance more
 * may run.
 */
export function capacity(app: App): Capacity {
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  // Products of decimals like 10 * 0.7 miss the whole number by a hair.
  const minHealthy = Math.ceil(round(app.instances * minimumHealthCapacity));
  const maxCapacity = Math.floor(round(app.instances * (1 + maximumOverCapacity)));
  return { minHealthy, maxCapacity: maxCapacity === minHealthy ? maxCapacity + 1 : maxCapacity };
}

/**
 * What brings an app closer to its definition. Decided anew from what is there each time, so that a crash, a kill by
 * hand or a changed mind in the middle of a deployment need no special care.
 *
 * `replacing`: a deployment is replacing instances of another configuration. Without one they are as good as any.
 */
export function plan(app: App, instances: readonly Instance[], replacing: boolean, now: number): Plan {
  const live = instances.filter((instance) => counts(instance, app, now));
  const outdated = replacing ? live.filter((instance) => isOutdated(instance, app)) : [];
  return outdated.length > 0 ? replace(app, live, outdated) : scale(app, live, instances);
}

/** True if it runs another configuration than the app has now. */
export function isOutdated(instance: Instance, app: App): boolean {
  return instance.configVersion !== app.versionInfo.lastConfigChangeAt;
}

function replace(app: App, live: readonly Instance[], outdated: readonly Instance[]): Plan {
  const { minHealthy, maxCapacity } = capacity(app);
  const fresh = live.filter((instance) => !isOutdated(instance, app) && instance.killedAt === undefined);
  const surplus = [...fresh].sort(killOrder(app)).slice(0, Math.max(0, fresh.length - app.instances));
  const candidates = [...outdated.filter((instance) => instance.killedAt === undefined).sort(killOrder(app)), ...surplus];
  // Ending what is not healthy costs no capacity; of the healthy ones only as many as are to spare.
  let spare = Math.max(0, live.filter((instance) => isHealthy(instance, app)).length - minHealthy);
  const kill = candidates.filter((instance) => !isHealthy(instance, app) || spare-- > 0);
  const launch = Math.min(app.instances - fresh.length, maxCapacity - live.length);
  return { launch: Math.max(0, launch), kill };
}

function scale(app: App, live: readonly Instance[], instances: readonly Instance[]): Plan {
  const staying = live.filter((instance) => instance.killedAt === undefined);
  if (staying.length <= app.instances) {
    // What still ends keeps its place: there is never more than asked for.
    return { launch: Math.max(0, app.instances - live.length), kill: [] };
  }
  // With enough others in its place, an instance that is out of reach is ended when it comes back.
  const lost =
    app.instances === 0 ? instances.filter((instance) => instance.killedAt === undefined && !live.includes(instance)) : [];
  return { launch: 0, kill: [...chooseSurplus(app, staying, staying.length - app.instances), ...lost] };
}

/** GROUP_BY first: from the largest group; among those in the app's order. */
function chooseSurplus(app: App, staying: readonly Instance[], count: number): Instance[] {
  const left = [...staying].sort(killOrder(app));
  const field = app.constraints.find(([, operator]) => operator === 'GROUP_BY')?.[0];
  if (field === undefined) return left.slice(0, count);
  const groups = countByValue(left, field);
  const chosen: Instance[] = [];
  while (chosen.length < count) {
    const largest = Math.max(...groups.values());
    const found = left.findIndex((instance) => groups.get(valueAt(instance, field) ?? '') === largest);
    const [instance] = left.splice(Math.max(0, found), 1);
    if (instance === undefined) break;
    const value = valueAt(instance, field);
    if (value !== undefined) groups.set(value, (groups.get(value) ?? 1) - 1);
    chosen.push(instance);
  }
  return chosen;
}

function round(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
