import type { MemoryLimits, MemoryUsage } from '@proffer/isolator-native';
import { SCALAR_UNIT, resources as toResources, type ResourceLimits, type Resources } from '@proffer/sdk/model';
import type { IsolatedContainer, Isolator, Limitation } from './types.js';

const MIB = 1024 * 1024;
const MICROSECONDS = 1e6;

/** Less than this starts hardly any program: what a task without `mem` gets. Mesos' figure. */
export const MEMORY_MINIMUM_BYTES = 32 * MIB;

/**
 * The limit (where none is given, the request) is hard; the request is what the kernel leaves alone first when the machine
 * runs short. Out of memory ends the whole container, since what is left of it after the kernel's kill cannot be trusted.
 */
export function memoryIsolator(): Isolator {
  return {
    name: 'memory',
    handles: ['linux.memorySoftLimitMib'],
    prepare(spec) {
      const soft = spec.container?.linux?.memorySoftLimitMib;
      const limits = memoryLimits(spec.resources, spec.limits, soft);
      refuseSoftLimit(soft, limits);
      return { limits: { memory: limits } };
    },
    update(container) {
      const limits = memoryLimits(container.resources, container.limits, container.wishes?.linux?.memorySoftLimitMib);
      container.cgroup?.update({ memory: limits });
    },
    usage({ memory, pressure }) {
      const waiting = pressure === undefined ? {} : {
        memoryPressureSeconds: pressure.memory.someUs / MICROSECONDS,
        memoryPressurePercent: pressure.memory.somePercent,
        memoryStallSeconds: pressure.memory.fullUs / MICROSECONDS,
      };
      if (memory === undefined) return waiting;
      return {
        ...waiting,
        memoryActiveBytes: memory.activeBytes,
        memoryInactiveBytes: memory.inactiveBytes,
        memoryKernelBytes: memory.kernelBytes,
        memoryBytes: memory.usageBytes,
        memoryAnonBytes: memory.anonBytes,
        memoryFileBytes: memory.fileBytes,
        oomKills: memory.oomKills,
        ...(memory.limitBytes === null ? {} : { memoryLimitBytes: memory.limitBytes }),
        ...(memory.peakBytes === null ? {} : { memoryPeakBytes: memory.peakBytes }),
      };
    },
    watch(container, onLimitation) {
      const { cgroup } = container;
      if (cgroup === undefined) return () => undefined;
      const stop = cgroup.onOom(({ memory }) => onLimitation(limitation(memory, container)));
      // An agent that was down when it happened finds the count.
      const missed = outOfMemory(container);
      if (missed !== undefined) onLimitation(missed);
      return stop;
    },
    verdict: outOfMemory,
  };
}

/** `soft`: MiB that the task asked for instead of its request. */
function memoryLimits(resources: Resources, limits: ResourceLimits | undefined, soft?: number): MemoryLimits {
  const request = bytes(resources.mem);
  const limit = limits?.mem;
  const hard = limit === 'unlimited' ? null : Math.max(bytes(limit ?? 0), request, MEMORY_MINIMUM_BYTES);
  const softLimitBytes = soft === undefined ? Math.max(request, MEMORY_MINIMUM_BYTES) : Math.floor(soft * MIB);
  return { limitBytes: hard, softLimitBytes: Math.min(softLimitBytes, hard ?? Infinity) };
}

function refuseSoftLimit(soft: number | undefined, { limitBytes }: MemoryLimits): void {
  if (soft === undefined) return;
  const most = typeof limitBytes === 'number' ? limitBytes / MIB : Infinity;
  if (soft >= 1 && soft <= most) return;
  throw new Error(`container.linux.memorySoftLimitMib: must be from 1 to the hard limit of ${most} MiB, got ${soft}`);
}

function bytes(thousandthsOfMib: number): number {
  return Math.floor((thousandthsOfMib * MIB) / SCALAR_UNIT);
}

function outOfMemory(container: IsolatedContainer): Limitation | undefined {
  const memory = container.cgroup?.usage().memory;
  return memory === undefined || memory.oomKills === 0 ? undefined : limitation(memory, container);
}

function limitation(memory: MemoryUsage, container: IsolatedContainer): Limitation {
  const limitBytes = memory.limitBytes ?? memoryLimits(container.resources, container.limits).limitBytes ?? memory.usageBytes;
  const peak = Math.max(memory.peakBytes ?? 0, memory.usageBytes);
  return {
    reason: 'memory',
    // Where the kernel killed before it told, what is in use now is only what is left.
    message: `out of memory: the limit of ${mib(limitBytes)} MiB was reached; at most ${mib(peak)} MiB were in use, ` +
      `now ${mib(memory.usageBytes)} MiB (anonymous ${mib(memory.anonBytes)}, page cache ${mib(memory.fileBytes)})`,
    resources: toResources({ mem: limitBytes / MIB }),
  };
}

function mib(count: number): string {
  return (count / MIB).toFixed(1);
}
