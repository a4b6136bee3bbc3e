import type { OfferedDemand, Resources } from '@proffer/sdk/model';

/** Resources set aside for one framework in one role on one agent: what an offer is made of. */
export interface Grant {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly role: string;
  readonly resources: Resources;
  /** Which demand entries it was cut for; empty for `offers: 'all'`. */
  readonly demand: readonly OfferedDemand[];
}

/** How grants ended. */
export interface GrantAnswer {
  /** What was used; it stays allocated until it is released. */
  readonly used: Resources;
  /** How many tasks were launched of each demand entry. */
  readonly launched: ReadonlyMap<string, number>;
  /** Do not offer the unused part to the framework again before then; undefined: no filter. */
  readonly refuseUntil: number | undefined;
}

/** What is already allocated on an agent that comes (back): its tasks and executors. */
export interface Allocated {
  readonly frameworkId: string;
  readonly role: string;
  readonly resources: Resources;
}

/** What is left of one entry of a framework's demand. */
export interface DemandView {
  readonly name: string;
  readonly role: string;
  readonly resources: Resources;
  readonly count: number;
}

/** What a role holds and how it ranks, for people. */
export interface RoleShare {
  readonly name: string;
  readonly weight: number;
  /** Dominant share: a fraction of the cluster, divided by the weight. */
  readonly share: number;
  /** Scalars only: ports of different agents cannot be added. */
  readonly allocated: Resources;
  readonly frameworks: readonly string[];
}
