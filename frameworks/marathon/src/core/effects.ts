import type { Demand, KillPolicy, Offer, TaskInfo, TaskStatus } from '@proffer/sdk/model';

/** A task to launch and the entry of the demand that it answers. */
export type Launch = TaskInfo & { readonly demand: string };

/** One change of the store: `undefined` deletes the key. */
export interface Change {
  readonly key: string;
  readonly value: unknown;
}

/** An event as `/v2/events` sends it. */
export interface MarathonEvent {
  readonly eventType: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly [field: string]: unknown;
}

/** What the master is told, in order, once the changes of the same turn are on disk. */
export type Call =
  | { readonly type: 'accept'; readonly offerId: string; readonly tasks: readonly Launch[]; readonly refuseSeconds: number }
  | { readonly type: 'decline'; readonly offerId: string; readonly refuseSeconds: number }
  | { readonly type: 'demand'; readonly demand: readonly Demand[] }
  | { readonly type: 'revive' }
  | { readonly type: 'kill'; readonly taskId: string; readonly agentId: string; readonly killPolicy?: KillPolicy }
  | { readonly type: 'acknowledge'; readonly status: TaskStatus }
  /** No tasks: all of them. */
  | { readonly type: 'reconcile'; readonly tasks: readonly { readonly taskId: string; readonly agentId: string }[] };

/** What the master tells. */
export type Input =
  | { readonly type: 'subscribed'; readonly frameworkId: string }
  | { readonly type: 'disconnected' }
  /** The master has removed the framework for good, and with it all its tasks. */
  | { readonly type: 'removed' }
  | { readonly type: 'offers'; readonly offers: readonly Offer[] }
  | { readonly type: 'rescind'; readonly offerId: string }
  | { readonly type: 'update'; readonly status: TaskStatus };

/** What one turn asks for. */
export interface Effects {
  /** Written together before any of the calls is made. */
  readonly changes: readonly Change[];
  readonly calls: readonly Call[];
  readonly events: readonly MarathonEvent[];
  /** When the next turn is due though nothing happens; absent: never. */
  readonly wakeAt?: number;
}
