import type { KillPolicy, TaskInfo, TaskStatus } from '../model/index.js';
import type { ProtocolErrorCode } from '../protocol/errors.js';
import type { ExecutorEvent } from '../protocol/executor.js';

/** A task as its executor gets it; `executor` is what it was launched with. */
export type ExecutorTask = TaskInfo;

/** What the agent tells an executor: Mesos' v1 executor events, one method for each. */
export interface ExecutorHandlers {
  /** Subscribed (again, after the agent came back). `data` is the `data` of the {@link ExecutorInfo}. */
  subscribed?(event: ExecutorEvent<'SUBSCRIBED'>): void;
  /** The agent is away; tasks go on, updates wait. */
  disconnected?(code: ProtocolErrorCode, message: string): void;
  launch(task: ExecutorTask): void;
  kill(taskId: string, killPolicy: KillPolicy | undefined): void;
  /** From the framework's scheduler. */
  message?(data: Uint8Array): void;
  /**
   * End all tasks, send their last updates, {@link ExecutorDriver.stop} and let the process end; past the grace
   * period the agent kills it. Also called when the agent did not come back within the recovery time-out.
   */
  shutdown(gracePeriodSeconds: number): void;
  /** The agent refuses this executor for good; the driver has stopped. */
  error?(code: string, message: string): void;
}

/** What an executor says of a task; the driver adds the rest. */
export type ExecutorUpdate = Pick<TaskStatus, 'taskId' | 'state'> &
  Partial<Pick<TaskStatus, 'reason' | 'message' | 'healthy' | 'exit' | 'labels' | 'data'>>;
