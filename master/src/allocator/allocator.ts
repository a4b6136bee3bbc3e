import { add, isEmpty, subtract, type Demand, type Resources } from '@proffer/sdk/model';
import { Deadlines } from '../collections/deadlines.js';
import { AgentSlot, RoomList } from './agents.js';
import { charge, Client, rank, Role, unmet, wantsOf } from './clients.js';
import { Pass } from './pass.js';
import { addTotals, noTotals, type Totals } from './share.js';
import type { Grant, GrantAnswer, ShareView } from './types.js';

/** What is already allocated on an agent that comes (back): its tasks and executors. */
export interface Allocated {
  readonly frameworkId: string;
  readonly role: string;
  readonly resources: Resources;
}

/**
 * Who is offered what next. Keeps what every agent has free, what every framework holds, wants and refuses; gives
 * grants, is told how they ended, and is told when what was used is released. Deterministic: no clock, no randomness.
 *
 * Work is by what changed: agents that got room and clients that want more. `allocate` looks at those only.
 */
export class Allocator {
  readonly #offersHeldMax: number;
  readonly #cluster: Totals = noTotals();
  readonly #roles = new Map<string, Role>();
  readonly #weights = new Map<string, number>();
  /** By framework, then by role. */
  readonly #clients = new Map<string, Map<string, Client>>();
  readonly #slots = new Map<string, AgentSlot>();
  readonly #room = new RoomList();
  readonly #fresh = new Set<AgentSlot>();
  readonly #hungry = new Set<Client>();
  readonly #filterDeadlines = new Deadlines();
  #changed = false;
  /** The cluster's size changed: every share has to be worked out again before it decides anything. */
  #sharesStale = false;

  constructor(options: { offersHeldMax: number; weights: Readonly<Record<string, number>> }) {
    this.#offersHeldMax = options.offersHeldMax;
    for (const [role, weight] of Object.entries(options.weights)) this.setWeight(role, weight);
  }

  /** True if `allocate` may give something that it did not give the last time. */
  get changed(): boolean {
    return this.#changed;
  }

  /** When the next filter ends. */
  get nextDeadline(): number | undefined {
    return this.#filterDeadlines.next;
  }

  setWeight(name: string, weight: number): void {
    this.#weights.set(name, weight);
    const role = this.#roles.get(name);
    if (role !== undefined) role.weight = weight;
    this.#sharesStale = true;
    this.#changed = true;
  }

  addAgent(agentId: string, total: Resources, allocated: readonly Allocated[]): void {
    const slot = new AgentSlot(agentId, total);
    this.#slots.set(agentId, slot);
    this.#resize(total, 1);
    for (const { frameworkId, role, resources } of allocated) {
      slot.setFree(subtract(slot.free, resources));
      charge(this.#client(frameworkId, role), resources, 1, this.#cluster);
    }
    this.#refresh(slot);
  }

  /** The agent is lost or unknown. What is allocated on it must have been released before. */
  removeAgent(agentId: string): void {
    const slot = this.#slots.get(agentId);
    if (slot === undefined) return;
    this.#slots.delete(agentId);
    this.#fresh.delete(slot);
    this.#room.remove(slot);
    slot.active = false;
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
    for (const role of roles) this.#client(frameworkId, role);
    for (const [role, client] of this.#clients.get(frameworkId) ?? []) {
      if (roles.includes(role)) continue;
      client.active = false;
      client.wants = [];
      this.#feed(client);
    }
  }

  /** Forgets the framework. What it holds must have been released before. */
  removeFramework(frameworkId: string): void {
    for (const [role, client] of this.#clients.get(frameworkId) ?? []) {
      client.active = false;
      this.#hungry.delete(client);
      client.role.clients.delete(frameworkId);
      if (client.role.clients.size === 0) this.#roles.delete(role);
    }
    this.#clients.delete(frameworkId);
  }

  /** Connected or not. A framework that comes back has no filters. */
  setActive(frameworkId: string, role: string, active: boolean): void {
    const client = this.#client(frameworkId, role);
    client.active = active;
    if (active) this.#clearFilters(client);
    this.#feed(client);
  }

  /** What the framework wants in this role; `all`: every offer. */
  setDemand(frameworkId: string, role: string, demand: readonly Demand[] | 'all'): void {
    const client = this.#client(frameworkId, role);
    const before = client.wants;
    client.all = demand === 'all';
    client.exhausted = false;
    client.wants = demand === 'all' ? [] : wantsOf(demand, before);
    for (const want of client.wants) {
      const old = before.find((other) => other.name === want.name);
      if (old !== undefined && old.exhausted && sameSize(old, want)) want.exhausted = true;
    }
    this.#feed(client);
  }

  suppress(frameworkId: string, role: string): void {
    const client = this.#client(frameworkId, role);
    client.suppressed = true;
    this.#feed(client);
  }

  /** Takes back `suppress` and clears the filters. */
  revive(frameworkId: string, role: string): void {
    const client = this.#client(frameworkId, role);
    client.suppressed = false;
    this.#clearFilters(client);
    this.#feed(client);
  }

  /** Ends a grant: the unused part is free again. */
  settle(grant: Grant, answer: GrantAnswer): void {
    const client = this.#client(grant.frameworkId, grant.role);
    const slot = this.#slots.get(grant.agentId);
    client.grants--;
    for (const { name, count } of grant.demand) {
      const want = client.wants.find((entry) => entry.name === name);
      if (want === undefined) continue;
      want.held = Math.max(0, want.held - count);
      want.count = Math.max(0, want.count - (answer.launched.get(name) ?? 0));
    }
    if (slot !== undefined) {
      if (grant.demand.length > 0) slot.hold(client, grant.demand, -1);
      if (answer.refuseUntil !== undefined) this.#refuse(slot, client, grant, answer, answer.refuseUntil);
    }
    this.release(grant.agentId, grant.frameworkId, grant.role, subtract(grant.resources, answer.used));
    this.#feed(client);
  }

  /** What was used is free again: a task or an executor ended, or its agent is lost. */
  release(agentId: string, frameworkId: string, role: string, resources: Resources): void {
    if (!isEmpty(resources)) charge(this.#client(frameworkId, role), resources, -1, this.#cluster);
    const slot = this.#slots.get(agentId);
    if (slot === undefined) return;
    if (!isEmpty(resources)) slot.setFree(add(slot.free, resources));
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
    if (this.#hungry.size === 0 || (this.#room.size === 0 && this.#fresh.size === 0)) {
      this.#fresh.clear();
      return [];
    }
    const pass = new Pass({
      now,
      cluster: this.#cluster,
      room: this.#room,
      fresh: [...this.#fresh],
      hungry: this.#hungry,
      offersHeldMax: this.#offersHeldMax,
    });
    this.#fresh.clear();
    const grants = pass.run();
    for (const grant of grants) this.#feedQuietly(this.#client(grant.frameworkId, grant.role));
    return grants;
  }

  /** What is free on an agent, for people and tests. */
  freeOf(agentId: string): Resources | undefined {
    return this.#slots.get(agentId)?.free;
  }

  /** What roles hold and how they rank, for people. */
  roleShares(): ReadonlyMap<string, ShareView & { readonly weight: number; readonly frameworks: readonly string[] }> {
    if (this.#sharesStale) this.#rankAll();
    const views = new Map<string, ShareView & { weight: number; frameworks: string[] }>();
    for (const role of this.#roles.values()) {
      views.set(role.name, { share: role.share, weight: role.weight, ...role.allocated, frameworks: [...role.clients.keys()] });
    }
    return views;
  }

  #client(frameworkId: string, roleName: string): Client {
    let byRole = this.#clients.get(frameworkId);
    if (byRole === undefined) this.#clients.set(frameworkId, (byRole = new Map()));
    let client = byRole.get(roleName);
    if (client === undefined) {
      let role = this.#roles.get(roleName);
      if (role === undefined) this.#roles.set(roleName, (role = new Role(roleName, this.#weights.get(roleName) ?? 1)));
      byRole.set(roleName, (client = new Client(frameworkId, role)));
      role.clients.set(frameworkId, client);
    }
    return client;
  }

  #refuse(slot: AgentSlot, client: Client, grant: Grant, answer: GrantAnswer, until: number): void {
    const unused = grant.demand.filter(({ name, count }) => (answer.launched.get(name) ?? 0) < count);
    const names: (string | undefined)[] = grant.demand.length > 0 ? unused.map(({ name }) => name) : [undefined];
    const refused = subtract(grant.resources, answer.used);
    if (isEmpty(refused)) return;
    for (const want of names) {
      slot.filters = slot.filters.filter((filter) => filter.client !== client || filter.want !== want || filter.until > until);
      slot.filters.push({ client, epoch: client.filterEpoch, want, refused: want === undefined ? refused : grant.resources, until });
    }
    this.#filterDeadlines.set(until, () => {
      slot.filters = slot.filters.filter((filter) => filter.until > until);
      if (this.#slots.get(slot.agentId) === slot) this.#refresh(slot);
    });
  }

  #clearFilters(client: Client): void {
    client.filterEpoch++;
    client.exhausted = false;
    for (const want of client.wants) want.exhausted = false;
  }

  /** Notes whether the client may be offered something. */
  #feed(client: Client): void {
    this.#feedQuietly(client);
    if (client.hungry) this.#changed = true;
  }

  #feedQuietly(client: Client): void {
    if (client.hungry) this.#hungry.add(client);
    else this.#hungry.delete(client);
  }

  /** The agent may have room that it did not have before. */
  #refresh(slot: AgentSlot): void {
    this.#room.refresh(slot);
    if (!slot.active) return;
    this.#fresh.add(slot);
    this.#changed = true;
  }

  #resize(total: Resources, times: number): void {
    addTotals(this.#cluster, total, times);
    this.#sharesStale = true;
  }

  #rankAll(): void {
    this.#sharesStale = false;
    for (const byRole of this.#clients.values()) for (const client of byRole.values()) rank(client, this.#cluster);
  }
}

function sameSize(a: { resources: Resources; ports: number }, b: { resources: Resources; ports: number }): boolean {
  const less = (x: Resources, y: Resources): boolean => x.cpus < y.cpus || x.mem < y.mem || x.disk < y.disk || x.gpus < y.gpus;
  return !less(b.resources, a.resources) && b.ports >= a.ports && b.resources.ports.length === 0 && b.resources.custom.length === 0;
}
