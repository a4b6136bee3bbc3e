import type { CgroupLimits } from '../types/cgroups.js';
import { invalid } from './controller.js';

/** Throws what is wrong with `limits.memory`. */
export function checkMemory({ memory }: CgroupLimits): void {
  checkBytes('memory.limitBytes', memory?.limitBytes);
  checkBytes('memory.softLimitBytes', memory?.softLimitBytes);
}

function checkBytes(field: string, bytes: number | null | undefined): void {
  if (bytes === undefined || bytes === null || (Number.isSafeInteger(bytes) && bytes > 0)) return;
  throw invalid(field, 'a whole number of bytes above 0, or null', bytes);
}
