import { needsRestart, sameDefinition, type App, type AppUpdate } from './app.js';
import type { Context } from './context.js';
import { defineApp, type DefinitionContext } from './definition.js';
import { steps, type ActionName, type AppChange, type Deployment } from './deployment.js';
import { isOutdated } from './plan.js';
import { invalid, Refusal } from './refusal.js';

/** What is to become of one app. */
export type Wish =
  | { readonly appId: string; readonly type: 'define'; readonly update: AppUpdate; readonly base: App | undefined }
  /** The very definition of an earlier version, its configuration included. */
  | { readonly appId: string; readonly type: 'revert'; readonly to: App }
  | { readonly appId: string; readonly type: 'restart' }
  | { readonly appId: string; readonly type: 'delete' };

export interface Changed {
  readonly version: string;
  readonly deploymentId: string;
}

/**
 * Changes apps in one deployment. Everything is checked before anything is changed: a Refusal leaves all as it was.
 * `force` cancels deployments that are at work on the same apps.
 */
export function changeApps(context: Context, wishes: readonly Wish[], force: boolean, now: number): Changed {
  const { state } = context;
  checkTwice(wishes);
  checkLocks(context, wishes, force);
  const version = nextVersion(context, wishes, now);
  const targets = wishes.map((wish) => target(context, wish, version));
  const changes = targets.map(({ appId, app }): AppChange => {
    const before = state.app(appId);
    return { appId, action: actionFor(context, before, app), ...(before === undefined ? {} : { before }) };
  });
  for (const { appId } of changes) cancel(context, state.deploymentOf(appId), now);
  for (const { appId, app } of targets) {
    const stopped = app ?? state.app(appId);
    if (stopped !== undefined) state.saveApp(stopped, app === undefined);
    if (app?.versionInfo.lastConfigChangeAt === version) context.queue.reset(appId);
    context.forgetOffers(appId);
    context.dirty.add(appId);
  }
  const deployment: Deployment = {
    id: context.options.newId(),
    version,
    startedAt: now,
    changes,
    state: 'running',
    progressAt: now,
    progress: -Infinity,
  };
  state.saveDeployment(deployment);
  context.emit('group_change_success', now, { groupId: '/', version });
  context.emit('deployment_info', now, {
    plan: { id: deployment.id, version, steps: steps(deployment) },
    currentStep: steps(deployment)[0] ?? [],
  });
  return { version, deploymentId: deployment.id };
}

/** Stops a deployment where it is: what it has changed stays changed. */
export function cancel(context: Context, deployment: Deployment | undefined, now: number): void {
  if (deployment === undefined) return;
  context.state.removeDeployment(deployment);
  for (const { appId } of deployment.changes) context.dirty.add(appId);
  context.emit('deployment_failed', now, {
    id: deployment.id,
    plan: { id: deployment.id, version: deployment.version },
    reason: 'cancelled',
  });
}

/** The wishes that take a deployment back. */
export function reversal(deployment: Deployment): Wish[] {
  return deployment.changes.map(({ appId, before }): Wish =>
    before === undefined ? { appId, type: 'delete' } : { appId, type: 'revert', to: before },
  );
}

function checkTwice(wishes: readonly Wish[]): void {
  const seen = new Set<string>();
  for (const { appId } of wishes) {
    if (seen.has(appId)) throw invalid([{ path: '/id', errors: [`must be unique in the list, got "${appId}" twice`] }]);
    seen.add(appId);
  }
}

function checkLocks({ state }: Context, wishes: readonly Wish[], force: boolean): void {
  if (force) return;
  const running = new Set<string>();
  for (const { appId } of wishes) {
    const deployment = state.deploymentOf(appId);
    if (deployment?.state === 'running') running.add(deployment.id);
  }
  if (running.size === 0) return;
  const ids = [...running];
  throw new Refusal(
    'locked',
    `App is locked by one or more deployments. Override with the option '?force=true'. ` +
      `View details at '/v2/deployments/${ids[0]}'.`,
    { deployments: ids },
  );
}

/** The time, or the next free millisecond after the newest version of these apps. */
function nextVersion({ state }: Context, wishes: readonly Wish[], now: number): string {
  const newest = wishes.map(({ appId }) => Date.parse(state.versionsOf(appId)[0]?.version ?? '') || 0);
  return new Date(Math.max(now, ...newest.map((time) => time + 1))).toISOString();
}

function target(context: Context, wish: Wish, version: string): { readonly appId: string; readonly app: App | undefined } {
  const { appId } = wish;
  const current = context.state.app(appId);
  switch (wish.type) {
    case 'delete':
      return { appId, app: undefined };
    case 'restart': {
      if (current === undefined) throw new Refusal('notFound', `App '${appId}' does not exist`);
      return { appId, app: { ...current, version, versionInfo: { ...current.versionInfo, lastConfigChangeAt: version } } };
    }
    case 'revert':
      return { appId, app: { ...wish.to, version, versionInfo: { ...wish.to.versionInfo, lastScalingAt: version } } };
    case 'define': {
      const defined = defineApp(appId, wish.update, wish.base, definitionContext(context, appId, version));
      // The same once more makes no new version: the history holds what was different.
      if (current !== undefined && sameDefinition(current, defined)) return { appId, app: current };
      return { appId, app: { ...defined, versionInfo: versionInfo(context, current, defined, version) } };
    }
    default:
      return wish satisfies never;
  }
}

function definitionContext({ state, options }: Context, appId: string, version: string): DefinitionContext {
  const isServicePortTaken = (port: number): boolean => {
    for (const { app } of state.apps.values()) {
      if (app.id !== appId && app.portDefinitions.some((definition) => definition.port === port)) return true;
    }
    return false;
  };
  return { version, role: options.role, current: state.app(appId), isServicePortTaken };
}

/** Keeps the configuration's name where tasks would not differ, also from one that instances still run. */
function versionInfo({ state }: Context, current: App | undefined, defined: App, version: string): App['versionInfo'] {
  if (current === undefined) return { lastScalingAt: version, lastConfigChangeAt: version };
  const lastScalingAt = current.instances === defined.instances ? current.versionInfo.lastScalingAt : version;
  if (!needsRestart(current, defined)) return { ...current.versionInfo, lastScalingAt };
  const running = new Set(state.instancesOf(defined.id).map(({ configVersion }) => configVersion));
  const same = state
    .versionsOf(defined.id)
    .find((earlier) => running.has(earlier.versionInfo.lastConfigChangeAt) && !needsRestart(earlier, defined));
  return { lastScalingAt, lastConfigChangeAt: same?.versionInfo.lastConfigChangeAt ?? version };
}

function actionFor({ state }: Context, before: App | undefined, after: App | undefined): ActionName {
  if (after === undefined) return 'StopApplication';
  if (before === undefined) return 'StartApplication';
  const outdated = state.instancesOf(after.id).some((instance) => isOutdated(instance, after));
  return outdated || before.versionInfo.lastConfigChangeAt !== after.versionInfo.lastConfigChangeAt
    ? 'RestartApplication'
    : 'ScaleApplication';
}
