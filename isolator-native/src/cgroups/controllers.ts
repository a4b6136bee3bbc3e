import type { CgroupLimits } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import type { ControllerName } from '../types/probe.js';
import type { ControllerSide } from './controller.js';
import { checkCpu, cpuV1, cpuV2 } from './cpu.js';
import { cpuacctV1 } from './cpuacct.js';
import { checkCpuset, cpusetV1, cpusetV2 } from './cpuset.js';
import { checkDevices, devicesV1, devicesV2 } from './devices.js';
import { checkHugetlb, hugetlbV1, hugetlbV2 } from './hugetlb.js';
import { checkIo } from './io.js';
import { ioV1 } from './io-v1.js';
import { ioV2 } from './io-v2.js';
import { checkMemory } from './memory.js';
import { memoryV1 } from './memory-v1.js';
import { memoryV2 } from './memory-v2.js';
import { checkNetClass, netClassV1 } from './net-cls.js';
import { checkPids, pidsSide } from './pids.js';
import { pressureSide } from './pressure.js';

/** All names, in the order in which limits are set: memory comes first because only it may be refused while processes run. */
export const controllerNames: readonly ControllerName[] = [
  'memory', 'cpu', 'cpuacct', 'cpuset', 'io', 'pids', 'devices', 'hugetlb', 'net_cls', 'freezer', 'pressure',
];

/** What a tree uses unless told otherwise. */
export const defaultControllers: readonly ControllerName[] = controllerNames.filter((name) => name !== 'freezer');

/** The name of ours for one of the kernel's. */
export function controllerOf(kernelName: string): ControllerName | undefined {
  return controllerNames.find((name) => kernelNameOf(name) === kernelName);
}

/** `/proc/cgroups` and v1 mounts say `blkio`; v2 says `io`. */
export function kernelNameOf(name: ControllerName): string {
  return name === 'io' ? 'blkio' : name;
}

/** Controllers that v2 has without `cgroup.subtree_control`. */
export const withoutHandingDown: ReadonlySet<ControllerName> = new Set(['devices', 'freezer', 'pressure']);

const nothing: ControllerSide = { initial: () => [], update: () => {}, usageFiles: [], parseUsage: () => ({}) };

const sides: Readonly<Record<ControllerName, Readonly<Record<1 | 2, ControllerSide>>>> = {
  memory: { 1: memoryV1, 2: memoryV2 },
  cpu: { 1: cpuV1, 2: cpuV2 },
  cpuacct: { 1: cpuacctV1, 2: nothing },
  pids: { 1: pidsSide, 2: pidsSide },
  devices: { 1: devicesV1, 2: devicesV2 },
  freezer: { 1: nothing, 2: nothing },
  cpuset: { 1: cpusetV1, 2: cpusetV2 },
  io: { 1: ioV1, 2: ioV2 },
  hugetlb: { 1: hugetlbV1, 2: hugetlbV2 },
  net_cls: { 1: netClassV1, 2: nothing },
  pressure: { 1: nothing, 2: pressureSide },
};

/** The code for a controller's version. */
export function sideOf(name: ControllerName, version: 1 | 2): ControllerSide {
  return sides[name][version];
}

/** The controller that each part of the limits needs. */
const NEEDED: Readonly<Record<keyof CgroupLimits, ControllerName>> = {
  cpu: 'cpu', memory: 'memory', pids: 'pids', devices: 'devices', cpuset: 'cpuset', io: 'io', hugetlb: 'hugetlb', netClassId: 'net_cls',
};

/** Throws `INVALID_SPEC` where a limit makes no sense, or where its controller is not in the tree. */
export function checkLimits(limits: CgroupLimits, controllers: ReadonlySet<ControllerName>): void {
  for (const [part, name] of Object.entries(NEEDED) as [keyof CgroupLimits, ControllerName][]) {
    if (limits[part] !== undefined && !controllers.has(name)) {
      const there = [...controllers].join(', ') || 'none';
      throw new IsolatorError(
        `limits.${part}: the tree has no "${name}" controller (it has ${there}); leave the limit out, or see probe().missing`,
        { code: 'INVALID_SPEC', errno: 0, step: 'check limits', path: `limits.${part}` },
      );
    }
  }
  checkCpu(limits);
  checkMemory(limits);
  checkPids(limits);
  checkDevices(limits);
  checkCpuset(limits);
  checkIo(limits);
  checkHugetlb(limits);
  checkNetClass(limits);
}
