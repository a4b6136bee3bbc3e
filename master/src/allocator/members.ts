import type { Demand } from '@proffer/sdk/model';
import { Client, Member, Role } from './clients.js';
import { resourcesOf } from './share.js';
import type { DemandView, RoleShare } from './types.js';

/** The frameworks and their roles. */
export class Members {
  readonly #members = new Map<string, Member>();
  readonly #roles = new Map<string, Role>();
  readonly #weights: Map<string, number>;
  /** The clients that may be offered something. */
  readonly hungry = new Set<Client>();

  constructor(weights: Readonly<Record<string, number>>) {
    this.#weights = new Map(Object.entries(weights));
  }

  setWeight(name: string, weight: number): void {
    this.#weights.set(name, weight);
    const role = this.#roles.get(name);
    if (role !== undefined) role.weight = weight;
  }

  get(frameworkId: string): Member | undefined {
    return this.#members.get(frameworkId);
  }

  find(frameworkId: string, role: string): Client | undefined {
    return this.#members.get(frameworkId)?.clients.get(role);
  }

  /** The framework in this role, which it may have left, or be not in at all but for what it holds. */
  client(frameworkId: string, roleName: string): Client {
    const member = this.#member(frameworkId);
    let client = member.clients.get(roleName);
    if (client === undefined) {
      const role = this.#role(roleName);
      client = new Client(member, role);
      client.inRole = false;
      member.clients.set(roleName, client);
      role.clients.set(frameworkId, client);
    }
    return client;
  }

  /** The framework's clients in these of its roles. */
  clientsIn(frameworkId: string, roles: readonly string[]): Client[] {
    return roles.map((role) => this.find(frameworkId, role)).filter((client) => client !== undefined);
  }

  *clients(): Generator<Client> {
    for (const member of this.#members.values()) yield* member.clients.values();
  }

  /** The framework's roles, the first of which is for demand that names none. */
  setRoles(frameworkId: string, roles: readonly string[]): void {
    this.#member(frameworkId).firstRole = roles[0]!;
    for (const role of roles) {
      const client = this.client(frameworkId, role);
      if (client.inRole) continue;
      client.inRole = true;
      client.suppressed = false;
      client.setDemand(this.#member(frameworkId).all ? 'all' : []);
    }
    for (const client of this.#member(frameworkId).clients.values()) {
      if (roles.includes(client.role.name)) continue;
      client.inRole = false;
      client.setDemand([]);
      if (client.spent) this.drop(client);
    }
  }

  setDemand(frameworkId: string, demand: readonly Demand[] | 'all'): void {
    const member = this.#members.get(frameworkId);
    if (member === undefined) return;
    member.all = demand === 'all';
    const byRole = new Map<string, Demand[]>();
    for (const entry of demand === 'all' ? [] : demand) {
      const role = entry.role ?? member.firstRole;
      const entries = byRole.get(role);
      if (entries === undefined) byRole.set(role, [entry]);
      else entries.push(entry);
    }
    for (const client of member.clients.values()) {
      if (client.inRole) client.setDemand(demand === 'all' ? 'all' : (byRole.get(client.role.name) ?? []));
    }
  }

  remove(frameworkId: string): void {
    for (const client of this.#members.get(frameworkId)?.clients.values() ?? []) this.drop(client);
    this.#members.delete(frameworkId);
  }

  drop(client: Client): void {
    const { member, role } = client;
    this.hungry.delete(client);
    member.clients.delete(role.name);
    role.clients.delete(member.frameworkId);
    if (role.clients.size === 0) this.#roles.delete(role.name);
    if (member.clients.size === 0) this.#members.delete(member.frameworkId);
  }

  /** Notes whether the client may be offered something. */
  feed(client: Client): void {
    if (client.hungry) this.hungry.add(client);
    else this.hungry.delete(client);
  }

  demandOf(frameworkId: string): DemandView[] {
    const views: DemandView[] = [];
    for (const client of this.#members.get(frameworkId)?.clients.values() ?? []) {
      for (const { name, resources, count, listed } of client.wants.values()) {
        if (listed && count > 0) views.push({ name, role: client.role.name, resources, count });
      }
    }
    return views;
  }

  roleShares(): RoleShare[] {
    return Array.from(this.#roles.values(), ({ name, weight, share, allocated, clients }) => ({
      name,
      weight,
      share,
      allocated: resourcesOf(allocated),
      frameworks: [...clients.keys()],
    }));
  }

  #member(frameworkId: string): Member {
    let member = this.#members.get(frameworkId);
    if (member === undefined) this.#members.set(frameworkId, (member = new Member(frameworkId)));
    return member;
  }

  #role(name: string): Role {
    let role = this.#roles.get(name);
    if (role === undefined) this.#roles.set(name, (role = new Role(name, this.#weights.get(name) ?? 1)));
    return role;
  }
}
