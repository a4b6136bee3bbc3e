import type { Demand, Filters, FrameworkInfo, KillPolicy, Offer, TaskInfo, TaskStatus } from '../model/index.js';
import type { ProtocolErrorCode } from '../protocol/errors.js';
import type { Event } from '../protocol/scheduler.js';

/** What the master tells a scheduler: Mesos' v1 events, one method for each. All are optional. */
export interface SchedulerHandlers {
  /** Subscribed (again). Reconcile now: what happened meanwhile is not told by itself. */
  subscribed?(event: Event<'SUBSCRIBED'>): void;
  /** No master can be reached; the driver is trying. Offers in hand are void. */
  disconnected?(code: ProtocolErrorCode, message: string): void;
  offers?(offers: readonly Offer[]): void;
  rescind?(offerId: string): void;
  /** With a uuid it must be acknowledged, else it comes again. */
  update?(status: TaskStatus): void;
  message?(event: Event<'MESSAGE'>): void;
  failure?(event: Event<'FAILURE'>): void;
  /** The subscription is refused or over; the driver has stopped. */
  error?(code: string, message: string): void;
  recovering?(event: Event<'RECOVERING'>): void;
  /** The master refused one call, which changed nothing; the subscription goes on. */
  rejected?(received: string | undefined, code: string, message: string): void;
}

/** A task to launch and the entry of the framework's demand that it answers. */
export type Launch = TaskInfo & { readonly demand?: string };

/**
 * The calls of Mesos' v1 scheduler API. None waits or throws for a lost master: what cannot be sent is dropped, and
 * reconciliation tells.
 */
export interface SchedulerCalls {
  /** Given by the master on the first SUBSCRIBED. */
  readonly frameworkId: string | undefined;
  readonly connected: boolean;
  /**
   * Launches tasks on the offers, all of one agent and role; what is left of them is declined with the filters. Throws
   * RangeError for a task that could never be valid.
   */
  accept(offerIds: readonly string[], tasks: readonly Launch[], filters?: Filters): void;
  decline(offerIds: readonly string[], filters?: Filters): void;
  demand(demand: readonly Demand[]): void;
  revive(roles?: readonly string[]): void;
  suppress(roles?: readonly string[]): void;
  kill(taskId: string, options?: { agentId?: string; killPolicy?: KillPolicy }): void;
  /** Ends an executor and all its tasks. */
  shutdown(agentId: string, executorId: string): void;
  /** Nothing is sent for a status without uuid. */
  acknowledge(status: TaskStatus): void;
  /** No tasks: all of the framework's. */
  reconcile(tasks?: readonly { taskId: string; agentId?: string }[]): void;
  message(agentId: string, executorId: string, data: Uint8Array): void;
  updateFramework(frameworkInfo: FrameworkInfo): void;
  /** Ends the framework for good: all its tasks are killed and its id never comes back. */
  teardown(): void;
}
