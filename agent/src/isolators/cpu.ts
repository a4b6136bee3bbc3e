import type { CpuLimits } from '@proffer/isolator-native';
import { SCALAR_UNIT, type ResourceLimits, type Resources } from '@proffer/sdk/model';
import type { Isolator } from './types.js';

/** The kernel's smallest quota, 1 ms of a 100 ms period. */
export const QUOTA_MINIMUM = 0.01;

const MICROSECONDS = 1e6;

/**
 * The request is the weight against others on a busy machine. With the hard quota on, the limit (where none is given, the
 * request) is what the task can never exceed, on an idle machine either.
 */
export function cpuIsolator(hardQuota: boolean): Isolator {
  return {
    name: 'cpu',
    prepare: (spec) => ({ limits: { cpu: cpuLimits(spec.resources, spec.limits, hardQuota) } }),
    update(container) {
      container.cgroup?.update({ cpu: cpuLimits(container.resources, container.limits, hardQuota) });
    },
    usage({ cpu }, container) {
      if (cpu === undefined) return {};
      const { quota } = cpuLimits(container.resources, container.limits, hardQuota);
      return {
        cpuUserSeconds: cpu.userUs / MICROSECONDS,
        cpuSystemSeconds: cpu.systemUs / MICROSECONDS,
        cpuThrottledSeconds: cpu.throttledUs / MICROSECONDS,
        ...(typeof quota === 'number' ? { cpuLimitCpus: quota } : {}),
      };
    },
  };
}

/** A limit below the request would contradict the guarantee, so the request is the least it can be. */
function cpuLimits(resources: Resources, limits: ResourceLimits | undefined, hardQuota: boolean): CpuLimits {
  const request = resources.cpus / SCALAR_UNIT;
  const limit = limits?.cpus;
  if (limit === 'unlimited' || (limit === undefined && !hardQuota)) return { request, quota: null };
  return { request, quota: Math.max((limit ?? 0) / SCALAR_UNIT, request, QUOTA_MINIMUM) };
}
