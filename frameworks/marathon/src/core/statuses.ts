import { isTerminal, type TaskStatus } from '@proffer/sdk/model';
import type { Context } from './context.js';
import type { Instance } from './instance.js';
import { isOutdated } from './plan.js';

/** Takes in what became of a task. It is acknowledged once the instance is on disk. */
export function takeStatus(context: Context, status: TaskStatus, now: number): void {
  if (status.uuid !== undefined) context.calls.push({ type: 'acknowledge', status });
  const instance = context.state.instances.get(status.taskId);
  if (instance === undefined) return unknownTask(context, status, now);
  context.dirty.add(instance.appId);
  if (isTerminal(status.state) || status.state === 'TASK_UNKNOWN') return ended(context, instance, status, now);
  // A late copy of an earlier status says nothing new of a task that runs.
  if (instance.state === 'TASK_RUNNING' && (status.state === 'TASK_STAGING' || status.state === 'TASK_STARTING')) return;
  const changed = instance.state !== status.state;
  instance.state = status.state;
  if (status.state === 'TASK_UNREACHABLE') instance.unreachableSince ??= now;
  else delete instance.unreachableSince;
  if (status.state === 'TASK_RUNNING') instance.startedAt ??= now;
  const healthChanged = status.healthy !== undefined && status.healthy !== instance.healthy;
  if (healthChanged) takeHealth(context, instance, status.healthy, now);
  if (!changed && !healthChanged) return;
  context.state.saveInstance(instance);
  if (changed) statusEvents(context, instance, status, now);
}

/** A task that nobody here wants: its instance was forgotten when its agent was lost, or it never had one. */
function unknownTask(context: Context, status: TaskStatus, now: number): void {
  if (isTerminal(status.state) || status.state === 'TASK_UNKNOWN' || status.state === 'TASK_UNREACHABLE') {
    context.killSent.delete(status.taskId);
    context.emit('unknown_instance_terminated_event', now, {
      instanceId: instanceIdOf(status.taskId),
      condition: condition(status.state),
    });
    return;
  }
  if (status.agentId === undefined || status.state === 'TASK_KILLING') return;
  context.calls.push({ type: 'kill', taskId: status.taskId, agentId: status.agentId });
}

function ended(context: Context, instance: Instance, status: TaskStatus, now: number): void {
  const { state } = context;
  const app = state.apps.get(instance.appId)?.app;
  const launching = instance.startedAt === undefined;
  instance.state = status.state;
  context.drop(instance);
  statusEvents(context, instance, status, now);
  if (instance.killedAt !== undefined) return;
  const unhealthy = status.reason === 'REASON_TASK_HEALTH_CHECK_FAILED';
  if (unhealthy) {
    context.emit('unhealthy_instance_kill_event', now, { ...place(instance), reason: status.message ?? 'health check failed' });
  }
  if (status.state === 'TASK_KILLED' && !unhealthy) return;
  state.saveFailure({
    appId: instance.appId,
    host: instance.hostname,
    message: status.message ?? '',
    state: status.state,
    taskId: instance.taskId,
    timestamp: new Date(now).toISOString(),
    version: instance.version,
    slaveId: instance.agentId,
  });
  const byItself = unhealthy || ['TASK_FAILED', 'TASK_FINISHED', 'TASK_ERROR'].includes(status.state);
  // An offer that was gone when the launch arrived is nobody's failure.
  const lostAtLaunch =
    launching && (status.state === 'TASK_LOST' || status.state === 'TASK_DROPPED') && status.reason !== 'REASON_INVALID_OFFERS';
  // What an earlier configuration does says nothing about this one.
  const current = app !== undefined && !isOutdated(instance, app);
  if (current && (byItself || lostAtLaunch)) context.queue.failed(app, now);
}

function takeHealth(context: Context, instance: Instance, healthy: boolean, now: number): void {
  instance.healthy = healthy;
  instance.healthChangedAt = now;
  if (healthy) instance.firstHealthyAt ??= now;
  const fields = { ...place(instance), alive: healthy, version: instance.version };
  context.emit('health_status_changed_event', now, fields);
  context.emit('instance_health_changed_event', now, {
    ...fields,
    runSpecId: instance.appId,
    runSpecVersion: instance.version,
    healthy,
  });
  if (!healthy) context.emit('failed_health_check_event', now, fields);
}

function statusEvents(context: Context, instance: Instance, status: TaskStatus, now: number): void {
  context.emit('status_update_event', now, {
    slaveId: instance.agentId,
    taskId: instance.taskId,
    taskStatus: status.state,
    message: status.message ?? '',
    appId: instance.appId,
    host: instance.hostname,
    ipAddresses: [],
    ports: instance.ports,
    version: instance.version,
  });
  instanceChanged(context, instance, now);
}

/** Says that an instance is now in another condition. */
export function instanceChanged(context: Context, instance: Instance, now: number): void {
  context.emit('instance_changed_event', now, {
    ...place(instance),
    condition: condition(instance.state),
    runSpecId: instance.appId,
    runSpecVersion: instance.version,
    agentId: instance.agentId,
    host: instance.hostname,
  });
}

function place({ appId, taskId }: Instance): Record<string, string> {
  return { appId, taskId, instanceId: instanceIdOf(taskId) };
}

/** The instance's part of a task id: `hello.instance-<id>._app.1`. */
export function instanceIdOf(taskId: string): string {
  return taskId.replace(/\._app\.\d+$/, '');
}

/** `TASK_RUNNING` as `Running`. */
export function condition(state: string): string {
  return state
    .replace('TASK_', '')
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
