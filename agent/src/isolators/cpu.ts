import type { CpuLimits } from '@proffer/isolator-native';
import { SCALAR_UNIT, type LinuxInfo, type ResourceLimits, type Resources } from '@proffer/sdk/model';
import type { Isolator } from './types.js';

/** The kernel's smallest quota, 1 ms of a 100 ms period. */
export const QUOTA_MINIMUM = 0.01;

const MICROSECONDS = 1e6;

/** A quota is given anew so often. */
const PERIOD_US = 100_000;

/**
 * The request is the weight against others on a busy machine. With the hard quota on, the limit (where none is given, the
 * request) is what the task can never exceed, on an idle machine either, but for the burst that it may have saved up.
 */
export function cpuIsolator(hardQuota: boolean): Isolator {
  return {
    name: 'cpu',
    handles: ['linux.cpuBurstUs', 'linux.cpuRealtimeUs'],
    prepare(spec) {
      const { linux } = spec.container ?? {};
      const limits = cpuLimits(spec.resources, spec.limits, hardQuota);
      refuseBurst(linux, limits);
      return { limits: { cpu: { ...limits, ...extras(linux, limits) } } };
    },
    update(container) {
      const limits = cpuLimits(container.resources, container.limits, hardQuota);
      container.cgroup?.update({ cpu: { ...limits, ...extras(container.wishes?.linux, limits) } });
    },
    usage({ cpu, pressure }, container) {
      const waiting = pressure === undefined ? {} : {
        cpuPressureSeconds: pressure.cpu.someUs / MICROSECONDS,
        cpuPressurePercent: pressure.cpu.somePercent,
      };
      if (cpu === undefined) return waiting;
      const { quota } = cpuLimits(container.resources, container.limits, hardQuota);
      return {
        cpuUserSeconds: cpu.userUs / MICROSECONDS,
        cpuSystemSeconds: cpu.systemUs / MICROSECONDS,
        cpuThrottledSeconds: cpu.throttledUs / MICROSECONDS,
        cpuPeriods: cpu.periods,
        cpuThrottledPeriods: cpu.throttledPeriods,
        ...waiting,
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

function refuseBurst(linux: LinuxInfo | undefined, { quota }: CpuLimits): void {
  const burst = linux?.cpuBurstUs;
  if (burst === undefined) return;
  if (typeof quota !== 'number') throw new Error('container.linux.cpuBurstUs: without a quota there is nothing that a burst could exceed');
  const most = Math.round(quota * PERIOD_US);
  if (!Number.isInteger(burst) || burst < 0 || burst > most) {
    throw new Error(`container.linux.cpuBurstUs: must be a whole number from 0 to ${most}, what the quota gives in 100 ms; got ${burst}`);
  }
}

/** The kernel takes no burst beyond the quota, which may have become less since the task was started. */
function extras(linux: LinuxInfo | undefined, { quota }: CpuLimits): Pick<CpuLimits, 'burstUs' | 'realtimeUs'> {
  const { cpuBurstUs, cpuRealtimeUs } = linux ?? {};
  return {
    ...(cpuBurstUs === undefined || typeof quota !== 'number' ? {} : { burstUs: Math.min(cpuBurstUs, Math.round(quota * PERIOD_US)) }),
    ...(cpuRealtimeUs === undefined ? {} : { realtimeUs: cpuRealtimeUs }),
  };
}
