import type { CgroupLimits, MemoryUsage } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import { writeAll } from './controller.js';
import type { ControllerSide, FileContents, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { keyed, single, textOf } from './parse.js';

const EBUSY = 16;

/** No swap for what has a limit, so that the limit cannot be stretched. Missing where the kernel does not account swap. */
const NO_SWAP: FileWrite = { file: 'memory.swap.max', text: '0', optional: true };
const ANY_SWAP: FileWrite = { file: 'memory.swap.max', text: 'max', optional: true };

/** v2 `memory`. */
export const memoryV2: ControllerSide = {
  initial(limits) {
    const limit = limits.memory?.limitBytes;
    return [...(limit === undefined ? [] : limitWrites(limit)), ...softLimit(limits)];
  },
  update(directory, limits, files) {
    const limit = limits.memory?.limitBytes;
    if (limit !== undefined) {
      if (limit !== null) reclaimTo(directory, limit, files);
      writeAll(directory, limitWrites(limit), files);
    }
    writeAll(directory, softLimit(limits), files);
  },
  usageFiles: ['memory.current', 'memory.peak', 'memory.max', 'memory.stat', 'memory.events'],
  parseUsage: (contents) => ({ memory: parseMemoryV2(contents) }),
};

/**
 * A `memory.max` below what is used makes the kernel kill at once. So `memory.high` goes there first: writing it
 * reclaims, and until it is taken away again holds back whoever allocates. What is still above cannot be reclaimed: EBUSY.
 */
function reclaimTo(directory: string, limit: number, files: CgroupFiles): void {
  const [current, high] = files.read([`${directory}/memory.current`, `${directory}/memory.high`]);
  if ((single(current) ?? 0) <= limit) return;
  writeAll(directory, [{ file: 'memory.high', text: String(limit) }], files);
  const [left] = files.read([`${directory}/memory.current`]);
  writeAll(directory, [{ file: 'memory.high', text: textOf(high).trim() || 'max' }], files);
  const bytes = single(left) ?? 0;
  if (bytes <= limit) return;
  const path = `${directory}/memory.max`;
  throw new IsolatorError(
    `write "${limit}" to ${path}: EBUSY, ${bytes} bytes are used and cannot be reclaimed; nothing was changed`,
    { code: 'EBUSY', errno: EBUSY, step: 'lower memory limit', path },
  );
}

function limitWrites(limit: number | null): FileWrite[] {
  return [limit === null ? ANY_SWAP : NO_SWAP, { file: 'memory.max', text: limit === null ? 'max' : String(limit) }];
}

function softLimit({ memory }: CgroupLimits): FileWrite[] {
  if (memory?.softLimitBytes === undefined) return [];
  return [{ file: 'memory.low', text: String(memory.softLimitBytes ?? 0) }];
}

function parseMemoryV2([usage, peak, limit, stat, events]: FileContents): MemoryUsage {
  const text = textOf(stat);
  return {
    usageBytes: single(usage) ?? 0,
    peakBytes: single(peak),
    limitBytes: single(limit),
    fileBytes: keyed(text, 'file'),
    anonBytes: keyed(text, 'anon'),
    activeBytes: keyed(text, 'active_anon') + keyed(text, 'active_file'),
    inactiveBytes: keyed(text, 'inactive_anon') + keyed(text, 'inactive_file'),
    kernelBytes: kernelBytes(text),
    oomKills: keyed(textOf(events), 'oom_kill'),
  };
}

/** Kernels before 5.18 have no sum of it. */
function kernelBytes(stat: string): number {
  const whole = keyed(stat, 'kernel');
  return whole > 0 ? whole : ['kernel_stack', 'pagetables', 'percpu', 'slab'].reduce((sum, key) => sum + keyed(stat, key), 0);
}
