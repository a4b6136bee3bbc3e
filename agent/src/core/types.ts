import type { AgentInfo, ExecutorInfo, HealthCheck, Resources, ResourceLimits, TaskState, TaskStatus } from '@proffer/sdk/model';
import type {
  AgentToExecutor,
  AgentToMaster,
  ExecutorToAgent,
  MasterToAgent,
  ProtocolErrorCode,
  TaskLaunch,
} from '@proffer/sdk/protocol';
import type { ContainerExit, ContainerFailure, ContainerSpec } from '../containerizer/types.js';

/** What the core is told, once, when it is made. */
export interface AgentCoreConfig {
  /** What the machine has and how it is reached; may differ from what an earlier run of the agent said. */
  readonly info: AgentInfo;
  /** Absolute path under which every container gets its sandbox. */
  readonly sandboxRoot: string;
  /** Absolute path of the socket on which executors are listened to. */
  readonly executorSocket: string;
  /** A new id, never given before, not to be guessed: for the agent itself, containers, tokens and updates. */
  readonly newId: () => string;
  /** How long an executor has to subscribe once its process runs (fetching does not count). */
  readonly executorRegistrationTimeoutMs: number;
  /** How long a running executor has to come back after the agent restarted. */
  readonly executorReregistrationTimeoutMs: number;
  /** Between SHUTDOWN and the forced end of an executor. */
  readonly executorShutdownGraceSeconds: number;
  /** Between SIGTERM and SIGKILL, where neither the task nor the KILL says. */
  readonly killGraceSeconds: number;
  /** An update that is not acknowledged is sent again after so long, doubling up to the maximum. */
  readonly updateRetryMinMs: number;
  readonly updateRetryMaxMs: number;
  /** How long a stop waits for acknowledgements once the last grace period is over. */
  readonly stopTimeoutMs: number;
}

/** Mesos' own numbers, but for the time to come back: 2 s is short for an executor in a busy machine. */
export const DEFAULT_AGENT_CORE_CONFIG = {
  executorRegistrationTimeoutMs: 60_000,
  executorReregistrationTimeoutMs: 15_000,
  executorShutdownGraceSeconds: 5,
  killGraceSeconds: 3,
  updateRetryMinMs: 10_000,
  updateRetryMaxMs: 600_000,
  stopTimeoutMs: 15_000,
} as const;

/** What happens to the core. */
export type AgentInput =
  /** The shell runs: take over what an earlier run left. First input of all, once. */
  | { readonly type: 'start' }
  /** The containerizer has found what lives on and removed what nobody knows. */
  | { readonly type: 'recovered' }
  | { readonly type: 'sessionOpened' }
  | { readonly type: 'sessionClosed' }
  /** A message that fits its schema. */
  | { readonly type: 'message'; readonly message: MasterToAgent }
  | { readonly type: 'executorMessage'; readonly peer: string; readonly message: ExecutorToAgent }
  | { readonly type: 'executorClosed'; readonly peer: string }
  | { readonly type: 'containerProgress'; readonly containerId: string; readonly message: string }
  | {
      readonly type: 'containerStarted';
      readonly containerId: string;
      readonly pid: number;
      /** Of networks of its own. */
      readonly ipAddresses?: readonly string[];
    }
  | { readonly type: 'containerFailed'; readonly containerId: string; readonly failure: ContainerFailure }
  | { readonly type: 'containerExited'; readonly containerId: string; readonly exit: ContainerExit }
  /** How the `check` effect of this number ended. */
  | { readonly type: 'checkResult'; readonly containerId: string; readonly number: number; readonly result: CheckResult }
  /** The store has written the `persist` effect with this number, and all before it. */
  | { readonly type: 'durable'; readonly sequence: number }
  /** The time that a `wake` effect asked for, or any other. */
  | { readonly type: 'time' }
  /** End every task and executor, wait for acknowledgements within bounds, then say `stopped`. */
  | { readonly type: 'stopTasks' };

export interface CheckResult {
  readonly healthy: boolean;
  /** One sentence for people. */
  readonly message: string;
}

/** What the core wants done. The shell does it in order. */
export type AgentEffect =
  | { readonly type: 'send'; readonly message: AgentToMaster }
  | { readonly type: 'sendExecutor'; readonly peer: string; readonly message: AgentToExecutor }
  /** End the executor's session after what was sent before. */
  | { readonly type: 'resetExecutor'; readonly peer: string; readonly code: ProtocolErrorCode; readonly message: string }
  /** Write all of this in one transaction, then apply `durable` with the sequence. */
  | { readonly type: 'persist'; readonly sequence: number; readonly operations: readonly AgentOperation[] }
  /** Ask the containerizer to recover these, then apply `recovered`. */
  | { readonly type: 'recover'; readonly specs: readonly ContainerSpec[] }
  | { readonly type: 'launch'; readonly spec: ContainerSpec }
  | { readonly type: 'signal'; readonly containerId: string; readonly signal: 'SIGTERM' }
  | { readonly type: 'destroy'; readonly containerId: string }
  | {
      readonly type: 'updateContainer';
      readonly containerId: string;
      readonly resources: Resources;
      readonly limits?: ResourceLimits;
    }
  /** The end of this container is on disk; the containerizer need not keep it. */
  | { readonly type: 'forgetContainer'; readonly containerId: string }
  /** The task's files are those of its executor: make the sandbox readable under the task's name too. */
  | {
      readonly type: 'linkSandbox';
      readonly frameworkId: string;
      readonly taskId: string;
      readonly executorId: string;
      readonly containerId: string;
    }
  /** Run this health check once, then apply `checkResult`. */
  | { readonly type: 'check'; readonly containerId: string; readonly number: number; readonly check: HealthCheck }
  /** Apply `time` then; replaces the earlier wake. */
  | { readonly type: 'wake'; readonly at: number }
  /** All is ended that was to be ended: the process should exit. */
  | { readonly type: 'stopped'; readonly reason: 'stopTasks' | 'gone' }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

/** A task as it was accepted; never changes. */
export interface TaskLaunchRecord {
  readonly frameworkId: string;
  readonly role: string;
  readonly task: TaskLaunch;
  /** Its own container, or that of its executor. */
  readonly containerId: string;
}

/** Why a task is being ended. */
export type KillCause = 'request' | 'health' | 'unreachable' | 'framework' | 'stop' | 'executor';

export interface KillIntent {
  readonly cause: KillCause;
  /** When it is ended by force, in milliseconds since 1970. */
  readonly deadline: number;
  /** True if its process did not run yet when the kill was asked for. */
  readonly duringLaunch: boolean;
  readonly message?: string;
}

/** How far a task is; replaced as a whole on every change. */
export interface TaskProgress {
  readonly state: TaskState;
  /** Statuses that the framework has not acknowledged; the first is in flight. */
  readonly updates: readonly TaskStatus[];
  /** The one acknowledged last, without its data. */
  readonly acknowledged?: TaskStatus;
  readonly pid?: number;
  readonly ipAddresses?: readonly string[];
  /** When its process was seen to run, in milliseconds since 1970. */
  readonly runningSince?: number;
  readonly healthy?: boolean;
  readonly kill?: KillIntent;
  /** Ids of the newest updates of its executor, so that one that comes twice is known. */
  readonly seen?: readonly string[];
}

export interface ExecutorRecord {
  readonly frameworkId: string;
  readonly role: string;
  readonly info: ExecutorInfo;
  readonly containerId: string;
  /** What its process must show when it subscribes. */
  readonly token: string;
  /** Set once it is to end, with why its tasks end. */
  readonly ending?: ExecutorEnding;
}

export type ExecutorEnding =
  | { readonly cause: 'shutdown' | 'framework' | 'stop' | 'idle'; readonly deadline: number }
  | { readonly cause: 'registrationTimeout' | 'reregistrationTimeout'; readonly deadline: number };

/** A durable change of what the agent knows. */
export type AgentOperation =
  | { readonly type: 'saveAgent'; readonly agentId: string }
  | { readonly type: 'forgetAgent' }
  | { readonly type: 'saveTask'; readonly record: TaskLaunchRecord }
  | { readonly type: 'saveProgress'; readonly frameworkId: string; readonly taskId: string; readonly progress: TaskProgress }
  | { readonly type: 'forgetTask'; readonly frameworkId: string; readonly taskId: string }
  | { readonly type: 'saveExecutor'; readonly executor: ExecutorRecord }
  | { readonly type: 'forgetExecutor'; readonly frameworkId: string; readonly executorId: string };

/** What a new core starts from. */
export interface AgentState {
  /** Absent on the first start. */
  readonly agentId?: string;
  readonly tasks: readonly { readonly record: TaskLaunchRecord; readonly progress: TaskProgress }[];
  readonly executors: readonly ExecutorRecord[];
}

export const EMPTY_AGENT_STATE: AgentState = { tasks: [], executors: [] };

/** What people see of the agent. */
export interface AgentView {
  readonly agentId: string;
  readonly registered: boolean;
  readonly info: AgentInfo;
  readonly used: Resources;
  readonly tasks: readonly TaskView[];
  readonly executors: readonly ExecutorView[];
}

export interface TaskView {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly name: string;
  readonly role: string;
  readonly state: TaskState;
  readonly resources: Resources;
  readonly containerId: string;
  readonly executorId?: string;
  readonly pid?: number;
  readonly healthy?: boolean;
  /** It has ended, and its end is not acknowledged yet. */
  readonly ended: boolean;
  /** Updates that are not acknowledged yet. */
  readonly pendingUpdates: number;
}

export interface ExecutorView {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly role: string;
  readonly resources: Resources;
  readonly containerId: string;
  readonly subscribed: boolean;
  readonly taskIds: readonly string[];
  readonly pid?: number;
}
