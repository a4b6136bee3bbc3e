import type { Pairs } from './labels.js';
import type { Resources } from './resources.js';

/**
 * Who a scheduler is. A framework is known by its name and principal: a second scheduler of the same name takes over
 * if the first is disconnected or if it presents the framework's id, else it is refused with FRAMEWORK_NAME_IN_USE.
 */
export interface FrameworkInfo {
  readonly name: string;
  /** Given by the master on the first SUBSCRIBE; presenting it takes over from a scheduler that is still connected. */
  readonly frameworkId?: string;
  /** Whose shares it draws on; `*` when empty. */
  readonly roles?: readonly string[];
  /** Seconds that tasks live on without their scheduler; one week unless said otherwise. */
  readonly failoverTimeout?: number;
  /** The user that tasks run as, unless a task says otherwise. */
  readonly user?: string;
  /** Where the scheduler runs, and its web page. */
  readonly hostname?: string;
  readonly webuiUrl?: string;
  readonly labels?: Pairs;
}

/** One week: long enough for a weekend's outage of a scheduler. */
export const DEFAULT_FAILOVER_TIMEOUT_SECONDS = 7 * 24 * 3600;

export const DEFAULT_ROLE = '*';

/**
 * What a framework wants to launch now: `count` tasks of this size, besides what it has launched already.
 *
 * The master holds out resources for at most `count` of them, counting offers that the framework holds, and takes off
 * one for each task that an ACCEPT launches. A DEMAND call replaces the whole list.
 */
export interface Demand {
  /** Which entry an offer is for; unique in the list. */
  readonly name: string;
  /** One of the framework's roles; the first one when absent. */
  readonly role?: string;
  /** What one task needs. Ports that must be these very ones go here. */
  readonly resources: Resources;
  /** How many ports, whichever, one task needs besides. */
  readonly ports?: number;
  /** How many tasks. */
  readonly count: number;
  /** How many of them to hold out on one agent at a time; no bound when absent. */
  readonly maxPerAgent?: number;
}

/** Mesos' own rule: 5 s when a DECLINE or ACCEPT says nothing. */
export const DEFAULT_REFUSE_SECONDS = 5;

/** How long the part of an offer that is not used should not be offered to the framework again; 5 s when absent. */
export interface Filters {
  readonly refuseSeconds?: number;
}
