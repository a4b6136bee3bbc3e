import { contains, type Resources } from '@proffer/sdk/model';
import type { Client } from './clients.js';

/** A refusal: this client does not want this agent for this entry (or at all) until then. */
interface Filter {
  /** The client's filters of an earlier epoch are cleared. */
  readonly epoch: number;
  /** The demand entry it is for; undefined for offers that were not cut to a demand. */
  readonly want: string | undefined;
  /** An offer is held back only while it is within what was refused. */
  readonly refused: Resources;
  readonly until: number;
}

/** Who refused one agent. At most one refusal for each client and demand entry: a newer one replaces it. */
export class Filters {
  readonly #byClient = new Map<Client, Filter[]>();

  refuse(client: Client, want: string | undefined, refused: Resources, until: number): void {
    const filter: Filter = { epoch: client.filterEpoch, want, refused, until };
    const filters = this.#byClient.get(client);
    if (filters === undefined) {
      this.#byClient.set(client, [filter]);
      return;
    }
    const valid = filters.filter((other) => other.epoch === client.filterEpoch && other.want !== want);
    valid.push(filter);
    this.#byClient.set(client, valid);
  }

  /** True if the client refused all that is offered here for the entry, and that still holds at `now`. */
  refused(client: Client, want: string | undefined, offered: Resources, now: number): boolean {
    const filters = this.#byClient.get(client);
    if (filters === undefined) return false;
    return filters.some(
      (filter) =>
        filter.want === want && filter.epoch === client.filterEpoch && filter.until > now && contains(filter.refused, offered),
    );
  }

  /** When the next one ends; undefined if there is none. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const filters of this.#byClient.values()) {
      for (const { until } of filters) if (next === undefined || until < next) next = until;
    }
    return next;
  }

  /** Forgets those that ended or were cleared. */
  expire(now: number): void {
    for (const [client, filters] of this.#byClient) {
      const valid = filters.filter((filter) => filter.until > now && filter.epoch === client.filterEpoch);
      if (valid.length === 0) this.#byClient.delete(client);
      else if (valid.length < filters.length) this.#byClient.set(client, valid);
    }
  }
}
