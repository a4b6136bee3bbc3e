import { existsSync, lutimesSync, mkdirSync, symlinkSync } from 'node:fs';
import { readdir, lstat, realpath } from 'node:fs/promises';
import { join, relative, dirname } from 'node:path';
import { invalidId } from '@proffer/sdk/model';
import type { Logger } from '@proffer/sdk/service';
import type { ContainerSpec } from './containerizer/types.js';

/** A task, and the executor whose container it runs in. */
export interface SandboxLink {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly executorId: string;
  readonly containerId: string;
}

/**
 * Where sandboxes are: `<root>/<framework>/<task or executor>/<container>`. A task of an executor has a link there to
 * its executor's. All directories above a sandbox are the agent's own, so nobody else can make links in them.
 */
export class Sandboxes {
  readonly root: string;
  readonly #log: Logger;
  /** Sandboxes of containers of this run, by container. */
  readonly #paths = new Map<string, string>();

  constructor(root: string, log: Logger) {
    this.root = root;
    this.#log = log;
    mkdirSync(root, { recursive: true, mode: 0o755 });
  }

  know(specs: readonly ContainerSpec[]): void {
    for (const spec of specs) this.#paths.set(spec.containerId, spec.sandbox);
  }

  /** The container is over: its sandbox's age counts from now. */
  ended(containerId: string): void {
    const path = this.#paths.get(containerId);
    this.#paths.delete(containerId);
    if (path === undefined) return;
    this.#quietly(`the age of ${path} cannot be set`, () => {
      // A launch that failed early never had one.
      if (existsSync(path)) lutimesSync(path, new Date(), new Date());
    });
  }

  /** Makes an executor's sandbox readable under the name of one of its tasks too. */
  link({ frameworkId, taskId, executorId, containerId }: SandboxLink): void {
    const target = join(this.root, frameworkId, executorId, containerId);
    const path = join(this.root, frameworkId, taskId, containerId);
    if (path === target) return;
    this.#quietly(`the sandbox of task ${taskId} cannot be linked to its executor's`, () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      symlinkSync(relative(dirname(path), target), path);
    });
  }

  /**
   * The real path of a task's sandbox: that of this container if it is given and there, else of the newest one.
   * Undefined if there is none (any more).
   */
  async find(frameworkId: string, taskId: string, containerId?: string): Promise<string | undefined> {
    if (invalidId(frameworkId) !== undefined || invalidId(taskId) !== undefined) return undefined;
    const directory = join(this.root, frameworkId, taskId);
    const names = await readdir(directory).catch((): string[] => []);
    const name = containerId !== undefined && names.includes(containerId) ? containerId : await newest(directory, names);
    return name === undefined ? undefined : realpath(join(directory, name)).catch(() => undefined);
  }

  #quietly(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') this.#log.warn({ err: error }, what);
    }
  }
}

async function newest(directory: string, names: readonly string[]): Promise<string | undefined> {
  let best: { readonly name: string; readonly at: number } | undefined;
  for (const name of names) {
    const stat = await lstat(join(directory, name)).catch(() => undefined);
    if (stat !== undefined && (best === undefined || stat.mtimeMs > best.at)) best = { name, at: stat.mtimeMs };
  }
  return best?.name;
}
