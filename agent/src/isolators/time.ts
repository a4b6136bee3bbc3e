import type { Isolator } from './types.js';

/** A century: further than that nobody travels, and the kernel's bound is near. */
const OFFSET_SECONDS_MAX = 100 * 365 * 86_400;

/** A clock of its own: the clocks that start at boot are shifted for the task and all it starts. */
export function timeIsolator(): Isolator {
  return {
    name: 'time',
    handles: ['linux.timeOffsetSeconds'],
    prepare(spec) {
      const offsetSeconds = spec.container?.linux?.timeOffsetSeconds;
      if (offsetSeconds === undefined) return {};
      if (!Number.isInteger(offsetSeconds) || offsetSeconds < 0 || offsetSeconds > OFFSET_SECONDS_MAX) {
        throw new Error(`container.linux.timeOffsetSeconds: must be a whole number from 0 to ${OFFSET_SECONDS_MAX}, got ${offsetSeconds}`);
      }
      return { namespaces: { time: { offsetSeconds } } };
    },
  };
}
