import type { Demand, Offer } from '@proffer/sdk/model';
import type { App } from './app.js';
import type { Context } from './context.js';
import type { Launch } from './effects.js';
import type { Instance } from './instance.js';
import { match } from './matching.js';
import { taskIdPrefix } from './path-id.js';
import { isOutdated } from './plan.js';
import { instanceChanged } from './statuses.js';
import { appDemand, appOfDemand, demandName, taskInfo } from './task.js';

/** For how long an offer that did not fit should not come back; one that nobody needs any more may at once. */
const REFUSE_SECONDS = 5;

/** The same after a constraint said no: that seldom changes by itself, and what changes it revives. */
const CONSTRAINT_REFUSE_SECONDS = 30;

/** Launches what is missing on an offer and declines what is left of it. Returns the apps that got an instance. */
export function useOffer(context: Context, offer: Offer, now: number): ReadonlySet<string> {
  let left = offer.resources;
  const tasks: Launch[] = [];
  const served = new Set<string>();
  let refuseSeconds = 0;
  for (const app of wanting(context, offer, now)) {
    const log = context.offerLog(app.id);
    const others = neighbours(context, app);
    while ((context.missing.get(app.id) ?? 0) > 0) {
      const result = match(app, offer, left, others);
      if ('reason' in result) {
        // Only an offer that gave the app nothing at all counts as unused for it.
        if (!served.has(app.id)) log.rejected(offer.hostname, result.reason, result.detail, now);
        refuseSeconds = Math.max(
          refuseSeconds,
          result.reason === 'UnfulfilledConstraint' ? CONSTRAINT_REFUSE_SECONDS : REFUSE_SECONDS,
        );
        break;
      }
      left = result.left;
      const instance = newInstance(context, app, offer, result.ports, now);
      tasks.push({ ...taskInfo(app, instance), demand: demandName(app) });
      if (app.constraints.length > 0) others.push(instance);
      served.add(app.id);
      log.used(offer.hostname, now);
    }
  }
  if (tasks.length > 0) context.calls.push({ type: 'accept', offerId: offer.offerId, tasks, refuseSeconds });
  else context.calls.push({ type: 'decline', offerId: offer.offerId, refuseSeconds });
  return served;
}

/** The apps that the offer was cut for, as far as they still miss instances and may launch now. */
function wanting(context: Context, offer: Offer, now: number): App[] {
  return offer.demand.flatMap(({ name }) => {
    const app = context.state.app(appOfDemand(name));
    // An entry of an earlier configuration is nobody's any more.
    const wanted = app !== undefined && demandName(app) === name && context.missing.has(app.id);
    return wanted && context.queue.readyAt(app, now) <= now ? [app] : [];
  });
}

/** The instances that constraints look at: those of the same configuration that are there to stay. */
function neighbours(context: Context, app: App): Instance[] {
  if (app.constraints.length === 0) return [];
  return context.state.instancesOf(app.id).filter((instance) => instance.killedAt === undefined && !isOutdated(instance, app));
}

function newInstance(context: Context, app: App, offer: Offer, ports: readonly number[], now: number): Instance {
  const instance: Instance = {
    taskId: `${taskIdPrefix(app.id)}.instance-${context.options.newId()}._app.1`,
    appId: app.id,
    version: app.version,
    configVersion: app.versionInfo.lastConfigChangeAt,
    agentId: offer.agentId,
    hostname: offer.hostname,
    attributes: offer.attributes,
    ports,
    stagedAt: now,
    state: 'TASK_STAGING',
  };
  context.state.saveInstance(instance);
  context.missing.set(app.id, (context.missing.get(app.id) ?? 1) - 1);
  instanceChanged(context, instance, now);
  return instance;
}

/** One entry for each app that misses instances and is not held back. */
export function demandNow(context: Context, now: number): Demand[] {
  const demand: Demand[] = [];
  for (const [appId, count] of context.missing) {
    const app = context.state.app(appId);
    if (app === undefined || count === 0 || context.queue.readyAt(app, now) > now) continue;
    demand.push(appDemand(app, count));
  }
  return demand;
}
