import type { Demand, Resources } from '@proffer/sdk/model';
import type { HeapItem } from '../collections/heap.js';
import { addTotals, dominantShare, noTotals, type Totals } from './share.js';

/**
 * One entry of a client's demand.
 *
 * `count` is how many tasks the framework still wants to launch, `held` for how many of them it has offers in hand;
 * the rest is what is still to be offered.
 */
export interface Want {
  readonly name: string;
  readonly resources: Resources;
  readonly ports: number;
  readonly maxPerAgent: number;
  count: number;
  held: number;
  /** No agent but those that got room since can serve it: a pass over the others would be in vain. */
  exhausted: boolean;
  /** Where the next search among the agents begins, so that tasks spread. */
  cursor: number;
}

/** How many tasks of the entry are still to be offered. */
export function unmet(want: Want): number {
  return want.count - want.held;
}

/** A framework in one of its roles: what offers go to. */
export class Client implements HeapItem {
  readonly frameworkId: string;
  readonly role: Role;
  heapIndex = -1;
  /** Connected. */
  active = false;
  suppressed = false;
  /** Wants every offer, whatever its demand. */
  all = false;
  /** For `all`: nothing is left to see on agents that got no room since. */
  exhausted = false;
  wants: Want[] = [];
  /** Raised to clear all its filters at once. */
  filterEpoch = 0;
  /** Offers in hand, by count. */
  grants = 0;
  readonly allocated: Totals = noTotals();
  /** How often it was allocated something: the tie-break of Mesos' sorter. */
  allocations = 0;
  share = 0;

  constructor(frameworkId: string, role: Role) {
    this.frameworkId = frameworkId;
    this.role = role;
  }

  /** True if it may be offered something now. */
  get hungry(): boolean {
    if (!this.active || this.suppressed) return false;
    return this.all || this.wants.some((want) => unmet(want) > 0);
  }
}

/** A role with its weight; its share is that of all its clients together, divided by the weight. */
export class Role implements HeapItem {
  readonly name: string;
  heapIndex = -1;
  weight: number;
  readonly allocated: Totals = noTotals();
  allocations = 0;
  share = 0;
  readonly clients = new Map<string, Client>();

  constructor(name: string, weight: number) {
    this.name = name;
    this.weight = weight;
  }
}

/** Counts resources as allocated to the client (`times` 1) or no more (-1). */
export function charge(client: Client, resources: Resources, times: number, cluster: Totals): void {
  addTotals(client.allocated, resources, times);
  addTotals(client.role.allocated, resources, times);
  rank(client, cluster);
}

/** Works out the shares that decide who comes next. */
export function rank(client: Client, cluster: Totals): void {
  client.share = dominantShare(client.allocated, cluster);
  client.role.share = dominantShare(client.role.allocated, cluster) / client.role.weight;
}

/** Lower share first, then who was served less often, then by name: Mesos' order. */
export function clientBefore(a: Client, b: Client): boolean {
  if (a.share !== b.share) return a.share < b.share;
  if (a.allocations !== b.allocations) return a.allocations < b.allocations;
  return a.frameworkId < b.frameworkId;
}

/** The same between roles. */
export function roleBefore(a: Role, b: Role): boolean {
  if (a.share !== b.share) return a.share < b.share;
  if (a.allocations !== b.allocations) return a.allocations < b.allocations;
  return a.name < b.name;
}

/** The wants of a new demand; what the client holds for entries of the same name goes on being held. */
export function wantsOf(demand: readonly Demand[], before: readonly Want[]): Want[] {
  return demand.map((entry) => {
    const old = before.find((want) => want.name === entry.name);
    return {
      name: entry.name,
      resources: entry.resources,
      ports: entry.ports ?? 0,
      maxPerAgent: entry.maxPerAgent ?? Number.MAX_SAFE_INTEGER,
      count: entry.count,
      held: old?.held ?? 0,
      exhausted: false,
      cursor: old?.cursor ?? 0,
    };
  });
}
