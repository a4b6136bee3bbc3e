import type { CgroupLimits } from '../types/cgroups.js';
import { invalid, writeAll } from './controller.js';
import type { ControllerSide, FileContents, FileWrite, UsageParts } from './controller.js';
import { keyed, single, textOf } from './parse.js';

/** Throws what is wrong with `limits.pids`. */
export function checkPids({ pids }: CgroupLimits): void {
  const max = pids?.max;
  if (max !== undefined && max !== null && !(Number.isSafeInteger(max) && max >= 1)) {
    throw invalid('pids.max', 'a number of processes and threads of at least 1, or null', max);
  }
}

/** The same on v1 and v2. */
export const pidsSide: ControllerSide = {
  initial: writes,
  update: (directory, limits, files) => writeAll(directory, writes(limits), files),
  usageFiles: ['pids.current', 'pids.max', 'pids.events'],
  parseUsage,
};

function writes({ pids }: CgroupLimits): FileWrite[] {
  if (pids?.max === undefined) return [];
  return [{ file: 'pids.max', text: pids.max === null ? 'max' : String(pids.max) }];
}

function parseUsage([current, max, events]: FileContents): UsageParts {
  return { pids: { current: single(current) ?? 0, max: single(max), refusedForks: keyed(textOf(events), 'max') } };
}
