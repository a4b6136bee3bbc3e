import { add, isEmpty, NO_RESOURCES, subtract, type Demand, type Resources } from '@proffer/sdk/model';
import { Deadlines } from '../collections/deadlines.js';
import { charge, rank, type Client } from './clients.js';
import { Members } from './members.js';
import { Pass } from './pass.js';
import { RoomList } from './room.js';
import { addTotals, noTotals, type Totals } from './share.js';
import { AgentSlot } from './slots.js';
import type { Allocated, DemandView, Grant, GrantAnswer, RoleShare } from './types.js';

/**
 * Who is offered what next. Keeps what every agent has free, what every framework holds, wants and refuses; gives
 * grants, is told how they ended, and is told when what was used is released. Deterministic: no clock, no randomness.
 *
 * Work is by what changed: agents that got room and clients that want more. `allocate` looks at those only.
 */
export class Allocator {
  readonly #offersHeldMax: number;
  readonly #cluster: Totals = noTotals();
  readonly #members: Members;
  readonly #slots = new Map<string, AgentSlot>();
  readonly #room = new RoomList();
  readonly #fresh = new Set<AgentSlot>();
  readonly #filterDeadlines = new Deadlines();
  #changed = false;
  /** The cluster's size or a weight changed: every share has to be worked out again before it decides anything. */
  #sharesStale = false;

  constructor(options: { offersHeldMax: number; weights: Readonly<Record<string, number>> }) {
    this.#offersHeldMax = options.offersHeldMax;
    this.#members = new Members(options.weights);
  }

  /** True if `allocate` may give something that it did not give the last time. */
  get changed(): boolean {
    return this.#changed;
  }

  /** When the next filter ends; undefined if there is none. */
  get nextDeadline(): number | undefined {
    return this.#filterDeadlines.next;
  }

  /** `weight` is above 0; roles that were never given one have 1. */
  setWeight(role: string, weight: number): void {
    this.#members.setWeight(role, weight);
    this.#sharesStale = true;
  }

  /** An agent that may be offered, with what is already allocated on it. */
  addAgent(agentId: string, total: Resources, allocated: readonly Allocated[]): void {
    let sum = NO_RESOURCES;
    for (const { frameworkId, role, resources } of allocated) {
      sum = add(sum, resources);
      charge(this.#members.client(frameworkId, role), resources, 1, this.#cluster);
    }
    const slot = new AgentSlot(agentId, total, sum);
    this.#slots.set(agentId, slot);
    this.#resize(total, 1);
    this.#refresh(slot);
  }

  /** The agent is lost, or comes back otherwise. What is allocated on it must have been released before. */
  removeAgent(agentId: string): void {
    const slot = this.#slots.get(agentId);
    if (slot === undefined) return;
    slot.active = false;
    slot.filterDeadline?.cancel();
    this.#slots.delete(agentId);
    this.#fresh.delete(slot);
    this.#room.remove(slot);
    this.#resize(slot.total, -1);
  }

  /** An agent that is not active is not offered. */
  setAgentActive(agentId: string, active: boolean): void {
    const slot = this.#slots.get(agentId);
    if (slot === undefined || slot.active === active) return;
    slot.active = active;
    this.#refresh(slot);
  }

  /** Sets the roles in which a framework takes part; those it leaves keep what they hold until it is released. */
  setFramework(frameworkId: string, roles: readonly string[]): void {
    this.#members.setRoles(frameworkId, roles);
    this.#feedAll(frameworkId);
  }

  /** Forgets the framework. What it holds must have been released before. */
  removeFramework(frameworkId: string): void {
    this.#members.remove(frameworkId);
  }

  /** Connected or not. A framework that comes back has no filters. */
  setActive(frameworkId: string, active: boolean): void {
    const member = this.#members.get(frameworkId);
    if (member === undefined) return;
    member.active = active;
    if (active) for (const client of member.clients.values()) client.clearFilters();
    this.#feedAll(frameworkId);
  }

  /** What the framework wants, each entry in its role or in the first of its roles; `all`: every offer. */
  setDemand(frameworkId: string, demand: readonly Demand[] | 'all'): void {
    this.#members.setDemand(frameworkId, demand);
    this.#feedAll(frameworkId);
  }

  /** No offers in these roles until `unsuppress`. */
  suppress(frameworkId: string, roles: readonly string[]): void {
    for (const client of this.#members.clientsIn(frameworkId, roles)) {
      client.suppressed = true;
      this.#members.feed(client);
    }
  }

  unsuppress(frameworkId: string, roles: readonly string[]): void {
    for (const client of this.#members.clientsIn(frameworkId, roles)) {
      if (!client.suppressed) continue;
      client.suppressed = false;
      client.lookAgain();
      this.#feed(client);
    }
  }

  /** Forgets what the framework refused in these roles. */
  clearFilters(frameworkId: string, roles: readonly string[]): void {
    for (const client of this.#members.clientsIn(frameworkId, roles)) {
      client.clearFilters();
      this.#feed(client);
    }
  }

  /** Ends grants of one agent, framework and role: the unused part is free again. */
  settle(grants: readonly Grant[], answer: GrantAnswer): void {
    const { agentId, frameworkId, role } = grants[0]!;
    const slot = this.#slots.get(agentId);
    const client = this.#members.find(frameworkId, role);
    let held = grants[0]!.resources;
    for (let i = 1; i < grants.length; i++) held = add(held, grants[i]!.resources);
    const unused = subtract(held, answer.used);
    if (client !== undefined) {
      if (client.member.grants >= this.#offersHeldMax) this.#changed = true;
      client.grants -= grants.length;
      client.member.grants -= grants.length;
      for (const grant of grants) this.#settleDemand(client, slot, grant);
      for (const [name, count] of answer.launched) this.#countDown(client, name, count);
      if (slot !== undefined && answer.refuseUntil !== undefined && !isEmpty(unused)) {
        this.#refuse(slot, client, grants, held, unused, answer);
      }
      this.#feed(client);
      if (client.spent) this.#members.drop(client);
    }
    this.release(agentId, frameworkId, role, unused);
  }

  /** What was used is free again: a task or an executor ended, or its agent is lost. */
  release(agentId: string, frameworkId: string, role: string, resources: Resources): void {
    if (isEmpty(resources)) return;
    const client = this.#members.find(frameworkId, role);
    if (client !== undefined) {
      charge(client, resources, -1, this.#cluster);
      if (client.spent) this.#members.drop(client);
    }
    const slot = this.#slots.get(agentId);
    if (slot === undefined) return;
    slot.give(resources);
    this.#refresh(slot);
  }

  /** Frees what filters held back until `now`. */
  expire(now: number): void {
    this.#filterDeadlines.run(now);
  }

  /** Shares out what is free among those who want it. */
  allocate(now: number): Grant[] {
    if (!this.#changed) return [];
    this.#changed = false;
    if (this.#sharesStale) this.#rankAll();
    const { hungry } = this.#members;
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    if (hungry.size === 0 || this.#room.size === 0) return [];
    const pass = new Pass({ now, cluster: this.#cluster, room: this.#room, fresh, hungry, offersHeldMax: this.#offersHeldMax });
    const grants = pass.run();
    for (const client of [...hungry]) this.#members.feed(client);
    return grants;
  }

  /** What is free on an agent. */
  freeOf(agentId: string): Resources | undefined {
    return this.#slots.get(agentId)?.free;
  }

  /** What is used or offered on an agent. */
  allocatedOf(agentId: string): Resources | undefined {
    return this.#slots.get(agentId)?.allocated;
  }

  /** What is left of the framework's demand. */
  demandOf(frameworkId: string): DemandView[] {
    return this.#members.demandOf(frameworkId);
  }

  /** What roles hold and how they rank, for people. */
  roleShares(): RoleShare[] {
    if (this.#sharesStale) this.#rankAll();
    return this.#members.roleShares();
  }

  #settleDemand(client: Client, slot: AgentSlot | undefined, grant: Grant): void {
    for (const { name, count } of grant.demand) {
      // The agent may be offered for the entry again, even if nothing of it is free that was not.
      if (slot?.unhold(client, name, count) === true) this.#refresh(slot);
      const want = client.wants.get(name);
      if (want === undefined) continue;
      want.held = Math.max(0, want.held - count);
      client.update(want);
    }
  }

  #countDown(client: Client, name: string, count: number): void {
    const want = client.wants.get(name);
    if (want === undefined) return;
    want.count = Math.max(0, want.count - count);
    client.update(want);
  }

  #refuse(
    slot: AgentSlot,
    client: Client,
    grants: readonly Grant[],
    held: Resources,
    unused: Resources,
    answer: GrantAnswer,
  ): void {
    const until = answer.refuseUntil!;
    const offered = new Map<string, number>();
    for (const { demand } of grants) for (const { name, count } of demand) offered.set(name, (offered.get(name) ?? 0) + count);
    if (offered.size === 0) slot.filters.refuse(client, undefined, unused, until);
    for (const [name, count] of offered) {
      if ((answer.launched.get(name) ?? 0) < count) slot.filters.refuse(client, name, held, until);
    }
    this.#awaitFilters(slot);
  }

  /** One deadline for each agent, however many filters it has: nobody can make it many. */
  #awaitFilters(slot: AgentSlot): void {
    const { next } = slot.filters;
    if (next === slot.filterDeadline?.at) return;
    slot.filterDeadline?.cancel();
    slot.filterDeadline = undefined;
    if (next === undefined) return;
    slot.filterDeadline = this.#filterDeadlines.set(next, () => {
      slot.filterDeadline = undefined;
      slot.filters.expire(next);
      this.#awaitFilters(slot);
      this.#refresh(slot);
    });
  }

  #feedAll(frameworkId: string): void {
    for (const client of this.#members.get(frameworkId)?.clients.values() ?? []) this.#feed(client);
  }

  /** Notes whether the client may be offered something. */
  #feed(client: Client): void {
    this.#members.feed(client);
    if (client.hungry) this.#changed = true;
  }

  /** The agent may have room that it did not have before. */
  #refresh(slot: AgentSlot): void {
    this.#room.refresh(slot);
    if (!slot.hasRoom) return;
    this.#fresh.add(slot);
    this.#changed = true;
  }

  #resize(total: Resources, times: number): void {
    addTotals(this.#cluster, total, times);
    this.#sharesStale = true;
  }

  #rankAll(): void {
    this.#sharesStale = false;
    for (const client of this.#members.clients()) rank(client, this.#cluster);
  }
}
