import type { Attribute } from './agent.js';
import type { Resources } from './resources.js';

/** Resources of one agent held out to one framework in one role. Answer it with ACCEPT or DECLINE before it is rescinded. */
export interface Offer {
  readonly offerId: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly hostname: string;
  /** The role it was allocated to. */
  readonly role: string;
  readonly resources: Resources;
  readonly attributes: readonly Attribute[];
  /** Which entries of the framework's demand it was cut for, and for how many tasks of each; empty for `offers: 'all'`. */
  readonly demand: readonly OfferedDemand[];
}

/** So many tasks of the demand entry of this name fit in the offer. */
export interface OfferedDemand {
  readonly name: string;
  readonly count: number;
}
