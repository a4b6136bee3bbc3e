import type { CgroupLimits } from '../types/cgroups.js';
import { invalid } from './controller.js';

/** What both bfq and the older schedulers of v1 take. */
const WEIGHT_MIN = 10;
const WEIGHT_MAX = 1000;

const DEVICE = /^\d{1,4}:\d{1,7}$/;

/** The bounds of one device, in the order of the kernel's letters: read and write, bytes and operations. */
export const THROTTLES = [
  { field: 'readBytesPerSecond', v1: 'blkio.throttle.read_bps_device', v2: 'rbps' },
  { field: 'writeBytesPerSecond', v1: 'blkio.throttle.write_bps_device', v2: 'wbps' },
  { field: 'readOperationsPerSecond', v1: 'blkio.throttle.read_iops_device', v2: 'riops' },
  { field: 'writeOperationsPerSecond', v1: 'blkio.throttle.write_iops_device', v2: 'wiops' },
] as const;

/** Where no disk's scheduler or cost model can weigh. */
export const NO_WEIGHTS = 'this kernel has no weights for disks; it needs the bfq scheduler (CONFIG_BFQ_GROUP_IOSCHED) or io.cost';

/** Throws what is wrong with `limits.io`. */
export function checkIo({ io }: CgroupLimits): void {
  const weight = io?.weight;
  if (weight !== undefined && !(Number.isInteger(weight) && weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)) {
    throw invalid('io.weight', `a whole number from ${WEIGHT_MIN} to ${WEIGHT_MAX}`, weight);
  }
  io?.throttles?.forEach((throttle, index) => {
    const name = `io.throttles[${index}]`;
    if (!DEVICE.test(throttle.device)) throw invalid(`${name}.device`, '"major:minor"', throttle.device);
    for (const { field } of THROTTLES) {
      const value = throttle[field];
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
        throw invalid(`${name}.${field}`, 'a whole number per second, 0 for no bound', value);
      }
    }
  });
}

/** Devices by number, for stable lists. */
export function byDevice(left: { readonly device: string }, right: { readonly device: string }): number {
  const [major = 0, minor = 0] = left.device.split(':').map(Number);
  const [otherMajor = 0, otherMinor = 0] = right.device.split(':').map(Number);
  return major - otherMajor || minor - otherMinor;
}
