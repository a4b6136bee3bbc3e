/** One change of a {@link Store}: `undefined` deletes the key. Values are what msgpackr packs: plain data. */
export interface StoreChange {
  readonly key: string;
  readonly value: unknown;
}

/** Keys and values that survive. Read from memory-mapped pages at once; written in synced transactions. */
export interface Store {
  get(key: string): unknown;
  /** Everything whose key begins with the prefix, sorted by key. */
  entries(prefix: string): Iterable<readonly [key: string, value: unknown]>;
  /**
   * Writes the changes together or not at all; resolves once they would survive a power failure. What one turn of the
   * event loop writes shares one synced transaction. Writes become durable in the order they were asked for. Rejects
   * when the disk refuses: the caller must stop, since it does not know any more what is true.
   */
  write(changes: readonly StoreChange[]): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}
