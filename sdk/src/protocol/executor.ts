/** Between an executor and its agent, over the agent's unix socket: Mesos' v1 executor API by name. */
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { EXECUTOR_UPDATES_MAX } from './limits.js';
import { Body, Bytes, Id, KillPolicy, message, Name, Resources, TaskStatus, Text } from './schemas.js';

/** A task as its executor gets it. */
export const ExecutorTask = Type.Object(
  { taskId: Id, name: Name, agentId: Id, resources: Resources, body: Body },
  { additionalProperties: false },
);

export const fromExecutor = {
  /** First thing on every new link; what the agent may not have seen comes along. The token is in the environment. */
  SUBSCRIBE: message('SUBSCRIBE', {
    frameworkId: Id,
    executorId: Id,
    token: Id,
    unacknowledgedUpdates: Type.Array(TaskStatus, { maxItems: EXECUTOR_UPDATES_MAX }),
  }),
  UPDATE: message('UPDATE', { status: TaskStatus }),
  MESSAGE: message('MESSAGE', { data: Bytes }),
} as const;

export const toExecutor = {
  SUBSCRIBED: message('SUBSCRIBED', { agentId: Id, frameworkId: Id, executorId: Id, data: Type.Optional(Bytes) }),
  LAUNCH: message('LAUNCH', { task: ExecutorTask }),
  KILL: message('KILL', { taskId: Id, killPolicy: Type.Optional(KillPolicy) }),
  /** The agent has the update on disk: the executor may forget it. */
  ACKNOWLEDGED: message('ACKNOWLEDGED', { taskId: Id, uuid: Id }),
  MESSAGE: message('MESSAGE', { data: Bytes }),
  /** End all tasks and exit, within the grace period. */
  SHUTDOWN: message('SHUTDOWN', { gracePeriodSeconds: Type.Number() }),
  ERROR: message('ERROR', { code: Name, message: Text }),
} as const;

type Messages<T extends Record<string, TSchema>> = { [K in keyof T]: Static<T[K]> }[keyof T];

export type ExecutorToAgent = Messages<typeof fromExecutor>;
export type AgentToExecutor = Messages<typeof toExecutor>;
export type ExecutorEvent<T extends keyof typeof toExecutor> = Static<(typeof toExecutor)[T]>;
