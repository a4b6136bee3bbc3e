import { readFileSync } from 'node:fs';

/** One process, told from a later one with the same id by when it started. */
export interface ProcessMark {
  readonly pid: number;
  /** Clock ticks since boot, as text. */
  readonly started: string;
}

/** Names a process that runs now, or undefined when there is none of this id. */
export function markProcess(pid: number): ProcessMark | undefined {
  try {
    // The command's name may hold spaces and brackets; the fields begin after its last bracket. The 22nd is the start.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, started: fields[19]! };
  } catch {
    return undefined;
  }
}

/** True while the process runs, and not another one that got its id. */
export function isRunning(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.started === mark.started;
}
