import type { ControllerSide } from './controller.js';
import { single } from './parse.js';

const NANOSECONDS_PER_MICROSECOND = 1000;

/**
 * v1 `cpuacct`: CPU time, nothing to limit. `usage` is exact; the kernel counts the other two by ticks, so that their
 * sum differs a little from it.
 */
export const cpuacctV1: ControllerSide = {
  initial: () => [],
  update: () => {},
  usageFiles: ['cpuacct.usage', 'cpuacct.usage_user', 'cpuacct.usage_sys'],
  parseUsage: ([usage, user, system]) => ({
    cpuTime: { usageUs: microseconds(usage), userUs: microseconds(user), systemUs: microseconds(system) },
  }),
};

function microseconds(content: string | number | undefined): number {
  return Math.round((single(content) ?? 0) / NANOSECONDS_PER_MICROSECOND);
}
