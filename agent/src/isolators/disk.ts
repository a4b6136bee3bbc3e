import { resources as toResources, SCALAR_UNIT } from '@proffer/sdk/model';
import type { DiskSampler } from './disk-sampler.js';
import type { IsolatedContainer, Isolator, Limitation } from './types.js';

const MIB = 1024 * 1024;

interface Figures {
  bytes?: number;
  limitBytes: number;
}

/**
 * What the sandbox takes on its disk, sampled; on request the container ends when that is more than its `disk`. The
 * sampling sees what stays: what is written and removed between two looks is not counted.
 */
export function diskIsolator(sampler: DiskSampler): Isolator {
  const containers = new Map<string, Figures>();
  return {
    name: 'disk',
    handles: ['linux.enforceDisk'],
    prepare(spec) {
      if (spec.container?.linux?.enforceDisk === true && spec.resources.disk === 0) {
        throw new Error('container.linux.enforceDisk: there is no disk among the resources that could be enforced');
      }
      return {};
    },
    update(container) {
      const figures = containers.get(container.containerId);
      if (figures !== undefined) figures.limitBytes = limitOf(container);
    },
    usage(_reading, container) {
      const { bytes } = containers.get(container.containerId) ?? {};
      const limitBytes = limitOf(container);
      return { ...(bytes === undefined ? {} : { diskBytes: bytes }), ...(limitBytes === 0 ? {} : { diskLimitBytes: limitBytes }) };
    },
    watch(container, onLimitation) {
      const { containerId, sandbox, wishes } = container;
      if (sandbox === undefined) return () => undefined;
      const figures: Figures = { limitBytes: limitOf(container) };
      const enforced = wishes?.linux?.enforceDisk === true;
      containers.set(containerId, figures);
      const stop = sampler.watch(sandbox, (measured) => {
        if ('bytes' in measured) figures.bytes = measured.bytes;
        const fault = 'error' in measured ? unmeasurable(measured.error, figures) : exceeded(measured.bytes, figures);
        if (enforced && fault !== undefined) onLimitation(fault);
      });
      return () => {
        stop();
        containers.delete(containerId);
      };
    },
  };
}

function limitOf({ resources }: IsolatedContainer): number {
  return Math.floor((resources.disk * MIB) / SCALAR_UNIT);
}

function exceeded(bytes: number, { limitBytes }: Figures): Limitation | undefined {
  if (bytes <= limitBytes) return undefined;
  return {
    reason: 'disk',
    message: `out of disk: the sandbox takes ${mib(bytes)} MiB, its disk is ${mib(limitBytes)} MiB`,
    resources: toResources({ disk: bytes / MIB }),
  };
}

/** A sandbox that nobody can measure must not be the way around its limit. */
function unmeasurable(error: Error, { limitBytes }: Figures): Limitation {
  return {
    reason: 'disk',
    message: `the sandbox cannot be measured against its disk of ${mib(limitBytes)} MiB: ${error.message}`,
    resources: toResources({ disk: limitBytes / MIB }),
  };
}

function mib(count: number): string {
  return (count / MIB).toFixed(1);
}
