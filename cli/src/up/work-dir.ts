import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { lockDirectory } from '@proffer/sdk/service';
import { CliError } from '../errors.js';
import { isRunning, type ProcessMark } from './processes.js';
import { waitUntil } from './wait-until.js';

/** Parts left over by an `up` that was killed end by themselves once they notice; longer than this is a fault. */
const LEFT_OVER_WITHIN_MS = 15_000;

/** Who works in a work dir: this `up` and its parts. */
interface Residents {
  readonly up: number;
  readonly parts: Readonly<Record<string, ProcessMark>>;
}

/** Where state is kept unless told otherwise: `/var/lib/proffer` for root, else the user's data directory. */
export function defaultWorkDir(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/var/lib/proffer';
  const data = env['XDG_DATA_HOME'];
  return join(data !== undefined && isAbsolute(data) ? data : join(homedir(), '.local/share'), 'proffer');
}

/** The directory that holds everything of one `proffer up`, taken for this process until that ends. */
export class WorkDir {
  readonly path: string;
  readonly #parts = new Map<string, ProcessMark>();
  readonly #unlock: () => void;

  private constructor(path: string, unlock: () => void) {
    this.path = path;
    this.#unlock = unlock;
  }

  /** Makes the directory, takes it, and waits until what an earlier `up` left there has ended. Throws CliError if it is in use. */
  static async take(path: string): Promise<WorkDir> {
    try {
      // Tasks run as other users must be able to reach their sandboxes through it.
      makeDirectory(path, 0o755);
      makeDirectory(join(path, 'logs'), 0o750);
      makeDirectory(join(path, 'public'), 0o755);
    } catch (error) {
      throw new CliError(`the work dir ${path} cannot be made: ${(error as Error).message}`, { hint: 'name another with --work-dir DIRECTORY' });
    }
    const before = readResidents(path);
    let unlock: () => void;
    try {
      unlock = await lockDirectory(path);
    } catch (error) {
      const who = before === undefined ? 'another process' : `"proffer up" (process ${before.up})`;
      throw new CliError(`the work dir ${path} is in use by ${who}`, { hint: 'stop that one with Ctrl-C, or name another with --work-dir DIRECTORY', cause: error });
    }
    await waitForLeftOver(before);
    const workDir = new WorkDir(path, unlock);
    workDir.#save();
    return workDir;
  }

  /** What tasks may fetch from here. */
  get publicDirectory(): string {
    return join(this.path, 'public');
  }

  logFile(name: string): string {
    return join(this.path, 'logs', `${name}.log`);
  }

  /** Notes the process of a part, so that a later `up` can wait for its end. */
  note(name: string, mark: ProcessMark | undefined): void {
    if (mark === undefined) this.#parts.delete(name);
    else this.#parts.set(name, mark);
    this.#save();
  }

  /** Gives it back, once all parts have ended. */
  release(): void {
    this.#parts.clear();
    this.#save();
    this.#unlock();
  }

  #save(): void {
    const file = residentsFile(this.path);
    const residents: Residents = { up: process.pid, parts: Object.fromEntries(this.#parts) };
    writeFileSync(`${file}.new`, JSON.stringify(residents));
    renameSync(`${file}.new`, file);
  }
}

/**
 * Makes a directory and those above it. Node's own recursive mkdir never returns on file systems that answer ENOENT to
 * every mkdir, as /proc does.
 */
function makeDirectory(path: string, mode: number): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectory(parent, 0o755);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) mkdirSync(path, { mode });
}

async function waitForLeftOver(before: Residents | undefined): Promise<void> {
  const parts = Object.entries(before?.parts ?? {});
  const gone = await waitUntil(() => (parts.some(([, mark]) => isRunning(mark)) ? undefined : true), LEFT_OVER_WITHIN_MS);
  if (gone === true) return;
  const left = parts.filter(([, mark]) => isRunning(mark)).map(([name, { pid }]) => `${name} (process ${pid})`);
  throw new CliError(`parts of an earlier "proffer up" still run: ${left.join(', ')}`, { hint: 'end them with "kill PROCESS" and try again' });
}

function readResidents(path: string): Residents | undefined {
  try {
    return JSON.parse(readFileSync(residentsFile(path), 'utf8')) as Residents;
  } catch {
    return undefined;
  }
}

function residentsFile(path: string): string {
  return join(path, 'up.json');
}
