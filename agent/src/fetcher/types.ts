import type { Uri } from '@proffer/sdk/model';

/** What the operator decides about fetching. */
export interface FetcherOptions {
  /** Where cached downloads are kept; default `<workDir>/fetcher`. */
  readonly cacheDir?: string;
  /** Most bytes the cache keeps; default {@link CACHE_BYTES}. */
  readonly cacheBytes?: number;
  /** A download that brings no byte for so long has failed; default {@link STALL_MS}. */
  readonly stallMs?: number;
  /** Whether `file:` URIs may name files that the task's user could not read itself. Default false. */
  readonly anyFile?: boolean;
  /** Directories whose files every task may fetch by `file:`, whatever the permissions on the way to them; default none. */
  readonly publicDirectories?: readonly string[];
}

/** 2 GB, as Mesos: a few images of data or runtimes, a small part of any disk. */
export const CACHE_BYTES = 2e9;

/** A minute without a byte is a dead connection, not a slow one. */
export const STALL_MS = 60_000;

/**
 * Containers fetched for at the same time; the rest wait. Each holds a socket and two files: many, so that slow servers hold
 * up nobody else.
 */
export const PARALLEL_FETCHES = 64;

/** The numeric identity of a task, as files and permissions know it. */
export interface FetchUser {
  /** For messages and the cache's keys. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** One container's URIs. */
export interface FetchRequest {
  readonly uris: readonly Uri[];
  /** The sandbox: a directory that nobody but the agent can enter while the fetch lasts. */
  readonly directory: string;
  readonly user: FetchUser;
  /** Most bytes that may be written, all URIs together; the disk's free space bounds it too. */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
  /** At most about one sentence a second. */
  readonly onProgress: (message: string) => void;
}

/** Brings URIs into sandboxes. */
export interface Fetcher {
  /** Resolves when everything is in place. Rejects with an error that names the URI; the directory may then hold a part. */
  fetch(request: FetchRequest): Promise<void>;
  /** Ends downloads that go on. */
  close(): Promise<void>;
}
