/**
 * A task's body: what the agent reads of a task and the master does not. The framework's driver packs it once, the master
 * carries it as bytes, the agent unpacks and checks it.
 */
import type { TaskInfo } from '../model/index.js';
import type { TaskLaunch } from './agent.js';
import { compileCheck } from './check.js';
import { packValue, unpackValue } from './codec.js';
import { FrameError } from './frame-error.js';
import { TASK_BODY_BYTES_MAX } from './limits.js';
import * as schemas from './schemas.js';

/** What travels packed. Exactly one of `command` and `executor` is there. */
export type TaskBody = Omit<TaskInfo, 'taskId' | 'name' | 'agentId' | 'resources' | 'labels'>;

const checkBody = compileCheck(schemas.TaskBody, 'body');
const checkLaunch = compileCheck(schemas.TaskLaunch, 'task');

/** The body as bytes. Throws RangeError for one that the agent would refuse. */
export function packBody(body: TaskBody): Uint8Array {
  const fault = faultOf(body);
  if (fault !== undefined) throw new RangeError(fault);
  const packed = packValue(body);
  if (packed.length > TASK_BODY_BYTES_MAX) {
    throw new RangeError(
      `body: command, environment, container and data have at most ${TASK_BODY_BYTES_MAX} bytes together, got ${packed.length}`,
    );
  }
  return packed;
}

/** The body from bytes, checked; a string says what is wrong with it. */
export function unpackBody(bytes: Uint8Array): TaskBody | string {
  try {
    const body = unpackValue(bytes);
    return faultOf(body) ?? (body as TaskBody);
  } catch (error) {
    if (error instanceof FrameError) return `body: ${error.message}`;
    throw error;
  }
}

/** A task as it travels. `demand` is the entry of the framework's demand that it answers. Throws RangeError naming the field. */
export function toTaskLaunch(task: TaskInfo, demand?: string): TaskLaunch {
  const { taskId, name, agentId, resources, labels, ...body } = task;
  const launch: TaskLaunch = {
    taskId,
    name,
    agentId,
    resources,
    ...(demand === undefined ? {} : { demand }),
    ...(task.executor === undefined
      ? {}
      : { executor: { executorId: task.executor.executorId, resources: task.executor.resources } }),
    ...(labels === undefined ? {} : { labels }),
    body: packBody(body),
  };
  const fault = checkLaunch(launch);
  if (fault !== undefined) throw new RangeError(fault);
  return launch;
}

/** The task from what travelled; a string says what is wrong with it. */
export function fromTaskLaunch(launch: TaskLaunch): TaskInfo | string {
  const body = unpackBody(launch.body);
  if (typeof body === 'string') return body;
  const { taskId, name, agentId, resources, labels } = launch;
  return { taskId, name, agentId, resources, ...(labels === undefined ? {} : { labels }), ...body };
}

function faultOf(body: unknown): string | undefined {
  const fault = checkBody(body);
  if (fault !== undefined) return fault;
  const { command, executor, limits } = body as TaskBody;
  if ((command === undefined) === (executor === undefined)) return 'body: a task has exactly one of command and executor';
  for (const name of ['cpus', 'mem'] as const) {
    const limit = limits?.[name];
    if (limit === 0) return `body.limits.${name}: expected positive thousandths or "unlimited", got 0`;
  }
  return undefined;
}
