import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir, cpus } from 'node:os';
import { join } from 'node:path';
import { createContainerizer, type ContainerExit, type ContainerFailure, type MachineContainerizer } from '@proffer/agent/containerizer';
import { resources } from '@proffer/sdk/model';

/** Who tasks run as; what runs outside is the same user. */
const NOBODY = 65534;
const MEM_MIB = 1024;

/** Where programs run: in a container as an agent makes them, or on the machine; both with the same directory before them. */
export class Place {
  readonly #workDir = realpathSync(mkdtempSync(join(tmpdir(), 'proffer-bench-')));
  readonly #containerizer: MachineContainerizer;
  readonly #ends = new Map<string, (failure: string | undefined) => void>();
  readonly #running = new Set<Promise<void>>();
  #number = 0;

  constructor() {
    // What runs outside as nobody must get to the sandboxes.
    mkdirSync(join(this.#workDir, 'sandboxes'));
    for (const directory of [this.#workDir, join(this.#workDir, 'sandboxes')]) chmodSync(directory, 0o711);
    this.#containerizer = createContainerizer({
      agentName: `bench-${process.pid}`,
      workDir: this.#workDir,
      handlers: {
        onProgress: () => undefined,
        onStarted: () => undefined,
        onFailed: (id, failure) => this.#end(id, problem(failure)),
        onExited: (id, exit) => this.#end(id, problem(exit)),
      },
    });
  }

  /** Path of a directory that will be made as a container's sandbox. */
  directory(): string {
    return join(this.#workDir, 'sandboxes', `place-${this.#number++}`);
  }

  /** Resolves when the program has ended well in a container; its output is in `stdout` of the directory. */
  inside(directory: string, argv: readonly string[]): Promise<void> {
    const containerId = `work-${this.#number++}`;
    const [value = '', ...rest] = argv;
    const ended = new Promise<void>((resolve, reject) => {
      this.#ends.set(containerId, (failure) => (failure === undefined ? resolve() : reject(new Error(`${argv.join(' ')} inside: ${failure}`))));
    });
    this.#containerizer.launch({
      containerId, frameworkId: 'bench', taskId: containerId, sandbox: directory, environment: [],
      command: { shell: false, value, arguments: [value, ...rest] }, resources: resources({ cpus: cpus().length, mem: MEM_MIB }),
    });
    // The container alone does not keep this process alive.
    const alive = setInterval(() => undefined, 60_000);
    const over = ended.finally(() => {
      clearInterval(alive);
      this.#running.delete(over);
    });
    this.#running.add(over);
    return over;
  }

  /** Resolves with what the program printed that ran on the machine itself, in a container's sandbox. */
  outside(argv: readonly string[], directory: string, signal: AbortSignal): Promise<string> {
    const [program = '', ...rest] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(program, rest, { cwd: directory, uid: NOBODY, gid: NOBODY, env: {}, signal, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${argv.join(' ')} outside ended with ${code}`))));
    });
  }

  /** Ends what still runs, and leaves nothing. */
  async remove(): Promise<void> {
    for (const id of this.#ends.keys()) this.#containerizer.destroy(id);
    await Promise.allSettled(this.#running);
    await this.#containerizer.close();
    rmSync(this.#workDir, { recursive: true, force: true });
  }

  #end(id: string, failure: string | undefined): void {
    this.#containerizer.forget(id);
    this.#ends.get(id)?.(failure);
    this.#ends.delete(id);
  }
}

function problem(end: ContainerExit | ContainerFailure): string | undefined {
  return 'code' in end && end.code === 0 ? undefined : JSON.stringify(end);
}
