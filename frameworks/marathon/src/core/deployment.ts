import { isOutdated } from './plan.js';
import { isHealthy, type Instance } from './instance.js';
import type { App } from './app.js';

/** How long a deployment may make no progress before it is paused and says why. */
export const PROGRESS_DEADLINE_MS = 10 * 60 * 1000;

export type ActionName = 'StartApplication' | 'ScaleApplication' | 'RestartApplication' | 'StopApplication';

export interface Action {
  readonly action: ActionName;
  readonly app: string;
}

/** One change of one app, as a deployment remembers it for going on after a crash and for rolling back. */
export interface AppChange {
  readonly appId: string;
  readonly action: ActionName;
  /** The definition before; absent for a new app. */
  readonly before?: App;
}

/** A change of apps on its way from one definition to the next. */
export interface Deployment {
  readonly id: string;
  readonly version: string;
  readonly startedAt: number;
  readonly changes: readonly AppChange[];
  /** `paused`: no progress before the deadline. It goes on by itself if things move again, and gives way to any other change. */
  state: 'running' | 'paused';
  progressAt: number;
  /** Highest {@link progress} so far. */
  progress: number;
}

/** The actions in order: what is stopped or begins first, then everything that runs up. */
export function steps(deployment: Deployment): readonly (readonly Action[])[] {
  const actions = deployment.changes.map(({ action, appId }): Action => ({ action, app: appId }));
  const first = actions.filter(({ action }) => action === 'StopApplication' || action === 'StartApplication');
  const second = actions
    .filter(({ action }) => action !== 'StopApplication')
    .map(({ action, app }): Action => ({ action: action === 'StartApplication' ? 'ScaleApplication' : action, app }));
  return [first, second].filter((step) => step.length > 0);
}

/** Everything an app's deployment is to bring about has come about. */
export function isDone(app: App | undefined, instances: readonly Instance[], replacing: boolean): boolean {
  if (app === undefined) return instances.length === 0;
  const staying = instances.filter((instance) => instance.unreachableSince === undefined);
  return (
    staying.length === app.instances &&
    staying.every((instance) => isHealthy(instance, app) && !(replacing && isOutdated(instance, app)))
  );
}

/** Grows with everything that brings an app closer to its definition. */
export function progress(app: App | undefined, instances: readonly Instance[], replacing: boolean): number {
  if (app === undefined) return -instances.length;
  const wrong = instances.filter((instance) => replacing && isOutdated(instance, app)).length;
  const right = instances.filter((instance) => !(replacing && isOutdated(instance, app)) && isHealthy(instance, app)).length;
  const surplus = Math.max(0, instances.length - app.instances);
  return Math.min(right, app.instances) - wrong - surplus;
}
