import { Packr } from 'msgpackr';
import { checkKey } from './store-key.js';
import type { Store, StoreChange } from './types.js';

interface Pending {
  readonly changes: readonly { readonly key: string; readonly value: Buffer | undefined }[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A store without a disk, for tests and simulations. Writes become durable at once, or, with `manual`, when the test
 * says so: {@link sync} makes them durable in order, {@link fail} refuses them, {@link crash} loses them.
 */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Buffer>();
  readonly #packr = new Packr({ useRecords: false });
  readonly #manual: boolean;
  #pending: Pending[] = [];
  #failure: Error | undefined;

  constructor(options: { readonly manual?: boolean } = {}) {
    this.#manual = options.manual === true;
  }

  /** How many writes wait to become durable. */
  get pending(): number {
    return this.#pending.length;
  }

  get(key: string): unknown {
    const bytes = this.#values.get(key);
    return bytes === undefined ? undefined : this.#packr.unpack(bytes);
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: unknown]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) yield [key, this.get(key)];
  }

  write(changes: readonly StoreChange[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const packed = changes.map(({ key, value }) => {
        checkKey(key);
        return { key, value: value === undefined ? undefined : Buffer.from(this.#packr.pack(value)) };
      });
      this.#pending.push({ changes: packed, resolve, reject });
      if (!this.#manual) this.sync();
    });
  }

  /** Makes the first `count` waiting writes durable, or all of them. */
  sync(count: number = this.#pending.length): void {
    for (const { changes, resolve } of this.#pending.splice(0, count)) {
      for (const { key, value } of changes) {
        if (value === undefined) this.#values.delete(key);
        else this.#values.set(key, value);
      }
      resolve();
    }
  }

  /** The disk refuses: what waits is lost and rejected, and every later write is rejected as well. */
  fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }

  /** The process dies: what waits is lost and never answered. What the next process finds is the returned store. */
  crash(): MemoryStore {
    this.#pending = [];
    this.#failure = new Error('the process that had this store crashed');
    const next = new MemoryStore({ manual: this.#manual });
    for (const [key, value] of this.#values) next.#values.set(key, value);
    return next;
  }

  async close(): Promise<void> {
    this.sync();
  }
}
