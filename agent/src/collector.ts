import { rmdirSync } from 'node:fs';
import { lstat, readdir, rm, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@proffer/sdk/service';
import type { Clock } from '@proffer/sdk/transport';

/** Mesos' own numbers. */
export const DEFAULT_COLLECTOR_OPTIONS = { delayMs: 7 * 24 * 3600 * 1000, headroom: 0.1, intervalMs: 60_000 } as const;

export interface CollectorOptions {
  /** How old the sandbox of an ended container may become on an empty disk. */
  readonly delayMs: number;
  /** Share of the disk that should stay free. */
  readonly headroom: number;
  /** How often the disk is looked at. */
  readonly intervalMs: number;
}

/** Age at which a sandbox goes, on a disk of which this share is used: Mesos' formula. */
export function maximumAge({ delayMs, headroom }: CollectorOptions, diskUsage: number): number {
  return delayMs * Math.max(0, 1 - headroom - diskUsage);
}

/** Removes the sandboxes of containers that ended long ago, the sooner the fuller the disk is. */
export class Collector {
  readonly #root: string;
  readonly #options: CollectorOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #alive: () => ReadonlySet<string>;
  #cancel: () => void = () => undefined;
  #running: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** `alive` names the containers that have not ended. */
  constructor(root: string, options: CollectorOptions, clock: Clock, log: Logger, alive: () => ReadonlySet<string>) {
    this.#root = root;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#alive = alive;
  }

  start(): void {
    this.#cancel = this.#clock.after(this.#options.intervalMs, () => {
      this.#running = this.#look().finally(() => {
        if (!this.#closed) this.start();
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#running;
  }

  /** Removes what is older than this, in milliseconds, and says how many sandboxes that were. */
  async collect(maximumAgeMs: number): Promise<number> {
    const before = this.#clock.now() - maximumAgeMs;
    const alive = this.#alive();
    let removed = 0;
    for (const framework of await list(this.#root)) {
      for (const owner of await list(join(this.#root, framework))) {
        const directory = join(this.#root, framework, owner);
        for (const containerId of await list(directory)) {
          if (this.#closed) return removed;
          if (!alive.has(containerId) && (await this.#remove(join(directory, containerId), before))) removed += 1;
        }
        removeIfEmpty(directory);
      }
      removeIfEmpty(join(this.#root, framework));
    }
    return removed;
  }

  async #look(): Promise<void> {
    try {
      const { blocks, bfree } = await statfs(this.#root);
      const age = maximumAge(this.#options, blocks === 0 ? 0 : 1 - bfree / blocks);
      const removed = await this.collect(age);
      if (removed > 0) this.#log.info({ removed, maximumAgeHours: age / 3_600_000 }, 'old sandboxes removed');
    } catch (error) {
      this.#log.warn({ err: error }, 'old sandboxes could not be removed; the next try is in a minute');
    }
  }

  async #remove(path: string, before: number): Promise<boolean> {
    const entry = await lstat(path).catch(() => undefined);
    if (entry === undefined) return false;
    // A task of an executor is as old as its executor's sandbox, and gone with it.
    const link = entry.isSymbolicLink();
    const sandbox = link ? await stat(path).catch(() => undefined) : entry;
    if (sandbox !== undefined && sandbox.mtimeMs > before) return false;
    if (link) await unlink(path);
    else await rm(path, { recursive: true, force: true });
    return !link;
  }
}

/** At once, so that it cannot come between the making of a directory and of the sandbox in it. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // There is something in it.
  }
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
