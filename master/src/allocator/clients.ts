import { DEFAULT_ROLE, equals, type Demand, type Resources } from '@proffer/sdk/model';
import type { HeapItem } from '../collections/heap.js';
import { addTotals, dominantShare, noTotals, type Totals } from './share.js';

/**
 * One entry of a client's demand.
 *
 * `count` is how many tasks the framework still wants to launch, `held` for how many of them it has offers in hand;
 * the rest is what is still to be offered.
 */
export class Want {
  readonly name: string;
  readonly resources: Resources;
  /** How many ports, whichever, a task needs. */
  readonly ports: number;
  /** It asks for particular ports or custom resources: an agent can serve one task at a time. */
  readonly exact: boolean;
  readonly maxPerAgent: number;
  /** Place in the demand: earlier entries are served first. */
  order = 0;
  /** False once the demand names it no more: it counts on for the offers that were made for it. */
  listed = true;
  count = 0;
  held = 0;
  /** All agents were looked at in vain: until something else about it changes, only those that got room since matter. */
  exhausted = false;

  constructor(entry: Demand) {
    this.name = entry.name;
    this.resources = entry.resources;
    this.ports = entry.ports ?? 0;
    this.exact = entry.resources.ports.length > 0 || entry.resources.custom.length > 0;
    this.maxPerAgent = entry.maxPerAgent ?? Number.MAX_SAFE_INTEGER;
  }

  /** True if there is a bound on what one agent is offered for. */
  get bounded(): boolean {
    return this.maxPerAgent < Number.MAX_SAFE_INTEGER;
  }

  /** How many tasks are still to be offered. */
  get unmet(): number {
    return this.count - this.held;
  }

  /** True if the entry asks for what this one does; the count may differ. */
  sameAs(entry: Demand): boolean {
    return (
      this.ports === (entry.ports ?? 0) &&
      this.maxPerAgent === (entry.maxPerAgent ?? Number.MAX_SAFE_INTEGER) &&
      equals(this.resources, entry.resources)
    );
  }
}

/** A framework, over all its roles. */
export class Member {
  readonly frameworkId: string;
  /** Connected. */
  active = false;
  /** Wants every offer, whatever its demand. */
  all = false;
  /** Where demand goes that names no role. */
  firstRole = DEFAULT_ROLE;
  /** Offers in hand. */
  grants = 0;
  /** By role. */
  readonly clients = new Map<string, Client>();

  constructor(frameworkId: string) {
    this.frameworkId = frameworkId;
  }
}

/** A framework in one of its roles: what offers go to. */
export class Client implements HeapItem {
  readonly member: Member;
  readonly role: Role;
  heapIndex = -1;
  /** False once the framework left the role: what it holds is still counted. */
  inRole = true;
  suppressed = false;
  /** Wants every offer, whatever its demand. */
  all = false;
  /** For `all`: as {@link Want.exhausted}. */
  exhausted = false;
  readonly wants = new Map<string, Want>();
  /** The wants that are not met. */
  readonly open = new Set<Want>();
  /** Raised to clear all its filters at once. */
  filterEpoch = 0;
  /** Offers in hand in this role. */
  grants = 0;
  readonly allocated: Totals = noTotals();
  /** How often it was allocated something: the tie-break of Mesos' sorter. */
  allocations = 0;
  share = 0;

  constructor(member: Member, role: Role) {
    this.member = member;
    this.role = role;
  }

  /** True if it may be offered something now. */
  get hungry(): boolean {
    return this.member.active && this.inRole && !this.suppressed && (this.all || this.open.size > 0);
  }

  /** True if the framework left the role and holds nothing of it any more. */
  get spent(): boolean {
    const { cpus, mem, disk, gpus } = this.allocated;
    return !this.inRole && this.grants === 0 && cpus === 0 && mem === 0 && disk === 0 && gpus === 0;
  }

  setDemand(demand: readonly Demand[] | 'all'): void {
    this.all = demand === 'all';
    this.exhausted = false;
    const before = new Map(this.wants);
    this.wants.clear();
    this.open.clear();
    if (demand !== 'all') demand.forEach((entry, order) => this.#setWant(entry, order, before));
    for (const want of before.values()) {
      if (want.held === 0 || this.wants.has(want.name)) continue;
      want.listed = false;
      want.count = 0;
      this.wants.set(want.name, want);
    }
  }

  #setWant(entry: Demand, order: number, before: Map<string, Want>): void {
    const old = before.get(entry.name);
    const want = old !== undefined && old.sameAs(entry) ? old : new Want(entry);
    if (want !== old) want.held = old?.held ?? 0;
    want.listed = true;
    want.order = order;
    want.count = entry.count;
    this.wants.set(want.name, want);
    this.update(want);
  }

  /** Call after a want's `count` or `held` changed. */
  update(want: Want): void {
    if (want.unmet > 0) {
      this.open.add(want);
      return;
    }
    this.open.delete(want);
    // It takes no part in the rounds to come, so agents that get room meanwhile go unseen.
    want.exhausted = false;
    if (!want.listed && want.held <= 0) this.wants.delete(want.name);
  }

  /** Lets it look at all agents again: it was left out of a round, or its filters are cleared. */
  lookAgain(): void {
    this.exhausted = false;
    for (const want of this.open) want.exhausted = false;
  }

  clearFilters(): void {
    this.filterEpoch++;
    this.lookAgain();
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
  /** By framework. */
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
  return a.member.frameworkId < b.member.frameworkId;
}

/** The same between roles. */
export function roleBefore(a: Role, b: Role): boolean {
  if (a.share !== b.share) return a.share < b.share;
  if (a.allocations !== b.allocations) return a.allocations < b.allocations;
  return a.name < b.name;
}
