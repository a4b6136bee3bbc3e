import { mkdirSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { Packr } from 'msgpackr';
import { checkKey } from './store-key.js';
import { lockDirectory } from './store-lock.js';
import type { Store, StoreChange } from './types.js';

/** Past every character that a key may hold: the end of the range of keys with a prefix. */
const AFTER_ALL = '\uffff';

/** One write of a key, packed when it was asked for: what the caller changes in place later is not in it. */
interface PackedChange {
  readonly key: string;
  readonly value: Buffer | undefined;
}

interface Batch {
  readonly changes: PackedChange[];
  readonly written: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens the store in this directory, which is made if it is not there. Rejects while another store, of this process or
 * another, has it open; the lock ends with the process that holds it, however that ends.
 */
export async function openStore(path: string): Promise<Store> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const unlock = await lockDirectory(path);
  try {
    // Without overlapping sync a transaction is reported as written only once it is on the disk.
    const database = open<Buffer, string>({ path, noSubdir: false, encoding: 'binary', overlappingSync: false });
    return new LmdbStore(database, unlock);
  } catch (error) {
    unlock();
    throw new Error(`the store in ${path} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

class LmdbStore implements Store {
  readonly #database: RootDatabase<Buffer, string>;
  readonly #unlock: () => void;
  /** Maps and not records: keys of environments and labels would each make a shape of their own. */
  readonly #packr = new Packr({ useRecords: false });
  /** What the next transaction will hold. */
  #next: Batch | undefined;
  /** The transaction that is being written. */
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(database: RootDatabase<Buffer, string>, unlock: () => void) {
    this.#database = database;
    this.#unlock = unlock;
  }

  get(key: string): unknown {
    const bytes = this.#database.get(key);
    return bytes === undefined ? undefined : this.#packr.unpack(bytes);
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: unknown]> {
    for (const { key, value } of this.#database.getRange({ start: prefix, end: prefix + AFTER_ALL })) {
      yield [key, this.#packr.unpack(value)];
    }
  }

  write(changes: readonly StoreChange[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    try {
      const packed = changes.map((change) => this.#pack(change));
      const batch = (this.#next ??= this.#newBatch());
      batch.changes.push(...packed);
      return batch.written;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#next?.written;
      await this.#writing;
    } finally {
      await this.#database.close();
      this.#unlock();
    }
  }

  #pack({ key, value }: StoreChange): PackedChange {
    checkKey(key);
    return { key, value: value === undefined ? undefined : Buffer.from(this.#packr.pack(value)) };
  }

  #newBatch(): Batch {
    let resolve: () => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const written = new Promise<void>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]));
    // After the turn that asked, and after the transaction before: that keeps the order and makes one sync of many.
    if (this.#writing === undefined) setImmediate(() => void this.#flush());
    return { changes: [], written, resolve, reject };
  }

  async #flush(): Promise<void> {
    const batch = this.#next;
    if (batch === undefined) return;
    this.#next = undefined;
    this.#writing = batch.written;
    try {
      await this.#commit(batch.changes);
      batch.resolve();
    } catch (error) {
      this.#failure = new Error(`the store cannot write: ${(error as Error).message}`, { cause: error });
      batch.reject(this.#failure);
      (this.#next as Batch | undefined)?.reject(this.#failure);
      this.#next = undefined;
    }
    this.#writing = undefined;
    void this.#flush();
  }

  /** All in one turn, so that lmdb writes them in one transaction. */
  async #commit(changes: readonly PackedChange[]): Promise<void> {
    await Promise.all(
      changes.map(({ key, value }) => (value === undefined ? this.#database.remove(key) : this.#database.put(key, value))),
    );
  }
}
