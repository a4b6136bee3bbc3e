import type { TaskStatus } from '@proffer/sdk/model';
import type { ExecutorRecord, FromAgent, TaskRecord } from '@proffer/sdk/protocol';
import type { Context } from './context.js';
import type { ExecutorEntry, TaskEntry } from './entries.js';

/** What the agent says of itself and of all it has, first thing in every session. */
export function registration({ agentId, config, tasks, executors }: Context): FromAgent<'REGISTER_AGENT'> {
  return {
    type: 'REGISTER_AGENT',
    agentId,
    agentInfo: config.info,
    tasks: [...tasks.values()].map(recordOfTask),
    executors: [...executors.values()].map(recordOfExecutor),
  };
}

/** Longest message of a status that a registration brings along: ten thousand of them must fit in one frame. */
const REGISTERED_MESSAGE_MAX = 200;

/** A task as it is brought along to the master. Data and long messages stay here: they come with the update. */
function recordOfTask(task: TaskEntry): TaskRecord {
  const { frameworkId, role, task: launch } = task.record;
  const sent = task.progress.updates[0] ?? task.progress.acknowledged;
  return {
    frameworkId,
    taskId: launch.taskId,
    name: launch.name,
    role,
    resources: launch.resources,
    ...(launch.executor && { executorId: launch.executor.executorId }),
    ...(launch.labels && { labels: launch.labels }),
    state: task.progress.state,
    ...(sent && { status: shortened(sent) }),
  };
}

function shortened({ data: _data, message, ...status }: TaskStatus): TaskStatus {
  return { ...status, ...(message !== undefined && { message: message.slice(0, REGISTERED_MESSAGE_MAX) }) };
}

function recordOfExecutor({ record }: ExecutorEntry): ExecutorRecord {
  const { frameworkId, role, info } = record;
  return { frameworkId, executorId: info.executorId, role, resources: info.resources };
}
