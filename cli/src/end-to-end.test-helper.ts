import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { AppJson } from './api/marathon.js';
import type { StateJson } from './api/master.js';
import type { ProcessMark } from './up/processes.js';
import type { Summary } from './up/summary.js';
import { waitUntil } from './up/wait-until.js';

const COMMAND = fileURLToPath(new URL('../bin/proffer.js', import.meta.url));

/** A hundred ports that a cluster on the default ones, or another test, does not use. */
const FIRST_TASK_PORT = 20_000 + (process.pid % 100) * 100;
const TASK_PORTS = `${FIRST_TASK_PORT}-${FIRST_TASK_PORT + 99}`;

/** A slow machine that runs other tests beside this one still gets there; what works takes a few seconds. */
export const WITHIN_MS = 60_000;

/** A `proffer up` as a real process on free ports, with its state in a temporary directory. */
export class TestCluster {
  readonly workDir: string;
  #up: ChildProcess | undefined;
  #summary: Summary | undefined;
  #said = '';

  constructor() {
    this.workDir = realpathSync(mkdtempSync(join(tmpdir(), 'proffer-end-to-end-')));
  }

  /** What `up` said once everything ran. */
  get summary(): Summary {
    if (this.#summary === undefined) throw new Error(`proffer up has not come up; it said: ${this.#said}`);
    return this.#summary;
  }

  /** All that `up` has said on standard error. */
  get said(): string {
    return this.#said;
  }

  get upProcess(): ChildProcess {
    if (this.#up === undefined) throw new Error('proffer up was not started');
    return this.#up;
  }

  /** Starts `proffer up` and waits for its summary. */
  async start(): Promise<void> {
    const ports = ['--master-port', '--zmq-port', '--agent-port', '--marathon-port'].flatMap((flag) => [flag, '0']);
    this.#summary = undefined;
    const up = spawn(process.execPath, [COMMAND, 'up', '--json', '--work-dir', this.workDir, '--task-ports', TASK_PORTS, ...ports], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#up = up;
    let out = '';
    up.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    up.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    const summary = await waitUntil(() => (up.exitCode !== null ? null : (parse(out) as Summary | undefined)), 3 * WITHIN_MS);
    if (summary === undefined || summary === null) throw new Error(`proffer up did not come up; it said: ${this.#said}`);
    this.#summary = summary;
  }

  /** Sends a signal to `up` and resolves with its exit code, or its signal. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    const up = this.upProcess;
    up.kill(signal);
    const ended = await waitUntil(() => (up.exitCode !== null || up.signalCode !== null ? true : undefined), WITHIN_MS);
    if (ended !== true) throw new Error(`proffer up did not end after ${signal}; it said: ${this.#said}`);
    return up.exitCode ?? up.signalCode;
  }

  /** The processes of the parts. */
  parts(): Readonly<Record<string, ProcessMark>> {
    return (JSON.parse(readFileSync(join(this.workDir, 'up.json'), 'utf8')) as { parts: Record<string, ProcessMark> }).parts;
  }

  async app(id: string): Promise<AppJson> {
    return ((await getJson(`${this.summary.marathon}/v2/apps/${id}`)) as { app: AppJson }).app;
  }

  async state(): Promise<StateJson> {
    return (await getJson(`${this.summary.master}/state`)) as StateJson;
  }

  /** Running tasks and the process of each, as the master knows them. */
  async pids(): Promise<Readonly<Record<string, number>>> {
    const { tasks } = await this.state();
    const running = tasks.filter(({ state }) => state === 'TASK_RUNNING').map((task) => [task.taskId, task.status?.containerStatus?.pid ?? 0] as const);
    return Object.fromEntries(running.sort(([a], [b]) => a.localeCompare(b)));
  }

  /** Runs another command against this cluster and returns what it prints. */
  async command(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, PROFFER_MASTER: this.summary.master, PROFFER_MARATHON: this.summary.marathon };
    const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`proffer ${args.join(' ')} ended with ${String(code)}: ${err}`);
    return out;
  }

  /** The last lines of every part's log, for a failed test. */
  logs(): string {
    const directory = join(this.workDir, 'logs');
    return readdirSync(directory)
      .map((file) => `== ${file}\n${readFileSync(join(directory, file), 'utf8').split('\n').slice(-25).join('\n')}`)
      .join('\n');
  }

  /** Ids of the containers that run. */
  async containers(): Promise<string[]> {
    const { tasks } = await this.state();
    return tasks.filter(({ state }) => state === 'TASK_RUNNING').flatMap(({ status }) => status?.containerStatus?.containerId ?? []);
  }

  /** What there is on this machine of it, and of these containers: processes, mounts and cgroups. */
  leftOver(containers: readonly string[]): { readonly processes: string[]; readonly mounts: string[]; readonly cgroups: string[] } {
    const agent = `agent-${createHash('sha256').update(join(this.workDir, 'agent-1')).digest('hex').slice(0, 12)}`;
    return {
      processes: processesWith([this.workDir, ...containers]),
      mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(this.workDir)),
      cgroups: directoriesNamed('/sys/fs/cgroup', agent, 6),
    };
  }

  remove(): void {
    rmSync(this.workDir, { recursive: true, force: true });
  }
}

/** Asks a URL for JSON; undefined answers and refusals throw. */
export async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The body of a page, or undefined if nothing answers. */
export async function page(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000), headers: { connection: 'close' } });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

/** Waits until `look` gives something, whatever it throws meanwhile. Throws Error with what it was waiting for, and why not. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, withinMs = WITHIN_MS): Promise<T> {
  let last: unknown;
  const found = await waitUntil(async () => {
    try {
      return await look();
    } catch (error) {
      last = error;
      return undefined;
    }
  }, withinMs);
  if (found === undefined) throw new Error(`within ${withinMs / 1000} s, it did not happen that ${what}`, { cause: last });
  return found;
}

/** Asks a page again and again until it is told to stop; counts what came. */
export function watchPage(url: string): { stop(): Promise<{ readonly answered: number; readonly failed: number }> } {
  const watch = { going: true };
  const counts = { answered: 0, failed: 0 };
  const asking = (async () => {
    while (watch.going) {
      if ((await page(url)) === undefined) counts.failed++;
      else counts.answered++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    async stop() {
      watch.going = false;
      await asking;
      return counts;
    },
  };
}

/** The program that a container runs: what its first process, and those between, wait for. */
export function programOf(pid: number): number {
  const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0];
  return child === undefined || child === '' ? pid : programOf(Number(child));
}

function processesWith(texts: readonly string[]): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (texts.some((text) => line.includes(text))) found.push(`${pid} ${line}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

function directoriesNamed(root: string, name: string, depth: number): string[] {
  let entries: string[];
  try {
    entries = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
  const here = entries.filter((entry) => entry === name).map((entry) => join(root, entry));
  return depth === 0 ? here : [...here, ...entries.flatMap((entry) => directoriesNamed(join(root, entry), name, depth - 1))];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
