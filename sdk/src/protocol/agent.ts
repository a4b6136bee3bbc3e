/** Between an agent and the master. */
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { AGENT_TASKS_MAX, LAUNCH_TASKS_MAX } from './limits.js';
import {
  AgentInfo,
  Bytes,
  Id,
  KillPolicy,
  message,
  Name,
  Pairs,
  Resources,
  TaskLaunch,
  TaskState,
  TaskStatus,
  Text,
} from './schemas.js';

/** A task as an agent brings it along: the header it was launched with, and how far it is. */
export const TaskRecord = Type.Object(
  {
    frameworkId: Id,
    taskId: Id,
    name: Name,
    /** The role that its resources were offered to. */
    role: Name,
    resources: Resources,
    executorId: Type.Optional(Id),
    labels: Type.Optional(Pairs),
    /** The newest state; resources are free once it is terminal. */
    state: TaskState,
    /** The status most recently sent to the framework; absent if none was. */
    status: Type.Optional(TaskStatus),
  },
  { additionalProperties: false },
);

export const ExecutorRecord = Type.Object(
  { frameworkId: Id, executorId: Id, role: Name, resources: Resources },
  { additionalProperties: false },
);

/** What an agent says. */
export const fromAgent = {
  /** First thing on every new link. The agent made its id itself and keeps it, so that registering twice is harmless. */
  REGISTER_AGENT: message('REGISTER_AGENT', {
    agentId: Id,
    agentInfo: AgentInfo,
    tasks: Type.Array(TaskRecord, { maxItems: AGENT_TASKS_MAX }),
    executors: Type.Array(ExecutorRecord, { maxItems: AGENT_TASKS_MAX }),
  }),
  /** The head of a task's queue of updates; `latestState` is the newest one behind it. */
  UPDATE: message('UPDATE', { frameworkId: Id, status: TaskStatus, latestState: TaskState }),
  EXECUTOR_EXITED: message('EXECUTOR_EXITED', { frameworkId: Id, executorId: Id, status: Type.Integer() }),
  MESSAGE: message('MESSAGE', { frameworkId: Id, executorId: Id, data: Bytes }),
} as const;

/** What the master says to an agent. */
export const toAgent = {
  /** The agent counts. The frameworks named here are gone: whatever of them it runs, it must end. */
  AGENT_REGISTERED: message('AGENT_REGISTERED', { agentId: Id, removedFrameworks: Type.Array(Id) }),
  LAUNCH: message('LAUNCH', { frameworkId: Id, role: Name, tasks: Type.Array(TaskLaunch, { maxItems: LAUNCH_TASKS_MAX }) }),
  KILL: message('KILL', { frameworkId: Id, taskId: Id, killPolicy: Type.Optional(KillPolicy) }),
  ACKNOWLEDGE: message('ACKNOWLEDGE', { frameworkId: Id, taskId: Id, uuid: Id }),
  SHUTDOWN_EXECUTOR: message('SHUTDOWN_EXECUTOR', { frameworkId: Id, executorId: Id }),
  /** The framework is gone for good: end all that is left of it. */
  SHUTDOWN_FRAMEWORK: message('SHUTDOWN_FRAMEWORK', { frameworkId: Id }),
  MESSAGE: message('MESSAGE', { frameworkId: Id, executorId: Id, data: Bytes }),
  /** The agent does not count (any more): it is refused, or was marked gone. `code` is one of the codes in `errors.ts`. */
  ERROR: message('ERROR', { code: Name, message: Text }),
} as const;

type Messages<T extends Record<string, TSchema>> = { [K in keyof T]: Static<T[K]> }[keyof T];

export type AgentToMaster = Messages<typeof fromAgent>;
export type MasterToAgent = Messages<typeof toAgent>;
export type FromAgent<T extends keyof typeof fromAgent> = Static<(typeof fromAgent)[T]>;
export type ToAgent<T extends keyof typeof toAgent> = Static<(typeof toAgent)[T]>;
export type TaskLaunch = Static<typeof TaskLaunch>;
export type TaskRecord = Static<typeof TaskRecord>;
export type ExecutorRecord = Static<typeof ExecutorRecord>;
