import type { Isolator } from './types.js';

/**
 * Processes and threads of a task that does not say. An eighth of the kernel's usual 32,768 process ids: far above
 * what services and batch jobs use (a JVM has some hundred threads), and a fork bomb cannot starve the machine of ids.
 */
export const PIDS_DEFAULT = 4096;

/** The kernel's own most: PID_MAX_LIMIT on 64 bits. */
const PIDS_MAX = 4_194_304;

/** Bounds how many processes and threads a container has: beyond it fork fails inside, and only there. */
export function pidsIsolator(): Isolator {
  return {
    name: 'pids',
    handles: ['pidsLimit'],
    prepare(spec) {
      const max = spec.container?.pidsLimit ?? PIDS_DEFAULT;
      if (!Number.isInteger(max) || max < 1 || max > PIDS_MAX) {
        throw new Error(`container.pidsLimit: must be a whole number from 1 to ${PIDS_MAX}, got ${max}`);
      }
      return { limits: { pids: { max } } };
    },
    usage({ pids }) {
      if (pids === undefined) return {};
      return { pids: pids.current, ...(pids.max === null ? {} : { pidsLimit: pids.max }) };
    },
  };
}
