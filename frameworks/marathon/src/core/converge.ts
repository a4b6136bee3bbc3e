import type { App } from './app.js';
import type { Context } from './context.js';
import { isDone, progress, PROGRESS_DEADLINE_MS, type Deployment } from './deployment.js';
import { explainDeployment } from './explain.js';
import { expungeAt, inactiveAt, type Instance } from './instance.js';
import { plan } from './plan.js';
import { instanceChanged } from './statuses.js';

/** A task that has not started after so long is ended and launched anew, elsewhere perhaps. */
export const LAUNCH_TIMEOUT_MS = 300_000;

/** A kill that had no effect for so long is sent again. */
export const KILL_RETRY_MS = 30_000;

/** Brings one app closer to what its definition says, and its deployment with it. */
export function converge(context: Context, appId: string, now: number): void {
  const { state } = context;
  const record = state.apps.get(appId);
  for (const instance of state.instancesOf(appId)) expire(context, record?.app, instance, now);
  const deployment = state.deploymentOf(appId);
  const app = state.app(appId);
  const instances = state.instancesOf(appId);
  const replacing =
    deployment?.changes.some((change) => change.appId === appId && change.action === 'RestartApplication') ?? false;
  const next = app === undefined ? { launch: 0, kill: instances } : plan(app, instances, replacing, now);
  for (const instance of next.kill) end(context, instance, now);
  for (const instance of instances) if (instance.killedAt !== undefined) sendKill(context, instance, record?.app, now);
  setMissing(context, appId, app === undefined ? 0 : next.launch, now);
  if (app === undefined && instances.length === 0 && record !== undefined) remove(context, record.app, now);
  if (deployment !== undefined) advance(context, deployment, now);
  setDue(context, appId, now);
}

/** Asks an instance to end; it keeps its place until it has. */
export function end(context: Context, instance: Instance, now: number): void {
  if (instance.killedAt !== undefined) return;
  instance.killedAt = now;
  context.state.saveInstance(instance);
  context.dirty.add(instance.appId);
}

function sendKill(context: Context, instance: Instance, app: App | undefined, now: number): void {
  const sent = context.killSent.get(instance.taskId);
  if (sent !== undefined && now - sent < KILL_RETRY_MS) return;
  context.killSent.set(instance.taskId, now);
  const grace = app?.taskKillGracePeriodSeconds;
  context.calls.push({
    type: 'kill',
    taskId: instance.taskId,
    agentId: instance.agentId,
    ...(grace === undefined ? {} : { killPolicy: { gracePeriodSeconds: grace } }),
  });
}

/** Time alone ends an instance that never started or whose agent stays away. */
function expire(context: Context, app: App | undefined, instance: Instance, now: number): void {
  if (
    instance.startedAt === undefined &&
    instance.unreachableSince === undefined &&
    now - instance.stagedAt >= LAUNCH_TIMEOUT_MS
  ) {
    end(context, instance, now);
  }
  const expunge = app === undefined ? instance.unreachableSince : expungeAt(instance, app);
  if (expunge === undefined || now < expunge) return;
  context.drop(instance);
  instance.state = 'TASK_UNREACHABLE';
  instanceChanged(context, instance, now);
}

function setMissing(context: Context, appId: string, count: number, now: number): void {
  context.queue.missingSince(appId, count > 0, now);
  if (count > 0) {
    context.missing.set(appId, count);
  } else {
    context.missing.delete(appId);
    context.forgetOffers(appId);
  }
}

function remove(context: Context, app: App, now: number): void {
  context.state.removeApp(app.id);
  context.queue.forget(app.id);
  context.emit('app_terminated_event', now, { appId: app.id });
}

/** Ends a deployment that has brought about what it was for; pauses one that gets nowhere. */
function advance(context: Context, deployment: Deployment, now: number): void {
  const { state } = context;
  let total = 0;
  let done = true;
  for (const { appId, action } of deployment.changes) {
    const replacing = action === 'RestartApplication';
    total += progress(state.app(appId), state.instancesOf(appId), replacing);
    done &&= isDone(state.app(appId), state.instancesOf(appId), replacing);
  }
  if (done) return succeed(context, deployment, now);
  const before = { ...deployment };
  if (total > deployment.progress) {
    deployment.progress = total;
    deployment.progressAt = now;
    deployment.state = 'running';
  } else if (now - deployment.progressAt >= PROGRESS_DEADLINE_MS) {
    deployment.state = 'paused';
  }
  if (deployment.state === 'paused' && before.state === 'running') {
    context.emit('deployment_paused', now, { id: deployment.id, reason: explainDeployment(context, deployment, now) });
  }
  if (deployment.progress !== before.progress || deployment.state !== before.state) state.saveDeployment(deployment);
}

function succeed(context: Context, deployment: Deployment, now: number): void {
  context.state.removeDeployment(deployment);
  context.emit('deployment_step_success', now, { plan: { id: deployment.id, version: deployment.version } });
  context.emit('deployment_success', now, { id: deployment.id, plan: { id: deployment.id, version: deployment.version } });
}

/** The next moment at which time alone changes something for the app. */
function setDue(context: Context, appId: string, now: number): void {
  const { state } = context;
  const app = state.apps.get(appId)?.app;
  let due = Infinity;
  const at = (time: number | undefined): void => {
    if (time !== undefined && time > now) due = Math.min(due, time);
  };
  if (app !== undefined && context.missing.has(appId)) at(context.queue.readyAt(app, now));
  for (const instance of state.instancesOf(appId)) {
    const sent = context.killSent.get(instance.taskId);
    if (instance.killedAt !== undefined && sent !== undefined) at(sent + KILL_RETRY_MS);
    else if (instance.startedAt === undefined && instance.unreachableSince === undefined)
      at(instance.stagedAt + LAUNCH_TIMEOUT_MS);
    if (app !== undefined) at(inactiveAt(instance, app));
    if (app !== undefined) at(expungeAt(instance, app));
  }
  const deployment = state.deploymentOf(appId);
  if (deployment?.state === 'running') at(deployment.progressAt + PROGRESS_DEADLINE_MS);
  if (due === Infinity) context.due.delete(appId);
  else context.due.set(appId, due);
}
