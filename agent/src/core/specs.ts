import type { Pairs } from '@proffer/sdk/model';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Context } from './context.js';
import type { ExecutorEntry, TaskEntry } from './entries.js';

/** Where a container's sandbox is. `owner` is the task's id, or the executor's. */
export function sandboxOf(root: string, frameworkId: string, owner: string, containerId: string): string {
  return `${root}/${frameworkId}/${owner}/${containerId}`;
}

/** The container of a task that has its own. Made from what is on disk alone, so that a later run makes the same. */
export function taskSpec(context: Context, task: TaskEntry): ContainerSpec {
  const { frameworkId, role, containerId } = task.record;
  const { taskId, resources } = task.record.task;
  const { command, limits, container } = task.body;
  const sandbox = sandboxOf(context.config.sandboxRoot, frameworkId, taskId, containerId);
  return {
    containerId,
    frameworkId,
    taskId,
    sandbox,
    command: command!,
    environment: [
      ...commonEnvironment(context, frameworkId, role, containerId),
      ['MESOS_TASK_ID', taskId],
      ['MESOS_EXECUTOR_ID', taskId],
    ],
    resources,
    ...(limits && { limits }),
    ...(container && { container }),
  };
}

/** The container of an executor, with what it and its present tasks need. */
export function executorSpec(context: Context, executor: ExecutorEntry): ContainerSpec {
  const { frameworkId, role, info, containerId, token } = executor.record;
  const { executorSocket, executorShutdownGraceSeconds, sandboxRoot } = context.config;
  const sandbox = sandboxOf(sandboxRoot, frameworkId, info.executorId, containerId);
  return {
    containerId,
    frameworkId,
    executorId: info.executorId,
    sandbox,
    command: info.command,
    environment: [
      ...commonEnvironment(context, frameworkId, role, containerId),
      ['MESOS_EXECUTOR_ID', info.executorId],
      ['MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD', `${executorShutdownGraceSeconds}secs`],
      ['PROFFER_EXECUTOR_TOKEN', token],
    ],
    resources: executor.resources,
    executorSocket,
  };
}

/** Paths are not here: only the containerizer knows where sandbox and socket are seen inside. */
function commonEnvironment(context: Context, frameworkId: string, role: string, containerId: string): Pairs {
  return [
    ['MESOS_FRAMEWORK_ID', frameworkId],
    ['MESOS_AGENT_ID', context.agentId],
    ['MESOS_SLAVE_ID', context.agentId],
    ['MESOS_CONTAINER_NAME', `mesos-${containerId}`],
    ['MESOS_ALLOCATION_ROLE', role],
  ];
}
