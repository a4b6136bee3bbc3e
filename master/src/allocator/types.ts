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

/** How a grant ended. */
export interface GrantAnswer {
  /** What was used; it stays allocated until it is released. */
  readonly used: Resources;
  /** How many tasks were launched of each demand entry. */
  readonly launched: ReadonlyMap<string, number>;
  /** Do not offer the unused part to the framework again before then; undefined: no filter. */
  readonly refuseUntil?: number;
}

/** What a role or framework holds, for people. Shares are fractions of the cluster, divided by the weight for roles. */
export interface ShareView {
  readonly share: number;
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}
