import { isTerminal } from '@proffer/sdk/model';
import type { Context } from './context.js';
import type { ExecutorEntry, TaskEntry } from './entries.js';
import type { AgentView, ExecutorView, TaskView } from './types.js';

/** A picture of the moment, for people. */
export function viewOf(context: Context): AgentView {
  return {
    agentId: context.agentId,
    registered: context.registered,
    info: context.config.info,
    used: context.used,
    tasks: [...context.tasks.values()].map(taskView),
    executors: [...context.executors.values()].map(executorView),
  };
}

export function taskView({ record, progress, executor }: TaskEntry): TaskView {
  const executorId = record.task.executor?.executorId;
  const pid = executor?.pid ?? progress.pid;
  return {
    frameworkId: record.frameworkId,
    taskId: record.task.taskId,
    name: record.task.name,
    role: record.role,
    state: progress.state,
    resources: record.task.resources,
    containerId: record.containerId,
    ended: isTerminal(progress.state),
    pendingUpdates: progress.updates.length,
    ...(executorId !== undefined && { executorId }),
    ...(pid !== undefined && { pid }),
    ...(progress.healthy !== undefined && { healthy: progress.healthy }),
  };
}

function executorView({ record, peer, tasks, pid, resources }: ExecutorEntry): ExecutorView {
  return {
    frameworkId: record.frameworkId,
    executorId: record.info.executorId,
    role: record.role,
    resources,
    containerId: record.containerId,
    subscribed: peer !== undefined,
    taskIds: [...tasks].map((task) => task.record.task.taskId),
    ...(pid !== undefined && { pid }),
  };
}
