import { type FileHandle, open, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './abort.js';
import { formatOf, isOtherArchive, unpack } from './archives.js';
import { Budget } from './budget.js';
import type { FetchCache } from './cache.js';
import { type Downloader, writeAll } from './http.js';
import { Inside } from './inside.js';
import { type FilePolicy, openForUser } from './local-file.js';
import { Slots } from './slots.js';
import { PARALLEL_FETCHES, type Fetcher, type FetchRequest } from './types.js';
import { filePath, parseUri, type Source } from './uri.js';

/** What a fetcher is made of. */
export interface FetcherParts {
  readonly cache: FetchCache;
  readonly downloader: Downloader;
  readonly files: FilePolicy;
  readonly now: () => number;
}

/** An archive on its way, in the sandbox: gone before the task starts. */
const TEMPORARY = '.proffer-fetch';

/** Progress is told at most so often. */
const PROGRESS_MS = 1000;

/** Bytes per read when a file is copied. */
const COPY_BYTES = 256 * 1024;

const MIB = 1024 * 1024;

/** One request's state. */
interface Fetching {
  readonly request: FetchRequest;
  readonly inside: Inside;
  readonly budget: Budget;
}

/** Fetches the URIs of one container one after the other, those of different containers side by side. */
export class UriFetcher implements Fetcher {
  readonly #parts: FetcherParts;
  readonly #slots = new Slots(PARALLEL_FETCHES);

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  async fetch(request: FetchRequest): Promise<void> {
    const sources = request.uris.map(parseUri);
    const giveBack = await this.#slots.take(request.signal);
    try {
      const budget = await Budget.on(request.directory, request.maxBytes);
      const fetching = { request, inside: new Inside(request.directory), budget };
      for (const source of sources) await this.#fetchOne(source, fetching);
    } finally {
      giveBack();
    }
  }

  async close(): Promise<void> {
    await this.#parts.downloader.close();
  }

  async #fetchOne(source: Source, fetching: Fetching): Promise<void> {
    const { signal, onProgress } = fetching.request;
    onProgress(`fetching ${source.label}`);
    try {
      const format = source.extract ? formatOf(source.output) : undefined;
      if (source.extract && isOtherArchive(source.output)) {
        onProgress(`${source.label} is left packed: only tar, tar.gz, tgz, zip and gz are unpacked`);
      }
      if (format === undefined) await this.#place(source, source.output, fetching);
      else await this.#unpack(source, format, fetching);
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`${source.label}: ${reason(error)}`, { cause: error });
    }
  }

  /** The archive comes into a temporary file, then its entries into the folder of the output file. */
  async #unpack(source: Source, format: NonNullable<ReturnType<typeof formatOf>>, fetching: Fetching): Promise<void> {
    const { request, inside, budget } = fetching;
    const folder = dirname(source.output);
    await inside.createFolder(folder);
    const archive = join(request.directory, TEMPORARY);
    const bytes = await this.#place(source, TEMPORARY, fetching);
    try {
      request.onProgress(`unpacking ${source.label}`);
      const into = folder === '.' ? inside : new Inside(join(request.directory, folder));
      await unpack(format, basename(source.output), { archive, into, budget, signal: request.signal });
    } finally {
      await unlink(archive);
    }
    budget.refundBytes(bytes);
  }

  /** Brings the content to one place in the sandbox. */
  async #place(source: Source, output: string, fetching: Fetching): Promise<number> {
    const mode = source.executable ? 0o755 : 0o644;
    const openOutput = (): Promise<FileHandle> => fetching.inside.createFile(output, mode);
    if (source.url.protocol === 'file:') {
      return copy(await openForUser(filePath(source.url), fetching.request.user, this.#parts.files), openOutput, fetching);
    }
    return source.cache ? this.#fromCache(source, openOutput, fetching) : this.#download(source, openOutput, fetching);
  }

  async #download(source: Source, openOutput: () => Promise<FileHandle>, fetching: Fetching): Promise<number> {
    const told = this.#progress(source, fetching.request);
    const downloaded = await this.#parts.downloader.download(source.url, openOutput, {
      signal: fetching.request.signal,
      onBytes: (count, done, total) => {
        fetching.budget.chargeBytes(count);
        told(done, total);
      },
    });
    return downloaded.unchanged ? 0 : downloaded.bytes;
  }

  async #fromCache(source: Source, openOutput: () => Promise<FileHandle>, fetching: Fetching): Promise<number> {
    const { user, signal, onProgress } = fetching.request;
    const told = this.#progress(source, fetching.request);
    const lease = await this.#parts.cache.lease({
      uid: user.uid,
      uri: source.url.href,
      signal,
      download: (openFile, options) => this.#parts.downloader.download(source.url, openFile, options),
      onProgress: (message) => onProgress(`${source.label}: ${message}`),
      onBytes: (_count, done, total) => told(done, total),
    });
    try {
      return await copy(await open(lease.path, 'r'), openOutput, fetching);
    } finally {
      lease.release();
    }
  }

  #progress(source: Source, { onProgress }: FetchRequest): (done: number, total: number | undefined) => void {
    let next = this.#parts.now() + PROGRESS_MS;
    return (done, total) => {
      if (this.#parts.now() < next) return;
      next = this.#parts.now() + PROGRESS_MS;
      const of = total === undefined ? '' : ` of ${(total / MIB).toFixed(1)}`;
      onProgress(`fetching ${source.label}: ${(done / MIB).toFixed(1)}${of} MiB`);
    };
  }
}

/** In words that tell what to look at. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return codeOf(error)?.startsWith('Z_') === true ? `it is no gzip file, or a damaged one (${error.message})` : error.message;
}

/** Copies an open file and closes it. Refused before the first byte where there is no room for it. */
async function copy(from: FileHandle, openOutput: () => Promise<FileHandle>, { request, budget }: Fetching): Promise<number> {
  try {
    const to = await openOutput();
    try {
      const buffer = new Uint8Array(COPY_BYTES);
      for (let bytes = 0; ; ) {
        request.signal.throwIfAborted();
        const { bytesRead } = await from.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) return bytes;
        bytes += bytesRead;
        budget.chargeBytes(bytesRead);
        await writeAll(to, buffer.subarray(0, bytesRead));
      }
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
