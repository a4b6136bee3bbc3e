import type { Attribute, TaskState } from '@proffer/sdk/model';
import type { App } from './app.js';

/** One task of an app, from the moment that it is stored (before it is launched) until its last status. */
export interface Instance {
  readonly taskId: string;
  readonly appId: string;
  /** The app's version and configuration that it was launched with. */
  readonly version: string;
  readonly configVersion: string;
  readonly agentId: string;
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  readonly ports: readonly number[];
  /** Milliseconds since 1970, as all times here. */
  readonly stagedAt: number;
  state: TaskState;
  startedAt?: number;
  /** The last result of its health check; absent while there is none. */
  healthy?: boolean;
  firstHealthyAt?: number;
  healthChangedAt?: number;
  unreachableSince?: number;
  /** When it was first asked to end. It still takes its place until it has. */
  killedAt?: number;
}

/** Takes part in keeping the app's capacity: runs, is not asked to end, and its health check (if any) says yes. */
export function isHealthy(instance: Instance, app: App): boolean {
  if (instance.state !== 'TASK_RUNNING' || instance.killedAt !== undefined) return false;
  return app.healthChecks.length === 0 || instance.healthy === true;
}

/** When an unreachable instance stops to count, so that another is launched in its place; undefined if it counts on. */
export function inactiveAt(instance: Instance, app: App): number | undefined {
  if (instance.unreachableSince === undefined || app.unreachableStrategy === 'disabled') return undefined;
  return instance.unreachableSince + app.unreachableStrategy.inactiveAfterSeconds * 1000;
}

/** When an unreachable instance is forgotten; it is killed if it comes back later. */
export function expungeAt(instance: Instance, app: App): number | undefined {
  if (instance.unreachableSince === undefined || app.unreachableStrategy === 'disabled') return undefined;
  return instance.unreachableSince + app.unreachableStrategy.expungeAfterSeconds * 1000;
}

/** Takes one of the app's places now. */
export function counts(instance: Instance, app: App, now: number): boolean {
  const inactive = inactiveAt(instance, app);
  return inactive === undefined || now < inactive;
}

/** The order in which instances are ended: out of reach, not healthy, then as the app says. */
export function killOrder(app: App): (a: Instance, b: Instance) => number {
  const badness = (instance: Instance): number =>
    instance.unreachableSince !== undefined ? 0 : isHealthy(instance, app) ? 2 : 1;
  const direction = app.killSelection === 'YOUNGEST_FIRST' ? -1 : 1;
  return (a, b) => badness(a) - badness(b) || direction * (age(a) - age(b)) || (a.taskId < b.taskId ? -1 : 1);
}

function age(instance: Instance): number {
  return instance.startedAt ?? instance.stagedAt;
}
