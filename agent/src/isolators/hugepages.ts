import type { Isolator } from './types.js';

const MIB = 1024 * 1024;

/** How many huge pages a container may have, by size. */
export function hugepagesIsolator(): Isolator {
  return {
    name: 'hugepages',
    handles: ['linux.hugepages'],
    prepare(spec) {
      const wish = spec.container?.linux?.hugepages;
      if (wish === undefined) return {};
      return { limits: { hugetlb: wish.map(({ size, limitMib }) => ({ size, limitBytes: Math.floor(limitMib * MIB) })) } };
    },
  };
}
