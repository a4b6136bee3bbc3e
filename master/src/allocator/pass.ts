import { add, multiplyScalars, NO_RESOURCES, subtract, subtractRanges, takeRanges, type Resources } from '@proffer/sdk/model';
import { Heap } from '../collections/heap.js';
import type { AgentSlot, RoomList } from './agents.js';
import { charge, clientBefore, roleBefore, unmet, type Client, type Role, type Want } from './clients.js';
import type { Totals } from './share.js';
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

/** One offer in the making. */
interface Draft {
  resources: Resources;
  readonly counts: Map<string, number>;
}

/**
 * One round of sharing out: as long as somebody's wish fits somewhere, the role with the lowest share, and in it the
 * framework with the lowest, gets as many tasks' worth as bring it just past the next one (progressive filling, in
 * steps as large as fairness allows). One offer comes of it for each framework and agent.
 */
export class Pass {
  readonly #input: PassInput;
  readonly #roles = new Heap<Role>(roleBefore);
  readonly #clients = new Map<Role, Heap<Client>>();
  readonly #drafts = new Map<Client, Map<AgentSlot, Draft>>();
  /** How far each exhausted want has looked through the fresh agents. */
  readonly #freshCursor = new Map<Want | Client, number>();

  constructor(input: PassInput) {
    this.#input = input;
    for (const client of input.hungry) {
      if (client.hungry) this.#enter(client);
    }
    for (const role of this.#clients.keys()) this.#roles.push(role);
  }

  run(): Grant[] {
    for (let role = this.#roles.peek(); role !== undefined; role = this.#roles.peek()) {
      const clients = this.#clients.get(role)!;
      const client = clients.peek()!;
      if (this.#serve(client, clients)) {
        clients.update(client);
        this.#roles.update(role);
      } else {
        clients.remove(client);
        if (clients.size === 0) this.#roles.remove(role);
      }
    }
    return this.#grants();
  }

  #enter(client: Client): void {
    let clients = this.#clients.get(client.role);
    if (clients === undefined) {
      clients = new Heap<Client>(clientBefore);
      this.#clients.set(client.role, clients);
    }
    clients.push(client);
  }

  /** Gives the client one step's worth; false if nothing of what it wants fits anywhere. */
  #serve(client: Client, peers: Heap<Client>): boolean {
    const drafts = this.#drafts.get(client);
    const held = client.grants + (drafts?.size ?? 0);
    if (client.all) return held < this.#input.offersHeldMax && this.#serveAll(client);
    for (const want of client.wants) {
      if (unmet(want) <= 0) continue;
      const found = this.#search(client, want);
      if (found === undefined) continue;
      const { slot, steps } = found;
      if (held >= this.#input.offersHeldMax && !drafts?.has(slot)) return false;
      let count = Math.min(slot.fits(want), unmet(want), want.maxPerAgent - this.#drafted(client, slot, want));
      if (steps <= SPREAD_SEARCH_MAX) count = Math.min(count, Math.ceil(unmet(want) / Math.max(1, this.#input.room.size)));
      count = Math.min(count, this.#fairCount(client, want, peers));
      this.#take(client, slot, cut(slot, want, count), want.name, count);
      want.held += count;
      return true;
    }
    return false;
  }

  #serveAll(client: Client): boolean {
    const { room, fresh, now } = this.#input;
    const suits = (slot: AgentSlot): boolean => slot.hasRoom && !slot.refusedBy(client, undefined, slot.free, now);
    let found: AgentSlot | undefined;
    if (client.exhausted) {
      found = this.#searchFresh(client, fresh, suits);
    } else {
      for (let i = 0; i < room.size && found === undefined; i++) if (suits(room.at(i))) found = room.at(i);
      if (found === undefined) client.exhausted = true;
    }
    if (found === undefined) return false;
    this.#take(client, found, found.free, undefined, 0);
    return true;
  }

  #search(client: Client, want: Want): { slot: AgentSlot; steps: number } | undefined {
    const { room, fresh, now } = this.#input;
    const suits = (slot: AgentSlot): boolean =>
      slot.active &&
      slot.fits(want) > 0 &&
      this.#drafted(client, slot, want) < want.maxPerAgent &&
      !slot.refusedBy(client, want.name, want.resources, now);
    if (want.exhausted) {
      const slot = this.#searchFresh(want, fresh, suits);
      return slot === undefined ? undefined : { slot, steps: SPREAD_SEARCH_MAX + 1 };
    }
    for (let steps = 1; steps <= room.size; steps++) {
      if (want.cursor >= room.size) want.cursor = 0;
      const slot = room.at(want.cursor++);
      if (suits(slot)) return { slot, steps };
    }
    want.exhausted = true;
    return undefined;
  }

  /** Agents only lose room during a pass, so one that does not suit now is not looked at again. */
  #searchFresh(who: Want | Client, fresh: readonly AgentSlot[], suits: (slot: AgentSlot) => boolean): AgentSlot | undefined {
    let cursor = this.#freshCursor.get(who) ?? 0;
    while (cursor < fresh.length && !suits(fresh[cursor]!)) cursor++;
    this.#freshCursor.set(who, cursor);
    return fresh[cursor];
  }

  /** How many tasks of the entry this agent is already being offered to the client for. */
  #drafted(client: Client, slot: AgentSlot, want: Want): number {
    if (want.maxPerAgent === Number.MAX_SAFE_INTEGER) return 0;
    const drafted = this.#drafts.get(client)?.get(slot)?.counts.get(want.name) ?? 0;
    return drafted + slot.heldFor(client, want.name);
  }

  /** How many tasks bring the client, or its role, just past the one that would come next. At least one. */
  #fairCount(client: Client, want: Want, peers: Heap<Client>): number {
    const nextClient = peers.second();
    const nextRole = this.#roles.second();
    let count = Number.MAX_SAFE_INTEGER;
    if (nextClient !== undefined) count = this.#countUpTo(client.allocated, nextClient.share, want.resources);
    if (nextRole !== undefined) {
      const { role } = client;
      count = Math.min(count, this.#countUpTo(role.allocated, nextRole.share * role.weight, want.resources));
    }
    return count;
  }

  #countUpTo(held: Totals, share: number, each: Resources): number {
    const { cluster } = this.#input;
    let count = Number.MAX_SAFE_INTEGER;
    for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const) {
      if (each[name] > 0 && cluster[name] > 0) {
        count = Math.min(count, Math.floor((share * cluster[name] - held[name]) / each[name]));
      }
    }
    return count === Number.MAX_SAFE_INTEGER ? count : Math.max(0, count) + 1;
  }

  #take(client: Client, slot: AgentSlot, taken: Resources, want: string | undefined, count: number): void {
    slot.setFree(subtract(slot.free, taken));
    this.#input.room.refresh(slot);
    charge(client, taken, 1, this.#input.cluster);
    client.allocations++;
    client.role.allocations++;
    let drafts = this.#drafts.get(client);
    if (drafts === undefined) this.#drafts.set(client, (drafts = new Map()));
    let draft = drafts.get(slot);
    if (draft === undefined) drafts.set(slot, (draft = { resources: NO_RESOURCES, counts: new Map() }));
    draft.resources = draft.resources === NO_RESOURCES ? taken : add(draft.resources, taken);
    if (want !== undefined) draft.counts.set(want, (draft.counts.get(want) ?? 0) + count);
  }

  #grants(): Grant[] {
    const grants: Grant[] = [];
    for (const [client, drafts] of this.#drafts) {
      client.grants += drafts.size;
      for (const [slot, draft] of drafts) {
        const demand = Array.from(draft.counts, ([name, count]) => ({ name, count }));
        if (demand.length > 0) slot.hold(client, demand, 1);
        grants.push({
          agentId: slot.agentId,
          frameworkId: client.frameworkId,
          role: client.role.name,
          resources: draft.resources,
          demand,
        });
      }
    }
    return grants;
  }
}

/** What `count` tasks of the entry take of the agent, its ports picked from what is free. */
function cut(slot: AgentSlot, want: Want, count: number): Resources {
  const { resources, ports } = want;
  const exact = resources.ports.length > 0 || resources.custom.length > 0;
  const taken = exact ? resources : multiplyScalars(resources, count);
  if (ports === 0) return taken;
  const picked = takeRanges(subtractRanges(slot.free.ports, resources.ports), ports * count);
  return add(taken, { ...NO_RESOURCES, ports: picked });
}
