import { formatResources } from '@proffer/sdk/model';
import type { App } from './app.js';
import type { Context } from './context.js';
import type { Deployment } from './deployment.js';
import { isHealthy } from './instance.js';
import type { TaskFailure } from './state.js';
import { appDemand } from './task.js';

/** What a deployment waits for, in one sentence. */
export function explainDeployment(context: Context, deployment: Deployment, now: number): string {
  const reasons = deployment.changes.map(({ appId }) => explain(context, appId, now));
  return reasons.find((reason) => reason !== undefined) ?? 'instances of an earlier configuration are being replaced';
}

function describe({ taskId, host, state, message }: TaskFailure): string {
  return `${taskId} on ${host} ended with ${state}${message === '' ? '' : `: ${message}`}`;
}

/** What an app waits for, in one sentence; undefined if it waits for nothing. */
export function explain(context: Context, appId: string, now: number): string | undefined {
  const { state, missing } = context;
  const app = state.app(appId);
  const instances = state.instancesOf(appId);
  if (app === undefined) return instances.length === 0 ? undefined : `${appId}: ${instances.length} tasks are ending`;
  const count = missing.get(appId) ?? 0;
  if (count > 0)
    return `${appId}: ${count} of ${app.instances} instances are not launched: ${whyMissing(context, app, count, now)}`;
  const starting = instances.filter(({ startedAt, killedAt }) => startedAt === undefined && killedAt === undefined).length;
  if (starting > 0) return `${appId}: ${starting} of ${app.instances} instances are starting`;
  const sick = instances.filter((instance) => instance.killedAt === undefined && !isHealthy(instance, app));
  const [first] = sick;
  if (first !== undefined) {
    const which = `${first.taskId} on ${first.hostname}`;
    return `${appId}: ${sick.length} of ${app.instances} instances run and are not healthy yet, ${which} among them`;
  }
  const ending = instances.filter(({ killedAt }) => killedAt !== undefined).length;
  return ending > 0 ? `${appId}: ${ending} tasks are ending` : undefined;
}

/** Why instances of an app are not launched: held back, refused by constraints or sizes, or not offered anything. */
function whyMissing(context: Context, app: App, count: number, now: number): string {
  const failure = context.state.failures.get(app.id);
  const ready = context.queue.readyAt(app, now);
  if (ready > now) {
    const seconds = Math.ceil((ready - now) / 1000);
    return `held back for ${seconds} s because ${failure === undefined ? 'a task failed' : describe(failure)}`;
  }
  const rejected = context.offerLog(app.id).sentence();
  if (rejected !== undefined) return `no offer fits: ${rejected}`;
  const { resources, ports = 0 } = appDemand(app, count);
  return `no agent has offered ${formatResources(resources)}${ports > 0 ? ` and ${ports} ports` : ''} yet`;
}
