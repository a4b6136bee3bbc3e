import type { Reason, TaskState, TaskStatus } from '@proffer/sdk/model';
import type { Cluster } from './cluster.js';
import { FAULT_LENGTH_MAX } from './limits.js';
import type { Task } from './state.js';

/** A status that the master makes: without uuid, so that nobody acknowledges it. */
export function masterStatus(
  cluster: Cluster,
  task: { readonly taskId: string; readonly agentId?: string; readonly executorId?: string },
  state: TaskState,
  reason: Reason,
  message: string,
): TaskStatus {
  const { taskId, agentId, executorId } = task;
  return {
    taskId,
    state,
    source: 'SOURCE_MASTER',
    timestamp: cluster.now / 1000,
    ...(agentId === undefined ? {} : { agentId }),
    ...(executorId === undefined ? {} : { executorId }),
    reason,
    message: message.slice(0, FAULT_LENGTH_MAX),
  };
}

/** What the framework was last told of the task, said again for another reason. Neither data nor labels are repeated. */
export function repeatedStatus(cluster: Cluster, task: Task, reason: Reason, message: string): TaskStatus {
  const { told, taskId, executorId, agent } = task;
  const ids = { taskId, agentId: agent.agentId, ...(executorId === undefined ? {} : { executorId }) };
  const status = masterStatus(cluster, ids, told?.state ?? 'TASK_STAGING', reason, message);
  if (told === undefined) return status;
  return {
    ...status,
    ...(told.healthy === undefined ? {} : { healthy: told.healthy }),
    ...(told.containerStatus === undefined ? {} : { containerStatus: told.containerStatus }),
    ...(told.unreachableTime === undefined ? {} : { unreachableTime: told.unreachableTime }),
  };
}

/** The answer to reconciliation about a known task. */
export function reconciledStatus(cluster: Cluster, task: Task): TaskStatus {
  return repeatedStatus(cluster, task, 'REASON_RECONCILIATION', 'Reconciliation: the newest status sent.');
}

/** The status without its data, which is for the framework and not for our memory. */
export function withoutData(status: TaskStatus): TaskStatus {
  if (status.data === undefined) return status;
  const { data: _data, ...rest } = status;
  return rest;
}
