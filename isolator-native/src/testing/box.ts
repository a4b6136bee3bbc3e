import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from '../launch.js';
import type { Container, ExitStatus, LaunchSpec } from '../types/index.js';

/** The user that tasks of the tests run as. */
export const nobody = { uid: 65534, gid: 65534 };

/** All namespaces that need no mapping. */
export const allNamespaces = { pid: true, mount: true, uts: true, ipc: true, cgroup: true };

/** The ways in which a container usually sees its file systems. */
export const usualMounts = [{ type: 'proc' }, { type: 'dev' }, { type: 'tmpfs', target: '/tmp', mode: 0o1777 }] as const;

/** Temporary directories for one container: `runtime` for the launcher, `sandbox` for its output, owned by nobody. */
export class Box {
  readonly path = mkdtempSync(join(tmpdir(), 'proffer-test-'));
  readonly runtime = join(this.path, 'runtime');
  readonly sandbox = join(this.path, 'sandbox');
  /** Containers that a failed test may have left running. */
  readonly #containers: Container[] = [];

  constructor() {
    chmodSync(this.path, 0o755);
    mkdirSync(this.runtime);
    mkdirSync(this.sandbox);
    if (process.getuid?.() === 0) chownSync(this.sandbox, nobody.uid, nobody.gid);
  }

  /** A shell script as nobody, with its output in the sandbox. */
  shell(script: string, more: Partial<LaunchSpec> = {}): LaunchSpec {
    return {
      id: 'test',
      runtimeDir: this.runtime,
      argv: ['sh', '-c', script],
      env: { PATH: '/usr/bin:/bin' },
      user: nobody,
      logs: { directory: this.sandbox },
      ...more,
    };
  }

  async launch(spec: LaunchSpec): Promise<Container> {
    const container = await launch(spec);
    this.#containers.push(container);
    return container;
  }

  /** Launches, waits for the end, and gives the output. */
  async run(spec: LaunchSpec): Promise<{ readonly status: ExitStatus; readonly stdout: string; readonly stderr: string }> {
    const container = await this.launch(spec);
    container.ref();
    const status = await container.exited;
    return { status, stdout: this.output('stdout'), stderr: this.output('stderr') };
  }

  output(name: string): string {
    return this.files().includes(name) ? readFileSync(join(this.sandbox, name), 'utf8') : '';
  }

  files(): string[] {
    return readdirSync(this.sandbox).sort();
  }

  async remove(): Promise<void> {
    for (const container of this.#containers) if (container.status === undefined) await container.destroy();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Whether this process may use namespaces as root does. */
export const isRoot = process.getuid?.() === 0;

/** Declares a test that is skipped, with the reason in its title, where root is needed and missing. */
export const rootTitle = (title: string): string => (isRoot ? title : `${title} (skipped: needs root)`);

/** What a test's clean-up hangs on to: a part of ava's `t`. */
export interface Teardown {
  teardown(action: () => Promise<void>): void;
}

/** Polls until `condition` holds; fails after five seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 5000) throw new Error(`waited 5 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2).charAt(0));
  } catch {
    return false;
  }
}
