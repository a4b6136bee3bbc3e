import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { program } from '../programs.js';

const TMPFS_MAGIC = 0x0102_1994;

/** The same for all who are compared. */
export const LIMITS = { cpus: 1, memoryBytes: 64 << 20, pids: 64 } as const;

/** Directories for one run of the benchmark: a root with `/bin/true` and `/bin/wait`, and a place in memory for run-time files. */
export class Workplace {
  /** On disk: work directories, bundles. */
  readonly path: string;
  /** In memory where the machine has a place for that, as run-time directories should be. */
  readonly memory: string;
  /** A root file system with two programs. */
  readonly root: string;
  /** The name of this run, for cgroups and ids. */
  readonly name: string;

  private constructor(path: string, memory: string) {
    this.path = path;
    this.memory = memory;
    this.root = join(path, 'root');
    this.name = basename(path);
  }

  static async make(): Promise<Workplace> {
    const programs = { true: await program('true'), wait: await program('wait') };
    const place = new Workplace(mkdtempSync(join(tmpdir(), 'proffer-bench-')), mkdtempSync(join(inMemory(), 'proffer-bench-')));
    chmodSync(place.path, 0o755);
    for (const directory of ['bin', 'proc', 'dev', 'sys', 'tmp']) mkdirSync(join(place.root, directory), { recursive: true });
    for (const [name, path] of Object.entries(programs)) copyFileSync(path, join(place.root, 'bin', name));
    return place;
  }

  /** Removes all, the cgroups that runtimes leave as parents of theirs included. */
  remove(): void {
    for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
      const left = join('/sys/fs/cgroup', hierarchy, this.name);
      if (existsSync(left)) rmdirSync(left);
    }
    if (existsSync(join('/sys/fs/cgroup', this.name))) rmdirSync(join('/sys/fs/cgroup', this.name));
    rmSync(this.path, { recursive: true, force: true });
    rmSync(this.memory, { recursive: true, force: true });
  }
}

function inMemory(): string {
  const found = ['/run', '/dev/shm'].find((directory) => existsSync(directory) && statfsSync(directory).type === TMPFS_MAGIC);
  return found ?? tmpdir();
}
