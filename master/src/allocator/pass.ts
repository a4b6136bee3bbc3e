import { add, multiplyScalars, NO_RESOURCES, type Resources } from '@proffer/sdk/model';
import { Heap } from '../collections/heap.js';
import { Claim } from './claim.js';
import { charge, clientBefore, roleBefore, type Client, type Role, type Want } from './clients.js';
import type { RoomList } from './room.js';
import type { Totals } from './share.js';
import type { AgentSlot } from './slots.js';
import type { Grant } from './types.js';

/** What a pass works on. */
export interface PassInput {
  readonly now: number;
  readonly cluster: Totals;
  readonly room: RoomList;
  /** Agents that got room since the last pass: all that an exhausted want still has to look at. */
  readonly fresh: readonly AgentSlot[];
  readonly hungry: Iterable<Client>;
  readonly offersHeldMax: number;
}

/** A search that took longer than this found a cluster too full to spread over. */
const SPREAD_SEARCH_MAX = 64;

/**
 * One round of sharing out: as long as somebody's wish fits somewhere, the role with the lowest share, and in it the
 * framework with the lowest, gets as many tasks' worth as bring it just past the next one (progressive filling, in
 * steps as large as fairness allows). One offer comes of it for each framework, role and agent.
 */
export class Pass {
  readonly #input: PassInput;
  readonly #roles = new Heap<Role>(roleBefore);
  readonly #clients = new Map<Role, Heap<Client>>();
  readonly #claims = new Map<Client, Claim>();
  /** The agents that had room when the first one asked who has to see them all. */
  #everyone: readonly AgentSlot[] | undefined;

  constructor(input: PassInput) {
    this.#input = input;
    for (const client of input.hungry) this.#enter(client);
    for (const role of this.#clients.keys()) this.#roles.push(role);
  }

  run(): Grant[] {
    for (let role = this.#roles.peek(); role !== undefined; role = this.#roles.peek()) {
      const clients = this.#clients.get(role)!;
      const client = clients.peek()!;
      if (this.#serve(this.#claims.get(client)!, clients)) {
        clients.update(client);
        this.#roles.update(role);
      } else {
        clients.remove(client);
        if (clients.size === 0) this.#roles.remove(role);
      }
    }
    const grants: Grant[] = [];
    for (const claim of this.#claims.values()) claim.addGrants(grants);
    return grants;
  }

  #enter(client: Client): void {
    let clients = this.#clients.get(client.role);
    if (clients === undefined) {
      clients = new Heap<Client>(clientBefore);
      this.#clients.set(client.role, clients);
    }
    clients.push(client);
    this.#claims.set(client, new Claim(client));
  }

  /** Gives the client one step's worth; false if nothing of what it wants fits anywhere. */
  #serve(claim: Claim, peers: Heap<Client>): boolean {
    const { client } = claim;
    if (client.member.grants >= this.#input.offersHeldMax) {
      // What gets room while it holds too many offers would go unseen.
      client.lookAgain();
      return false;
    }
    if (client.all) return this.#serveAll(claim);
    for (let want = claim.want; want !== undefined; want = claim.want) {
      if (want.exhausted ? this.#serveFresh(claim, want, peers) : this.#serveAnywhere(claim, want, peers)) return true;
      claim.skip();
    }
    return false;
  }

  /** Everything that is free on one agent. */
  #serveAll(claim: Claim): boolean {
    const { client } = claim;
    const { fresh, room, now } = this.#input;
    if (!client.exhausted) this.#everyone ??= room.copy();
    const slots = client.exhausted ? fresh : this.#everyone!;
    while (claim.cursor < slots.length) {
      const slot = slots[claim.cursor++]!;
      if (!slot.hasRoom || slot.refusedBy(client, undefined, slot.free, now)) continue;
      this.#take(claim, slot, slot.free, undefined, 0);
      return true;
    }
    client.exhausted = true;
    return false;
  }

  #serveFresh(claim: Claim, want: Want, peers: Heap<Client>): boolean {
    const { fresh } = this.#input;
    while (claim.cursor < fresh.length) {
      const slot = fresh[claim.cursor]!;
      const most = this.#mostOn(slot, claim.client, want);
      if (most > 0) {
        this.#takeFor(claim, slot, want, Math.min(most, this.#fairCount(claim.client, want, peers)));
        return true;
      }
      claim.cursor++;
    }
    return false;
  }

  #serveAnywhere(claim: Claim, want: Want, peers: Heap<Client>): boolean {
    const { room } = this.#input;
    claim.spread ??= Math.ceil(want.unmet / room.size);
    for (let steps = 1; steps <= room.size; steps++) {
      const slot = room.next();
      const most = this.#mostOn(slot, claim.client, want);
      if (most === 0) continue;
      const spread = steps <= SPREAD_SEARCH_MAX ? claim.spread : want.unmet;
      this.#takeFor(claim, slot, want, Math.min(most, spread, this.#fairCount(claim.client, want, peers)));
      return true;
    }
    want.exhausted = true;
    return false;
  }

  /** For how many tasks of the entry the agent can be offered to the client; 0 for none. */
  #mostOn(slot: AgentSlot, client: Client, want: Want): number {
    if (!slot.hasRoom) return 0;
    let most = Math.min(slot.fits(want), want.unmet);
    if (most > 0 && want.bounded) most = Math.min(most, want.maxPerAgent - slot.heldFor(client, want.name));
    return most <= 0 || slot.refusedBy(client, want.name, want.resources, this.#input.now) ? 0 : most;
  }

  /** How many tasks bring the client, or its role, just past the one that would come next. At least one. */
  #fairCount(client: Client, want: Want, peers: Heap<Client>): number {
    const { role } = client;
    const nextClient = peers.second();
    const nextRole = this.#roles.second();
    const beforeClient = nextClient === undefined ? Infinity : this.#countUpTo(
      client.allocated,
      nextClient.share,
      want.resources,
    );
    const beforeRole = nextRole === undefined ? Infinity : this.#countUpTo(
      role.allocated,
      nextRole.share * role.weight,
      want.resources,
    );
    return Math.max(0, Math.min(beforeClient, beforeRole)) + 1;
  }

  /** How many tasks of this size fit below the share. */
  #countUpTo(held: Totals, share: number, each: Resources): number {
    const { cluster } = this.#input;
    let count = Infinity;
    for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const) {
      if (each[name] > 0 && cluster[name] > 0) {
        count = Math.min(count, Math.floor((share * cluster[name] - held[name]) / each[name]));
      }
    }
    return count;
  }

  #takeFor(claim: Claim, slot: AgentSlot, want: Want, count: number): void {
    this.#take(claim, slot, cut(slot, want, count), want, count);
    if (want.bounded) slot.hold(claim.client, want.name, count);
    want.held += count;
    claim.client.update(want);
  }

  #take(claim: Claim, slot: AgentSlot, taken: Resources, want: Want | undefined, count: number): void {
    const { client } = claim;
    slot.take(taken);
    this.#input.room.refresh(slot);
    claim.give(slot, taken, want, count);
    charge(client, taken, 1, this.#input.cluster);
    client.allocations++;
    client.role.allocations++;
  }
}

/** What `count` tasks of the entry take of the agent, its ports picked from what is free. */
function cut(slot: AgentSlot, want: Want, count: number): Resources {
  const { resources, ports } = want;
  const taken = want.exact ? resources : multiplyScalars(resources, count);
  if (ports === 0) return taken;
  return add(taken, { ...NO_RESOURCES, ports: slot.pickPorts(ports * count, resources.ports) });
}
