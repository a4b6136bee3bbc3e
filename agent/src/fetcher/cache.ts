import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Budget } from './budget.js';
import { type DownloadOptions, type Downloaded, HttpStatusError, type Validators } from './http.js';
import { SharedWork } from './shared-work.js';

/** A cached file that may be read until it is released. */
export interface Lease {
  readonly path: string;
  readonly bytes: number;
  release(): void;
}

/** Brings what changed since `validators` into the file. */
export type Download = (openFile: () => Promise<FileHandle>, options: DownloadOptions) => Promise<Downloaded>;

export interface CacheRequest {
  /** Whose copy: what one user fetched, with secrets in the URI perhaps, is no other user's. */
  readonly uid: number;
  readonly uri: string;
  readonly signal: AbortSignal;
  readonly download: Download;
  readonly onProgress: (message: string) => void;
  readonly onBytes: (count: number, done: number, total: number | undefined) => void;
}

interface Entry {
  readonly key: string;
  readonly bytes: number;
  readonly validators: Validators;
  lastUsed: number;
  pins: number;
  /** Larger than the whole cache: it goes when its last reader does. */
  readonly passing: boolean;
}

const RECORD = '.json';
const PART = '.part';

/**
 * Downloads by user and URI on disk, the least recently used going first when there is no room. One file of data and one
 * record each; the data's modification time is when it was last used. What is not both is removed when the agent starts.
 */
export class FetchCache {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #downloads = new SharedWork<Entry>();

  constructor(directory: string, maxBytes: number, now: () => number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#now = now;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#load();
  }

  /** Bytes that are kept. */
  get bytes(): number {
    let sum = 0;
    for (const entry of this.#entries.values()) if (!entry.passing) sum += entry.bytes;
    return sum;
  }

  /**
   * A copy that is as new as the server says, or, where the server cannot be asked, the one that is there. Requests for one
   * URI share one download; it is given up when the last of them is.
   */
  async lease(request: CacheRequest): Promise<Lease> {
    const key = createHash('sha256').update(`${request.uid}\0${request.uri}`).digest('hex');
    for (;;) {
      const entry = await this.#downloads.join(key, request.signal, (signal) => this.#refresh(key, request, signal));
      if (this.#entries.get(key) === entry) return this.#pin(entry);
      // Another request's clean-up was faster than this one's turn.
    }
  }

  async #refresh(key: string, request: CacheRequest, signal: AbortSignal): Promise<Entry> {
    const cached = this.#present(key);
    const validators = cached?.validators;
    const askable = validators?.etag !== undefined || validators?.lastModified !== undefined;
    if (cached !== undefined && !askable) return this.#touch(cached);
    try {
      const downloaded = await this.#download(key, request, signal, validators);
      if (downloaded.unchanged && cached !== undefined) return this.#touch(cached);
      if (!downloaded.unchanged) return this.#keep(key, downloaded);
      throw new Error('the server says that nothing changed, and there is nothing here yet');
    } catch (error) {
      rmSync(this.#path(key) + PART, { force: true });
      const gone = error instanceof HttpStatusError && error.status < 500;
      if (cached === undefined || gone || signal.aborted) throw error;
      request.onProgress(`the copy from the cache is used: ${error instanceof Error ? error.message : String(error)}`);
      return this.#touch(cached);
    }
  }

  /** The entry, unless somebody emptied the directory. */
  #present(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || existsSync(this.#path(key))) return entry;
    this.#drop(key);
    return undefined;
  }

  async #download(
    key: string,
    request: CacheRequest,
    signal: AbortSignal,
    validators: Validators | undefined,
  ): Promise<Downloaded> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const budget = await Budget.on(this.#directory, undefined);
    return request.download(() => open(this.#path(key) + PART, 'w', 0o600), {
      signal,
      ...(validators === undefined ? {} : { validators }),
      onBytes: (count, done, total) => {
        budget.chargeBytes(count);
        request.onBytes(count, done, total);
      },
    });
  }

  #keep(key: string, { bytes, validators }: { readonly bytes: number; readonly validators: Validators }): Entry {
    const path = this.#path(key);
    const pins = this.#entries.get(key)?.pins ?? 0;
    const entry: Entry = { key, bytes, validators, lastUsed: this.#now(), pins, passing: bytes > this.#maxBytes };
    // The record last: data without one is a download that was cut off.
    rmSync(path + RECORD, { force: true });
    renameSync(path + PART, path);
    if (!entry.passing) writeFileSync(path + RECORD, JSON.stringify({ bytes, validators }), { mode: 0o600 });
    this.#entries.set(key, entry);
    return this.#touch(entry);
  }

  #touch(entry: Entry): Entry {
    entry.lastUsed = this.#now();
    utimesSync(this.#path(entry.key), entry.lastUsed / 1000, entry.lastUsed / 1000);
    return entry;
  }

  #pin(entry: Entry): Lease {
    entry.pins++;
    this.#evict();
    let released = false;
    return {
      path: this.#path(entry.key),
      bytes: entry.bytes,
      release: () => {
        if (released) return;
        released = true;
        const current = this.#entries.get(entry.key);
        if (current !== undefined) current.pins--;
        this.#evict();
      },
    };
  }

  /** Down to the size that is allowed, as far as nobody reads what would go. */
  #evict(): void {
    const idle = [...this.#entries.values()].filter((entry) => entry.pins === 0).sort((a, b) => a.lastUsed - b.lastUsed);
    for (const entry of idle) if (entry.passing || this.bytes > this.#maxBytes) this.#drop(entry.key);
  }

  #drop(key: string): void {
    this.#entries.delete(key);
    rmSync(this.#path(key) + RECORD, { force: true });
    rmSync(this.#path(key), { force: true });
  }

  #load(): void {
    const names = new Set(readdirSync(this.#directory));
    for (const name of names) {
      if (name.endsWith(RECORD)) continue;
      const entry = name.endsWith(PART) || !names.has(name + RECORD) ? undefined : this.#read(name);
      if (entry === undefined) this.#drop(name);
      else this.#entries.set(name, entry);
    }
    const recorded = [...names].filter((name) => name.endsWith(RECORD)).map((name) => name.slice(0, -RECORD.length));
    for (const name of recorded) if (!names.has(name)) this.#drop(name);
    this.#evict();
  }

  #read(key: string): Entry | undefined {
    try {
      const record: { bytes: number; validators: Validators } = JSON.parse(readFileSync(this.#path(key) + RECORD, 'utf8'));
      const { bytes, validators } = record;
      const { size, mtimeMs } = statSync(this.#path(key));
      return size === bytes ? { key, bytes, validators, lastUsed: mtimeMs, pins: 0, passing: false } : undefined;
    } catch {
      return undefined;
    }
  }

  #path(key: string): string {
    return join(this.#directory, key);
  }
}
