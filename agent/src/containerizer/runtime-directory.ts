import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerExit, ContainerFailure } from './types.js';

/** The last word on a container, as it is kept until the core has it on its own disk. */
export type Verdict = { readonly exit: ContainerExit } | { readonly failure: ContainerFailure };

/** A container id names directories and cgroups: no separators, and nothing that begins with a dot. */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const VERDICT = 'verdict';
const BOOT = '.boot';

/**
 * `<runDir>/<container id>/`: the launcher's `state` and `exit`, and the containerizer's `verdict`, which is written
 * before anything that led to it (the cgroup with its figures) goes. All of it is there until `forget`.
 */
export class RuntimeDirectories {
  /**
   * Whether the directories are from this boot of the machine: else a container without one may have run before the
   * restart and lost its directory with it (a run directory in memory).
   */
  readonly sameBoot: boolean;
  readonly #runDir: string;

  /** Makes the run directory, and marks it as of this boot. */
  constructor(runDir: string, bootId: string) {
    this.#runDir = runDir;
    const mark = join(runDir, BOOT);
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    this.sameBoot = existsSync(mark) && readFileSync(mark, 'utf8') === bootId;
    if (!this.sameBoot) writeFileSync(mark, bootId, { mode: 0o600 });
  }

  /** Why this cannot be the id of a container, or undefined if it can. */
  static invalidId(id: string): string | undefined {
    if (CONTAINER_ID.test(id)) return undefined;
    return `container id: must be letters, digits, ".", "_" and "-", at most 128, not a dot first, got ${JSON.stringify(id)}`;
  }

  path(containerId: string): string {
    return join(this.#runDir, containerId);
  }

  /** Private to the agent: the monitor of a container trusts what is in there. Throws EEXIST for an id used before. */
  make(containerId: string): string {
    const path = this.path(containerId);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  exists(containerId: string): boolean {
    return existsSync(this.path(containerId));
  }

  /** Whether the launcher got so far that the task may have run. */
  wasLaunched(containerId: string): boolean {
    return existsSync(join(this.path(containerId), 'state'));
  }

  list(): string[] {
    try {
      return readdirSync(this.#runDir).filter((name) => CONTAINER_ID.test(name));
    } catch {
      return [];
    }
  }

  remove(containerId: string): void {
    rmSync(this.path(containerId), { recursive: true, force: true });
  }

  writeVerdict(containerId: string, verdict: Verdict): void {
    const path = join(this.path(containerId), VERDICT);
    writeFileSync(`${path}.new`, JSON.stringify(verdict), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  readVerdict(containerId: string): Verdict | undefined {
    try {
      const verdict: Verdict = JSON.parse(readFileSync(join(this.path(containerId), VERDICT), 'utf8'));
      return 'exit' in verdict || 'failure' in verdict ? verdict : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Changes with every start of the machine. */
export function machineBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
