import type { CgroupLimits } from '../types/cgroups.js';
import { invalid, writeAll } from './controller.js';
import type { ControllerSide, FileWrite } from './controller.js';
import { keyed, textOf } from './parse.js';

/** The kernel's default period, which nothing here changes. */
const PERIOD_US = 100_000;
/** The kernel refuses less than 1 ms per period. */
const QUOTA_CPUS_MIN = 0.01;
/** More CPUs than any machine has; keeps products within what the kernel's files take. */
const CPUS_MAX = 100_000;

/** The period of real-time budgets, the kernel's default as well. */
const REALTIME_US_MAX = 1_000_000;

const V1_SHARES_PER_CPU = 1024;
const V1_SHARES_MIN = 2;
const V1_SHARES_MAX = 262_144;
const V2_WEIGHT_PER_CPU = 100;
const V2_WEIGHT_MAX = 10_000;

/** Throws what is wrong with `limits.cpu`. */
export function checkCpu({ cpu }: CgroupLimits): void {
  const { request, quota, burstUs, realtimeUs } = cpu ?? {};
  if (request !== undefined && !(request >= 0 && request <= CPUS_MAX)) {
    throw invalid('cpu.request', `a number of CPUs from 0 to ${CPUS_MAX}`, request);
  }
  if (quota !== undefined && quota !== null && !(quota >= QUOTA_CPUS_MIN && quota <= CPUS_MAX)) {
    throw invalid('cpu.quota', `a number of CPUs from ${QUOTA_CPUS_MIN} to ${CPUS_MAX}, or null`, quota);
  }
  const burstMax = Math.round((quota ?? CPUS_MAX) * PERIOD_US);
  if (burstUs !== undefined && !(Number.isInteger(burstUs) && burstUs >= 0 && burstUs <= burstMax)) {
    throw invalid('cpu.burstUs', `whole microseconds from 0 to ${burstMax}, what the quota gives in 100 ms`, burstUs);
  }
  if (realtimeUs !== undefined && !(Number.isInteger(realtimeUs) && realtimeUs >= 0 && realtimeUs < REALTIME_US_MAX)) {
    throw invalid('cpu.realtimeUs', `whole microseconds a second, from 0 to below ${REALTIME_US_MAX}`, realtimeUs);
  }
}

/** v1 `cpu`: shares and quota. CPU time is in `cpuacct`. */
export const cpuV1: ControllerSide = {
  initial: v1Writes,
  update: (directory, limits, files) => writeAll(directory, v1Writes(limits), files),
  usageFiles: ['cpu.stat'],
  parseUsage: ([stat]) => ({
    throttling: {
      periods: keyed(textOf(stat), 'nr_periods'),
      throttledPeriods: keyed(textOf(stat), 'nr_throttled'),
      throttledUs: Math.round(keyed(textOf(stat), 'throttled_time') / 1000),
    },
  }),
};

/** v2 `cpu`: weight, quota and CPU time. */
export const cpuV2: ControllerSide = {
  initial: v2Writes,
  update: (directory, limits, files) => writeAll(directory, v2Writes(limits), files),
  usageFiles: ['cpu.stat'],
  parseUsage: ([stat]) => {
    const text = textOf(stat);
    return {
      cpuTime: { usageUs: keyed(text, 'usage_usec'), userUs: keyed(text, 'user_usec'), systemUs: keyed(text, 'system_usec') },
      throttling: {
        periods: keyed(text, 'nr_periods'),
        throttledPeriods: keyed(text, 'nr_throttled'),
        throttledUs: keyed(text, 'throttled_usec'),
      },
    };
  },
};

function v1Writes({ cpu }: CgroupLimits): FileWrite[] {
  const writes: FileWrite[] = [];
  if (cpu?.request !== undefined) {
    writes.push({ file: 'cpu.shares', text: String(between(V1_SHARES_MIN, cpu.request * V1_SHARES_PER_CPU, V1_SHARES_MAX)) });
  }
  if (cpu?.quota !== undefined) {
    writes.push({ file: 'cpu.cfs_quota_us', text: cpu.quota === null ? '-1' : String(Math.round(cpu.quota * PERIOD_US)) });
  }
  return aroundBurst(cpu?.burstUs, 'cpu.cfs_burst_us', writes);
}

function v2Writes({ cpu }: CgroupLimits): FileWrite[] {
  const writes: FileWrite[] = [];
  if (cpu?.request !== undefined) {
    writes.push({ file: 'cpu.weight', text: String(between(1, cpu.request * V2_WEIGHT_PER_CPU, V2_WEIGHT_MAX)) });
  }
  if (cpu?.quota !== undefined) {
    writes.push({ file: 'cpu.max', text: cpu.quota === null ? 'max' : `${Math.round(cpu.quota * PERIOD_US)} ${PERIOD_US}` });
  }
  return aroundBurst(cpu?.burstUs, 'cpu.max.burst', writes);
}

/** At no moment may the burst be more than the quota, so it goes before the quota changes and comes back after. */
function aroundBurst(burstUs: number | undefined, file: string, writes: FileWrite[]): FileWrite[] {
  if (burstUs === undefined) return writes;
  const none: FileWrite = { file, text: '0', optional: burstUs === 0 };
  return burstUs === 0 ? [none, ...writes] : [none, ...writes, { file, text: String(burstUs) }];
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(most, Math.round(value)));
}
