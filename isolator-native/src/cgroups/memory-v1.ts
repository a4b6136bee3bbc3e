import type { CgroupLimits, MemoryUsage } from '../types/cgroups.js';
import { writeAll } from './controller.js';
import type { ControllerSide, FileContents, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { keyed, single, textOf } from './parse.js';

const LIMIT = 'memory.limit_in_bytes';
/** Memory and swap together; missing where the kernel does not account swap. */
const LIMIT_WITH_SWAP = 'memory.memsw.limit_in_bytes';
const SOFT_LIMIT = 'memory.soft_limit_in_bytes';

/** The kernel shows "no limit" as the largest whole number of pages; nothing real comes near. */
const UNLIMITED_FROM = 2 ** 60;

/** v1 `memory`. */
export const memoryV1: ControllerSide = {
  initial(limits) {
    const limit = limitText(limits);
    return [
      ...(limit === undefined ? [] : [{ file: LIMIT, text: limit }, { file: LIMIT_WITH_SWAP, text: limit, optional: true }]),
      ...softLimit(limits),
    ];
  },
  update(directory, limits, files) {
    const limit = limitText(limits);
    if (limit !== undefined) setLimit(directory, limit, files);
    writeAll(directory, softLimit(limits), files);
  },
  usageFiles: ['memory.usage_in_bytes', 'memory.max_usage_in_bytes', LIMIT, 'memory.stat', 'memory.oom_control', 'memory.kmem.usage_in_bytes'],
  parseUsage: (contents) => ({ memory: parseMemoryV1(contents) }),
};

/**
 * The limit with swap may never be below the one without, so the order depends on the direction. The kernel refuses
 * (EBUSY) a limit it cannot reclaim to; when the second write is refused, the first is taken back.
 */
function setLimit(directory: string, limit: string, files: CgroupFiles): void {
  const [before] = files.read([`${directory}/${LIMIT}`]);
  const plain: FileWrite = { file: LIMIT, text: limit };
  const withSwap: FileWrite = { file: LIMIT_WITH_SWAP, text: limit, optional: true };
  if (limit === '-1' || Number(limit) > bytesOrInfinity(before)) return writeAll(directory, [withSwap, plain], files);
  writeAll(directory, [plain], files);
  try {
    writeAll(directory, [withSwap], files);
  } catch (error) {
    writeAll(directory, [{ file: LIMIT, text: textOf(before).trim() }], files);
    throw error;
  }
}

function limitText({ memory }: CgroupLimits): string | undefined {
  if (memory?.limitBytes === undefined) return undefined;
  return memory.limitBytes === null ? '-1' : String(memory.limitBytes);
}

function softLimit({ memory }: CgroupLimits): FileWrite[] {
  if (memory?.softLimitBytes === undefined) return [];
  return [{ file: SOFT_LIMIT, text: memory.softLimitBytes === null ? '-1' : String(memory.softLimitBytes) }];
}

function parseMemoryV1([usage, peak, limit, stat, oom, kernel]: FileContents): MemoryUsage {
  const text = textOf(stat);
  const limitBytes = bytesOrInfinity(limit);
  return {
    usageBytes: single(usage) ?? 0,
    peakBytes: single(peak),
    limitBytes: limitBytes >= UNLIMITED_FROM ? null : limitBytes,
    fileBytes: keyed(text, 'total_cache'),
    anonBytes: keyed(text, 'total_rss'),
    activeBytes: keyed(text, 'total_active_anon') + keyed(text, 'total_active_file'),
    inactiveBytes: keyed(text, 'total_inactive_anon') + keyed(text, 'total_inactive_file'),
    kernelBytes: single(kernel) ?? 0,
    oomKills: keyed(textOf(oom), 'oom_kill'),
  };
}

function bytesOrInfinity(content: string | number | undefined): number {
  return single(content) ?? Infinity;
}
