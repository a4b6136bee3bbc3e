import { contains, countRanges, subtractRanges, type OfferedDemand, type Resources } from '@proffer/sdk/model';
import type { Client, Want } from './clients.js';

/** A refusal: this client does not want this agent for this entry (or at all) until then. */
export interface Filter {
  readonly client: Client;
  /** The client's filters of an earlier epoch are cleared. */
  readonly epoch: number;
  /** The demand entry it is for; undefined for offers that were not cut to a demand. */
  readonly want: string | undefined;
  /** An offer is held back only while it is within what was refused. */
  readonly refused: Resources;
  readonly until: number;
}

/** An agent as the allocator sees it: what it has, and what of it nobody holds. */
export class AgentSlot {
  readonly agentId: string;
  total: Resources;
  free: Resources;
  freePorts = 0;
  /** Reachable: may be offered. */
  active = true;
  /** Place among the agents that have room; -1 while it has none. */
  roomIndex = -1;
  filters: Filter[] = [];
  /** For how many tasks of which entry each client holds offers here. */
  readonly #held = new Map<Client, Map<string, number>>();

  constructor(agentId: string, total: Resources) {
    this.agentId = agentId;
    this.total = total;
    this.free = total;
    this.freePorts = countRanges(total.ports);
  }

  setFree(free: Resources): void {
    if (free.ports !== this.free.ports) this.freePorts = countRanges(free.ports);
    this.free = free;
  }

  /** True if there is anything worth offering: Mesos' default least amounts, 0.01 cpus or 32 MiB. */
  get hasRoom(): boolean {
    return this.active && (this.free.cpus >= 10 || this.free.mem >= 32_000);
  }

  /** How many tasks of this entry fit in what is free. */
  fits(want: Want): number {
    const { free } = this;
    const { resources, ports } = want;
    if (free.cpus < resources.cpus || free.mem < resources.mem || free.disk < resources.disk || free.gpus < resources.gpus) return 0;
    if (resources.ports.length > 0 || resources.custom.length > 0) {
      if (!contains(free, resources)) return 0;
      return ports === 0 || countRanges(subtractRanges(free.ports, resources.ports)) >= ports ? 1 : 0;
    }
    let count = Number.MAX_SAFE_INTEGER;
    if (resources.cpus > 0) count = Math.floor(free.cpus / resources.cpus);
    if (resources.mem > 0) count = Math.min(count, Math.floor(free.mem / resources.mem));
    if (resources.disk > 0) count = Math.min(count, Math.floor(free.disk / resources.disk));
    if (resources.gpus > 0) count = Math.min(count, Math.floor(free.gpus / resources.gpus));
    if (ports > 0) count = Math.min(count, Math.floor(this.freePorts / ports));
    return count;
  }

  /** Counts offers of these entries as held by the client (`times` 1) or no more (-1). */
  hold(client: Client, demand: readonly OfferedDemand[], times: number): void {
    let held = this.#held.get(client);
    if (held === undefined) this.#held.set(client, (held = new Map()));
    for (const { name, count } of demand) {
      const sum = (held.get(name) ?? 0) + count * times;
      if (sum > 0) held.set(name, sum);
      else held.delete(name);
    }
    if (held.size === 0) this.#held.delete(client);
  }

  heldFor(client: Client, want: string): number {
    return this.#held.get(client)?.get(want) ?? 0;
  }

  /** The client refused this agent for the entry, and that still holds at `now`. */
  refusedBy(client: Client, want: string | undefined, offered: Resources, now: number): boolean {
    for (const filter of this.filters) {
      if (filter.client !== client || filter.want !== want) continue;
      if (filter.epoch === client.filterEpoch && filter.until > now && contains(filter.refused, offered)) return true;
    }
    return false;
  }
}

/** The agents that have room, in no order that means anything; adding and removing cost the same however many there are. */
export class RoomList {
  readonly #slots: AgentSlot[] = [];

  get size(): number {
    return this.#slots.length;
  }

  at(index: number): AgentSlot {
    return this.#slots[index]!;
  }

  /** Puts the agent in or takes it out, as what it has free says. */
  refresh(slot: AgentSlot): void {
    if (slot.hasRoom) {
      if (slot.roomIndex >= 0) return;
      slot.roomIndex = this.#slots.length;
      this.#slots.push(slot);
    } else {
      this.remove(slot);
    }
  }

  remove(slot: AgentSlot): void {
    const index = slot.roomIndex;
    if (index < 0) return;
    slot.roomIndex = -1;
    const last = this.#slots.pop()!;
    if (last === slot) return;
    this.#slots[index] = last;
    last.roomIndex = index;
  }
}
