import type { Isolator } from './types.js';

/** The class of a container's packets, for the machine's own traffic control and filters. */
export function netClassIsolator(): Isolator {
  return {
    name: 'net-class',
    handles: ['linux.netClassId'],
    prepare(spec) {
      const netClassId = spec.container?.linux?.netClassId;
      return netClassId === undefined ? {} : { limits: { netClassId } };
    },
  };
}
