/** One numbered event. */
export interface LoggedEvent<T> {
  readonly id: number;
  readonly event: T;
}

/** What somebody who saw everything up to an id has missed. */
export interface Replay<T> {
  /** Present: events are missing that the log does not hold any more; read the whole state again. */
  readonly gap?: { readonly after: number; readonly before: number };
  readonly events: readonly LoggedEvent<T>[];
}

export interface EventLogOptions {
  /** How many events are kept for replay. */
  readonly capacity: number;
  /**
   * Number of the first event. A service whose log does not survive a restart passes the milliseconds since 1970 at its
   * start: the numbers of its next life are then above those of this one, and a reader from before is told of the gap.
   */
  readonly firstId?: number;
}

/** Events numbered without holes, the last ones kept for those who come back, and listeners told as they happen. */
export class EventLog<T> {
  readonly #capacity: number;
  readonly #ring: LoggedEvent<T>[] = [];
  readonly #listeners = new Set<(entry: LoggedEvent<T>) => void>();
  #nextId: number;

  constructor(options: EventLogOptions) {
    if (!Number.isSafeInteger(options.capacity) || options.capacity < 1) {
      throw new RangeError(`capacity must be a whole number of at least 1, got ${options.capacity}`);
    }
    this.#capacity = options.capacity;
    this.#nextId = options.firstId ?? 1;
  }

  /** Number of the newest event; one below the first number while there is none. */
  get lastId(): number {
    return this.#nextId - 1;
  }

  /** Number of the oldest event that is still held. */
  get firstId(): number {
    return this.#nextId - this.#ring.length;
  }

  append(event: T): LoggedEvent<T> {
    const entry = { id: this.#nextId++, event };
    this.#ring[entry.id % this.#capacity] = entry;
    for (const listener of this.#listeners) listener(entry);
    return entry;
  }

  /** Everything after `id`, in order; an id of the future or of another life of the service counts as a gap. */
  since(id: number): Replay<T> {
    const events: LoggedEvent<T>[] = [];
    const known = id >= this.firstId - 1 && id <= this.lastId;
    for (let next = known ? id + 1 : this.firstId; next < this.#nextId; next++) {
      const entry = this.#ring[next % this.#capacity];
      if (entry !== undefined) events.push(entry);
    }
    return known ? { events } : { gap: { after: id, before: this.firstId }, events };
  }

  /** Calls back for every event from now on; the returned function ends that. */
  subscribe(listener: (entry: LoggedEvent<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
