import type { Pairs } from './labels.js';
import type { Resources } from './resources.js';

/** The states of a task, by Mesos' names. */
export const TASK_STATES = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

const TERMINAL: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
]);

/** True for the states that no later one replaces. UNREACHABLE and UNKNOWN are not terminal: the task may come back. */
export function isTerminal(state: TaskState): boolean {
  return TERMINAL.has(state);
}

/** Who made a status. */
export const SOURCES = ['SOURCE_MASTER', 'SOURCE_AGENT', 'SOURCE_EXECUTOR'] as const;
export type Source = (typeof SOURCES)[number];

/** Why a task is in its state, by Mesos' names. */
export const REASONS = [
  'REASON_AGENT_DISCONNECTED',
  'REASON_AGENT_REMOVED',
  'REASON_AGENT_REREGISTERED',
  'REASON_AGENT_RESTARTED',
  'REASON_AGENT_UNKNOWN',
  'REASON_COMMAND_EXECUTOR_FAILED',
  'REASON_CONTAINER_LAUNCH_FAILED',
  'REASON_CONTAINER_LIMITATION',
  'REASON_CONTAINER_LIMITATION_DISK',
  'REASON_CONTAINER_LIMITATION_MEMORY',
  'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
  'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
  'REASON_EXECUTOR_TERMINATED',
  'REASON_FETCH_FAILED',
  'REASON_FRAMEWORK_REMOVED',
  'REASON_INVALID_OFFERS',
  'REASON_RECONCILIATION',
  'REASON_RESOURCES_UNKNOWN',
  'REASON_TASK_HEALTH_CHECK_FAILED',
  'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
  'REASON_TASK_INVALID',
  'REASON_TASK_KILLED_DURING_LAUNCH',
  'REASON_TASK_UNKNOWN',
  'REASON_UNREACHABLE_STOPPED',
] as const;
export type Reason = (typeof REASONS)[number];

/** What is known of a task at one moment. */
export interface TaskStatus {
  readonly taskId: string;
  readonly state: TaskState;
  readonly source: Source;
  /** Seconds since 1970, as in Mesos' API. */
  readonly timestamp: number;
  /**
   * Present: the agent resends this update until it is acknowledged. Absent: the master made it, and it must not be
   * acknowledged. (Unique, but no RFC 4122 form is promised.)
   */
  readonly uuid?: string;
  readonly agentId?: string;
  readonly executorId?: string;
  readonly reason?: Reason;
  /** One sentence for people. */
  readonly message?: string;
  /** The last result of the task's health check. */
  readonly healthy?: boolean;
  /** How its process ended: one of the two. */
  readonly exit?: { readonly code?: number; readonly signal?: string };
  /** The limit that was hit. */
  readonly limitation?: { readonly resources: Resources };
  readonly containerStatus?: ContainerStatus;
  readonly labels?: Pairs;
  /** Seconds since 1970 when the agent was lost. */
  readonly unreachableTime?: number;
  /** From the executor; at most 64 KiB. */
  readonly data?: Uint8Array;
}

/** What is known of the task's container. */
export interface ContainerStatus {
  readonly containerId: string;
  /** Process id of the container's first process, on the agent's machine. */
  readonly pid?: number;
  readonly ipAddresses?: readonly string[];
}
