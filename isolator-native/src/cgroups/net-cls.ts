import type { CgroupLimits } from '../types/cgroups.js';
import { invalid, writeAll } from './controller.js';
import type { ControllerSide, FileWrite } from './controller.js';

const CLASS_MAX = 0xffff_ffff;

/** Throws what is wrong with `limits.netClassId`. */
export function checkNetClass({ netClassId }: CgroupLimits): void {
  if (netClassId === undefined || (Number.isInteger(netClassId) && netClassId >= 0 && netClassId <= CLASS_MAX)) return;
  throw invalid('netClassId', `a whole number from 0 to ${CLASS_MAX}`, netClassId);
}

/** v1 `net_cls`: what packets are classified and filtered by (`tc filter ... cgroup`, `iptables -m cgroup --cgroup`). */
export const netClassV1: ControllerSide = {
  initial: writes,
  update: (directory, limits, files) => writeAll(directory, writes(limits), files),
  usageFiles: [],
  parseUsage: () => ({}),
};

function writes({ netClassId }: CgroupLimits): FileWrite[] {
  return netClassId === undefined ? [] : [{ file: 'net_cls.classid', text: String(netClassId) }];
}
