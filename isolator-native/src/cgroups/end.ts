import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { IsolatorError } from '../types/errors.js';
import type { CgroupFiles } from './files.js';
import { textOf } from './parse.js';

/** How long a kill may take: a process in a system call on a slow disk ends when the call does. */
const TIMEOUT_MS_DEFAULT = 10_000;
const WAIT_MS_FIRST = 1;
const WAIT_MS_MAX = 20;
/** What ends when the processes inside, or the cgroups below, have gone. */
const WORTH_WAITING: ReadonlySet<number> = new Set([constants.errno.EBUSY, constants.errno.ENOTEMPTY]);
/** Processes named in an error; the rest is a number. */
const NAMED_PROCESSES_MAX = 5;

/** The directories of one cgroup that `killAll` and `removeAll` need to know apart. */
export interface EndTarget {
  /** For messages. */
  readonly name: string;
  readonly directories: readonly string[];
  /** v2: has `cgroup.kill`, from Linux 5.14 on. */
  readonly unified?: string;
  readonly pids?: string;
  /** v1: a frozen process does not die before it is thawed. */
  readonly freezerV1?: string;
}

/** Kills everything inside and waits until it is gone. `EBUSY` names what stays. */
export async function killCgroup(target: EndTarget, files: CgroupFiles, timeoutMs = TIMEOUT_MS_DEFAULT): Promise<void> {
  if (files.processes(target.directories).length === 0) return;
  if (target.unified !== undefined) tryWrite(`${target.unified}/cgroup.kill`, '1', files);
  const allowForks = refuseForks(target, files);
  try {
    await signalUntilEmpty(target, files, timeoutMs);
  } finally {
    allowForks();
  }
}

/** Kills, then removes directories until none is left: the kernel needs a moment after the last process ended. */
export async function removeCgroup(target: EndTarget, files: CgroupFiles, timeoutMs = TIMEOUT_MS_DEFAULT): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let wait = WAIT_MS_FIRST; ; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
    const [remaining] = files.remove(target.directories);
    if (remaining === undefined) return;
    const { path, errno } = remaining;
    const left = deadline - performance.now();
    if (left <= 0 || !WORTH_WAITING.has(errno)) throw cannotRemove(path, errno);
    await killCgroup(target, files, left);
    if (files.remove(target.directories).length === 0) return;
    await sleep(wait);
  }
}

/** One round is not enough: what forks at that moment leaves a child that was not on the list. */
async function signalUntilEmpty(target: EndTarget, files: CgroupFiles, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let wait = WAIT_MS_FIRST; ; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
    const pids = files.signal(target.directories, constants.signals.SIGKILL);
    if (pids.length === 0) return;
    if (target.freezerV1 !== undefined) thaw(target.freezerV1, files);
    if (performance.now() > deadline) throw stillAlive(target.name, pids, timeoutMs);
    await sleep(wait);
  }
}

/** A fork bomb could outrun the list of its processes: while they are killed the kernel refuses forks. */
function refuseForks({ pids }: EndTarget, files: CgroupFiles): () => void {
  if (pids === undefined) return () => {};
  const [before] = files.read([`${pids}/pids.max`]);
  tryWrite(`${pids}/pids.max`, '0', files);
  return () => tryWrite(`${pids}/pids.max`, textOf(before).trim() || 'max', files);
}

function thaw(directory: string, files: CgroupFiles): void {
  for (const name of files.list(directory)) thaw(`${directory}/${name}`, files);
  tryWrite(`${directory}/freezer.state`, 'THAWED', files);
}

/** What helps but is not needed: an older kernel lacks the file, or the cgroup just went. */
function tryWrite(path: string, text: string, files: CgroupFiles): void {
  try {
    files.apply([{ write: path, text, optional: true }]);
  } catch (error) {
    if (!(error instanceof IsolatorError)) throw error;
  }
}

function stillAlive(name: string, pids: readonly number[], timeoutMs: number): IsolatorError {
  const shown = pids.slice(0, NAMED_PROCESSES_MAX).map(describe).join(', ');
  const more = pids.length > NAMED_PROCESSES_MAX ? ` and ${pids.length - NAMED_PROCESSES_MAX} more` : '';
  const message = `kill cgroup ${name}: EBUSY, after ${Math.round(timeoutMs)} ms of SIGKILL there still run ${shown}${more}`;
  return new IsolatorError(message, {
    code: 'EBUSY', errno: constants.errno.EBUSY, step: 'kill cgroup', path: name,
  });
}

function describe(pid: number): string {
  if (pid === 0) return 'a process outside this pid namespace, which cannot be signalled from here';
  try {
    return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})`;
  } catch {
    return `process ${pid}`;
  }
}

function cannotRemove(path: string, errno: number): IsolatorError {
  const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;
  const why = code === 'EBUSY' ? ', although no process could be found in it or below' : '';
  return new IsolatorError(`remove cgroup ${path}: ${code}${why}`, {
    code, errno, step: 'remove cgroup', syscall: 'rmdir', path,
  });
}
