/**
 * What the core shows of itself to readers. A reader takes one {@link ClusterView} and from then on one
 * {@link Delta} whenever it likes: deltas are numbered without gaps, and however much happened in between, each thing
 * that changed is in the next delta once.
 */
import type { Attribute, Offer, Pairs, Resources, Source, TaskState, TaskStatus } from '@proffer/sdk/model';
import type { FrameworkRecord } from './types.js';

export interface AgentView {
  readonly agentId: string;
  readonly hostname: string;
  readonly httpAddress: string;
  readonly version: string;
  readonly state: 'registered' | 'disconnected' | 'recovering' | 'unreachable' | 'gone';
  /** When it got into this state, in milliseconds since 1970; also for the others. */
  readonly since: number;
  readonly registeredAt: number;
  readonly resources: Resources;
  /** Held by tasks and executors. */
  readonly used: Resources;
  /** Held out in offers. */
  readonly offered: Resources;
  readonly attributes: readonly Attribute[];
}

export interface FrameworkView extends FrameworkRecord {
  readonly state: 'connected' | 'disconnected' | 'recovered' | 'removed';
  readonly registeredAt: number;
  readonly used: Resources;
  readonly offered: Resources;
  /** What it still wants, by demand entry. */
  readonly demand: readonly {
    readonly name: string; readonly role: string; readonly resources: Resources; readonly count: number,
  }[];
  readonly suppressedRoles: readonly string[];
}

export interface TaskView {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly name: string;
  readonly agentId: string;
  readonly role: string;
  readonly executorId?: string;
  readonly resources: Resources;
  readonly labels: Pairs;
  readonly state: TaskState;
  readonly source: Source;
  readonly launchedAt: number;
  /** The newest status known; absent before the first. */
  readonly status?: TaskStatus;
  /** Ended and acknowledged: kept only for people, and forgotten after a while. */
  readonly completed: boolean;
}

export interface RoleView {
  readonly name: string;
  readonly weight: number;
  /** Dominant share, divided by the weight. */
  readonly share: number;
  readonly allocated: Resources;
  readonly frameworks: readonly string[];
}

export interface OfferView extends Offer {
  /** When it was made and when it will be rescinded, in milliseconds since 1970. */
  readonly madeAt: number;
  readonly expiresAt: number;
}

export interface ClusterView {
  /** Number of the delta that this view already holds. */
  readonly number: number;
  readonly agents: readonly AgentView[];
  readonly frameworks: readonly FrameworkView[];
  readonly tasks: readonly TaskView[];
  readonly offers: readonly OfferView[];
}

/**
 * What changed since the delta before. Removed things are named by id; tasks by `[frameworkId, taskId]`. Apply `removed`
 * first: an id may be removed and used again between two deltas.
 */
export interface Delta {
  readonly number: number;
  readonly agents: readonly AgentView[];
  readonly frameworks: readonly FrameworkView[];
  readonly tasks: readonly TaskView[];
  readonly offers: readonly OfferView[];
  readonly removed: {
    readonly agents: readonly string[];
    readonly frameworks: readonly string[];
    readonly tasks: readonly (readonly [frameworkId: string, taskId: string])[];
    readonly offers: readonly string[];
  };
}
