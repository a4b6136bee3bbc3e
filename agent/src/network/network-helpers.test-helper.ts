import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** A program in a network namespace of its own (with loopback), to whom one line is said and who answers with one. */
export class Conversation {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;
  readonly #reader: Interface;

  constructor(file: string, args: readonly string[], network: string | undefined) {
    const inside = network === undefined ? ['unshare', '-n'] : ['nsenter', `--net=${network}`];
    const script = 'ip link set lo up && exec "$@"';
    const [program = '', ...rest] = [...inside, 'sh', '-c', script, 'sh', process.execPath, file, ...args];
    this.#child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** The file of the namespace it is in. */
  get network(): string {
    return `/proc/${this.#child.pid}/ns/net`;
  }

  async ask<Answer>(question: object): Promise<Answer & { readonly error?: string }> {
    this.say(question);
    const { value } = await this.#lines.next();
    return JSON.parse(String(value)) as Answer & { readonly error?: string };
  }

  say(question: object): void {
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
    this.#reader.close();
  }
}

/** What a shell command writes inside a network namespace, without the last newline. */
export function inside(network: string, command: string): string {
  const { stdout } = spawnSync('nsenter', [`--net=${network}`, 'sh', '-c', command], { encoding: 'utf8', timeout: 20_000 });
  return stdout.trimEnd();
}
