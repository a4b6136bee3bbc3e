import { equals, invalidId, invalidResources, type ResourceLimits, type Resources } from '@proffer/sdk/model';
import type { TaskBody, TaskLaunch } from '@proffer/sdk/protocol';
import { invalidHealthCheck } from '../health/machine.js';

/** What is wrong with a task's header, or undefined. */
export function invalidHeader(task: TaskLaunch): string | undefined {
  const id = invalidId(task.taskId);
  if (id !== undefined) return `taskId ${id}`;
  const fault = invalidResources(task.resources);
  return fault === undefined ? undefined : `resources: ${fault}`;
}

/** What is wrong with a task's body, or undefined. The header has been checked. */
export function invalidBody(task: TaskLaunch, body: TaskBody): string | undefined {
  if ((body.command === undefined) === (body.executor === undefined)) return 'exactly one of command and executor must be given';
  return invalidExecutor(task, body) ?? invalidLimits(task.resources, body.limits) ?? invalidCheck(body);
}

function invalidExecutor(task: TaskLaunch, { executor }: TaskBody): string | undefined {
  if (executor === undefined) {
    return task.executor === undefined ? undefined : 'the header names an executor, and the body has none';
  }
  if (task.executor === undefined) return 'the body has an executor, and the header names none';
  const id = invalidId(executor.executorId);
  if (id !== undefined) return `executor.executorId ${id}`;
  const fault = invalidResources(executor.resources);
  if (fault !== undefined) return `executor.resources: ${fault}`;
  const { executorId, resources } = task.executor;
  if (executorId === executor.executorId && equals(resources, executor.resources)) return undefined;
  return `header and body must name the same executor and resources, got ${executorId} and ${executor.executorId}`;
}

function invalidLimits(resources: Resources, limits: ResourceLimits | undefined): string | undefined {
  for (const name of ['cpus', 'mem'] as const) {
    const limit = limits?.[name];
    if (typeof limit === 'number' && limit < resources[name]) {
      return `limits.${name} must be at least the request of ${resources[name] / 1000}, got ${limit / 1000}`;
    }
  }
  return undefined;
}

function invalidCheck({ healthCheck }: TaskBody): string | undefined {
  return healthCheck === undefined ? undefined : invalidHealthCheck(healthCheck);
}
