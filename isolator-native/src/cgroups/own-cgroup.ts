import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { CgroupFiles } from './files.js';
import { textOf } from './parse.js';

/**
 * cgroup v2 lets a cgroup have children with controllers only while it holds no processes itself (the root is exempt).
 * A caller that was given a cgroup of its own (a container, `systemd-run -p Delegate=yes`) sits right in it, so before
 * the first tree is made its processes move into this leaf. Children started later are born there.
 */
export const CALLERS_LEAF = 'isolator-callers';

/** The cgroup a caller was given, also after its processes moved into the leaf. */
export function withoutLeaf(directory: string): string {
  return directory.endsWith(`/${CALLERS_LEAF}`) ? directory.slice(0, -CALLERS_LEAF.length - 1) : directory;
}

/**
 * Whether all processes in a cgroup are the caller's own: itself, its ancestors and its descendants. Then the cgroup was
 * made for this program, and moving them does nobody else harm. With a stranger in it, it is not ours to rearrange.
 */
export function holdsOnlyOurs(directory: string, files: CgroupFiles): boolean {
  const pids = pidsOf(directory, files);
  const ancestors = new Set(ancestorsOf(process.pid));
  return pids.every((pid) => pid > 0 && (ancestors.has(pid) || ancestorsOf(pid).includes(process.pid)));
}

/** Moves every process into the leaf, again until none is left: they may fork meanwhile. */
export function moveToLeaf(directory: string, files: CgroupFiles): void {
  const leaf = `${directory}/${CALLERS_LEAF}`;
  if (!files.list(directory).includes(CALLERS_LEAF)) files.apply([{ make: leaf }]);
  for (let round = 0; round < MOVE_ROUNDS_MAX; round++) {
    const pids = pidsOf(directory, files);
    if (pids.length === 0) return;
    for (const pid of pids) moveOne(pid, leaf, files);
  }
}

/** A program that forks faster than its processes can be moved is not one to wait for. */
const MOVE_ROUNDS_MAX = 20;

/** A process that ended meanwhile needs no moving; what still stands in the way shows when controllers are enabled. */
function moveOne(pid: number, leaf: string, files: CgroupFiles): void {
  try {
    files.apply([{ write: `${leaf}/cgroup.procs`, text: String(pid) }]);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}

function pidsOf(directory: string, files: CgroupFiles): number[] {
  const [content] = files.read([`${directory}/cgroup.procs`]);
  return textOf(content).split('\n').filter((line) => line !== '').map(Number);
}

/** A process and its parents up to process 1. */
function ancestorsOf(pid: number): number[] {
  const line: number[] = [];
  for (let at = pid; at > 0 && !line.includes(at); at = parentOf(at)) line.push(at);
  return line;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything: fields are counted from its end.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
