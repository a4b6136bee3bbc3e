/**
 * Between a framework and the master: the calls and events of Mesos' v1 scheduler API by name, their fields in
 * camelCase. Differences: ids are plain strings, durations are numbers of seconds with the unit in the name where
 * Mesos has nested objects, DEMAND is ours, and every message has a `type` beside its fields instead of one nested object.
 */
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { OFFERS_MAX, LAUNCH_TASKS_MAX, RECONCILE_TASKS_MAX } from './limits.js';
import {
  Bytes,
  DemandList,
  Filters,
  FrameworkInfo,
  Id,
  KillPolicy,
  literals,
  message,
  Name,
  Offer,
  Roles,
  TaskLaunch,
  TaskStatus,
  Text,
} from './schemas.js';

const OfferIds = Type.Array(Id, { minItems: 1, maxItems: OFFERS_MAX });

/** What an ACCEPT does with its offers, in order. */
export const Operation = Type.Object(
  { type: Type.Literal('LAUNCH'), taskInfos: Type.Array(TaskLaunch, { maxItems: LAUNCH_TASKS_MAX }) },
  { additionalProperties: false },
);

export const calls = {
  SUBSCRIBE: message('SUBSCRIBE', {
    frameworkInfo: FrameworkInfo,
    demand: Type.Optional(DemandList),
    /** `all`: every offer, Mesos' way, instead of what the demand asks for. */
    offers: Type.Optional(literals(['demand', 'all'])),
    suppressedRoles: Type.Optional(Roles),
  }),
  TEARDOWN: message('TEARDOWN', {}),
  ACCEPT: message('ACCEPT', {
    offerIds: OfferIds,
    operations: Type.Array(Operation, { maxItems: 64 }),
    filters: Type.Optional(Filters),
  }),
  DECLINE: message('DECLINE', { offerIds: OfferIds, filters: Type.Optional(Filters) }),
  /** Unsuppresses the roles (all of the framework's when absent or empty) and clears their filters. */
  REVIVE: message('REVIVE', { roles: Type.Optional(Roles) }),
  SUPPRESS: message('SUPPRESS', { roles: Type.Optional(Roles) }),
  /** Replaces the framework's whole demand. */
  DEMAND: message('DEMAND', { demand: DemandList }),
  KILL: message('KILL', { taskId: Id, agentId: Type.Optional(Id), killPolicy: Type.Optional(KillPolicy) }),
  /** Ends an executor and all its tasks. */
  SHUTDOWN: message('SHUTDOWN', { executorId: Id, agentId: Id }),
  ACKNOWLEDGE: message('ACKNOWLEDGE', { agentId: Id, taskId: Id, uuid: Id }),
  /** No tasks: all of them. */
  RECONCILE: message('RECONCILE', {
    tasks: Type.Array(Type.Object({ taskId: Id, agentId: Type.Optional(Id) }, { additionalProperties: false }), {
      maxItems: RECONCILE_TASKS_MAX,
    }),
  }),
  MESSAGE: message('MESSAGE', { agentId: Id, executorId: Id, data: Bytes }),
  /** Accepted and ignored, as Mesos' allocator does: DEMAND says it better. */
  REQUEST: message('REQUEST', {}),
  UPDATE_FRAMEWORK: message('UPDATE_FRAMEWORK', { frameworkInfo: FrameworkInfo, suppressedRoles: Type.Optional(Roles) }),
} as const;

export const events = {
  SUBSCRIBED: message('SUBSCRIBED', {
    frameworkId: Id,
    heartbeatIntervalSeconds: Type.Number(),
    masterInfo: Type.Object({ masterId: Id, version: Name }, { additionalProperties: false }),
  }),
  OFFERS: message('OFFERS', { offers: Type.Array(Offer) }),
  RESCIND: message('RESCIND', { offerId: Id }),
  UPDATE: message('UPDATE', { status: TaskStatus }),
  MESSAGE: message('MESSAGE', { agentId: Id, executorId: Id, data: Bytes }),
  /** An agent is lost, or an executor ended (then `executorId` and `status`, its exit status, are there). */
  FAILURE: message('FAILURE', {
    agentId: Type.Optional(Id),
    executorId: Type.Optional(Id),
    status: Type.Optional(Type.Integer()),
  }),
  /** The subscription is refused or over; `code` is one of the codes in `errors.ts`. */
  ERROR: message('ERROR', { code: Name, message: Text }),
  /**
   * Answers about these tasks, or about all if none is named, come by themselves once their agents are back after a change
   * of master, at the latest at the deadline, in seconds since 1970.
   */
  RECOVERING: message('RECOVERING', { taskIds: Type.Array(Id), deadlineSeconds: Type.Number() }),
} as const;

type Messages<T extends Record<string, TSchema>> = { [K in keyof T]: Static<T[K]> }[keyof T];

export type SchedulerCall = Messages<typeof calls>;
export type SchedulerEvent = Messages<typeof events>;
export type Call<T extends keyof typeof calls> = Static<(typeof calls)[T]>;
export type Event<T extends keyof typeof events> = Static<(typeof events)[T]>;
