import { add, contains, countRanges, NO_RESOURCES, subtract, subtractRanges, takeRanges, type Ranges, type Resources } from '@proffer/sdk/model';
import type { Deadline } from '../collections/deadlines.js';
import type { Client, Want } from './clients.js';
import { Filters } from './filters.js';

/** Less than this of both is not worth an offer: Mesos' default least amounts, 0.01 cpus or 32 MiB. */
const CPUS_MIN = 10;
const MEM_MIN = 32_000;

/** An agent as the allocator sees it: what it has, and what of it nobody holds. */
export class AgentSlot {
  readonly agentId: string;
  readonly total: Resources;
  #free: Resources;
  #freePorts: number;
  /** Kept only while more is allocated than the agent has: it came back smaller. */
  #excess: Resources | undefined;
  /** Reachable: may be offered. */
  active = true;
  /** Place among the agents that have room; -1 while it has none. */
  roomIndex = -1;
  readonly filters = new Filters();
  /** When the first of its filters ends. */
  filterDeadline: Deadline | undefined;
  /** Where the search for free ports goes on. */
  #nextPort = 0;
  /** For entries with a bound per agent, by framework and entry: for how many tasks offers are held here. */
  readonly #held = new Map<string, number>();

  constructor(agentId: string, total: Resources, allocated: Resources = NO_RESOURCES) {
    this.agentId = agentId;
    this.total = total;
    this.#free = subtract(total, allocated);
    this.#freePorts = countRanges(this.#free.ports);
    this.#excess = contains(total, allocated) ? undefined : allocated;
  }

  /** What nobody holds. */
  get free(): Resources {
    return this.#free;
  }

  /** What is used or offered. */
  get allocated(): Resources {
    return this.#excess ?? subtract(this.total, this.#free);
  }

  /** `taken` must be within what is free. */
  take(taken: Resources): void {
    if (this.#excess !== undefined) this.#excess = add(this.#excess, taken);
    this.#setFree(subtract(this.#free, taken));
  }

  give(back: Resources): void {
    if (this.#excess === undefined) {
      this.#setFree(add(this.#free, back));
      return;
    }
    const allocated = subtract(this.#excess, back);
    this.#excess = contains(this.total, allocated) ? undefined : allocated;
    this.#setFree(subtract(this.total, allocated));
  }

  /** True if there is anything worth offering. */
  get hasRoom(): boolean {
    return this.active && (this.#free.cpus >= CPUS_MIN || this.#free.mem >= MEM_MIN);
  }

  /** How many tasks of this entry fit in what is free. */
  fits(want: Want): number {
    const free = this.#free;
    const { resources, ports } = want;
    if (free.cpus < resources.cpus || free.mem < resources.mem || free.disk < resources.disk || free.gpus < resources.gpus) {
      return 0;
    }
    if (want.exact) {
      if (!contains(free, resources)) return 0;
      return ports === 0 || countRanges(subtractRanges(free.ports, resources.ports)) >= ports ? 1 : 0;
    }
    let count = Number.MAX_SAFE_INTEGER;
    if (resources.cpus > 0) count = Math.floor(free.cpus / resources.cpus);
    if (resources.mem > 0) count = Math.min(count, Math.floor(free.mem / resources.mem));
    if (resources.disk > 0) count = Math.min(count, Math.floor(free.disk / resources.disk));
    if (resources.gpus > 0) count = Math.min(count, Math.floor(free.gpus / resources.gpus));
    if (ports > 0) count = Math.min(count, Math.floor(this.#freePorts / ports));
    return count;
  }

  /**
   * So many free ports but for these. Not the lowest each time: a port that somebody outside of the cluster holds would
   * be picked again and again, and one that was just given back may not be free on the machine yet.
   */
  pickPorts(count: number, except: Ranges): Ranges {
    const picked = takeRanges(subtractRanges(this.#free.ports, except), count, this.#nextPort);
    const below = picked.findLast((port) => port < this.#nextPort);
    this.#nextPort = (below ?? picked.at(-1) ?? -1) + 1;
    return picked;
  }

  /** Counts offers for so many tasks of an entry with a bound as held here. */
  hold(client: Client, want: string, count: number): void {
    this.#held.set(heldKey(client, want), this.heldFor(client, want) + count);
  }

  /** Takes back `hold`; false for an entry that had no bound. */
  unhold(client: Client, want: string, count: number): boolean {
    if (this.#held.size === 0) return false;
    const key = heldKey(client, want);
    const held = this.#held.get(key);
    if (held === undefined) return false;
    if (held > count) this.#held.set(key, held - count);
    else this.#held.delete(key);
    return true;
  }

  heldFor(client: Client, want: string): number {
    return this.#held.get(heldKey(client, want)) ?? 0;
  }

  /** The client refused this agent for the entry, and that still holds at `now`. */
  refusedBy(client: Client, want: string | undefined, offered: Resources, now: number): boolean {
    return this.filters.refused(client, want, offered, now);
  }

  #setFree(free: Resources): void {
    if (free.ports !== this.#free.ports) this.#freePorts = countRanges(free.ports);
    this.#free = free;
  }
}

/** Entries are named once in a framework, whatever their role; framework ids hold no space. */
function heldKey(client: Client, want: string): string {
  return `${client.member.frameworkId} ${want}`;
}
