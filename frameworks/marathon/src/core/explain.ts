import { formatResources } from '@proffer/sdk/model';
import type { Context } from './context.js';
import type { Deployment } from './deployment.js';
import { isHealthy } from './instance.js';
import { appDemand } from './task.js';

/** What a deployment waits for, in one sentence. */
export function explainDeployment(context: Context, deployment: Deployment, now: number): string {
  const reasons = deployment.changes.map(({ appId }) => explain(context, appId, now));
  return reasons.find((reason) => reason !== undefined) ?? 'instances of an earlier configuration are being replaced';
}

/** What an app waits for, in one sentence; undefined if it waits for nothing. */
export function explain(context: Context, appId: string, now: number): string | undefined {
  const { state, missing, queue } = context;
  const app = state.app(appId);
  const instances = state.instancesOf(appId);
  if (app === undefined) return instances.length === 0 ? undefined : `${appId}: ${instances.length} tasks are ending`;
  const count = missing.get(appId) ?? 0;
  if (count > 0) return `${appId}: ${count} of ${app.instances} instances are not launched: ${whyMissing()}`;
  const starting = instances.filter(({ startedAt, killedAt }) => startedAt === undefined && killedAt === undefined).length;
  if (starting > 0) return `${appId}: ${starting} of ${app.instances} instances are starting`;
  const sick = instances.filter((instance) => instance.killedAt === undefined && !isHealthy(instance, app));
  if (sick.length > 0) return `${appId}: ${sick.length} of ${app.instances} instances run and are not healthy yet, ${sick[0]!.taskId} on ${sick[0]!.hostname} among them`;
  const ending = instances.filter(({ killedAt }) => killedAt !== undefined).length;
  return ending > 0 ? `${appId}: ${ending} tasks are ending` : undefined;

  function whyMissing(): string {
    const failure = state.failures.get(appId);
    const ready = queue.readyAt(app!, now);
    if (ready > now) {
      const why = failure === undefined ? 'a task failed' : `${failure.taskId} on ${failure.host} ended with ${failure.state}${failure.message === '' ? '' : `: ${failure.message}`}`;
      return `held back for ${Math.ceil((ready - now) / 1000)} s because ${why}`;
    }
    const rejected = context.offerLog(appId).sentence();
    if (rejected !== undefined) return `no offer fits: ${rejected}`;
    const { resources, ports = 0 } = appDemand(app!, count);
    return `no agent has offered ${formatResources(resources)}${ports > 0 ? ` and ${ports} ports` : ''} yet`;
  }
}
