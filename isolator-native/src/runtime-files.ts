import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { launcherError } from './message.js';
import type { LauncherFailure } from './message.js';
import { signalName } from './signals.js';
import type { Exited, Lost } from './types/index.js';

/** A process that cannot be confused with a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
}

/** What the launcher left in `state`. */
export interface ContainerState {
  readonly version: number;
  readonly id: string;
  readonly bootId: string;
  /** Names of the namespaces made, `user` included. */
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
  readonly startedAt: number;
  readonly monitor: ProcessIdentity;
  readonly init: ProcessIdentity;
}

interface ExitFile {
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly usage: Exited['usage'];
  readonly error?: LauncherFailure;
}

/** The beginning of the `state` file; the launcher adds the processes. */
export function stateHead(head: Pick<ContainerState, 'id' | 'namespaces' | 'cgroups'>): string {
  const { id, namespaces, cgroups } = head;
  return JSON.stringify({ version: 1, id, bootId: bootId(), namespaces, cgroups }).slice(0, -1);
}

/** Undefined if there is none; `unreadable` for one that a crash of the machine left empty or torn. */
export function readState(runtimeDir: string): ContainerState | 'unreadable' | undefined {
  const state = readJson(join(runtimeDir, 'state')) as ContainerState | 'unreadable' | undefined;
  if (state === undefined || state === 'unreadable') return state;
  const processes = isIdentity(state.monitor) && isIdentity(state.init);
  const texts = typeof state.id === 'string' && typeof state.bootId === 'string';
  return processes && texts && Array.isArray(state.namespaces) && Array.isArray(state.cgroups) ? state : 'unreadable';
}

/** The exit status on disk, undefined if there is none. */
export function readExit(runtimeDir: string): Exited | Lost | undefined {
  const exit = readJson(join(runtimeDir, 'exit')) as ExitFile | 'unreadable' | undefined;
  if (exit === undefined) return undefined;
  if (exit === 'unreadable') return { kind: 'lost', reason: `the file exit in ${runtimeDir} cannot be read` };
  if (exit.error !== undefined) return { kind: 'lost', reason: `it could not be started: ${launcherError(exit.error).message}` };
  return {
    kind: 'exited',
    code: exit.code,
    signal: exit.signal === null ? null : signalName(exit.signal),
    core: exit.core,
    startedAt: exit.startedAt,
    finishedAt: exit.finishedAt,
    usage: exit.usage,
  };
}

/** Takes away what a launch that was given up may have left, if it is that launch's. */
export function removeFilesOf(runtimeDir: string, monitorPid: number): void {
  const state = readState(runtimeDir);
  if (state !== undefined && (state === 'unreadable' || state.monitor.pid !== monitorPid)) return;
  for (const name of ['exit', 'state', 'exit.tmp', 'state.tmp', 'attach']) rmSync(join(runtimeDir, name), { force: true });
}

let cachedBootId: string | undefined;

/** Changes with every start of the machine: process numbers mean nothing across it. */
export function bootId(): string {
  cachedBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return cachedBootId;
}

/** When the process with this pid started, in clock ticks since boot; undefined if there is none. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[19]);
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return false;
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 0 && Number.isSafeInteger(value.startTime);
}

function readJson(file: string): unknown {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : 'unreadable';
  } catch {
    return 'unreadable';
  }
}
