import type { CgroupLimits } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import type { ControllerName } from '../types/probe.js';
import type { ControllerSide } from './controller.js';
import { checkCpu, cpuV1, cpuV2 } from './cpu.js';
import { cpuacctV1 } from './cpuacct.js';
import { checkDevices, devicesV1, devicesV2 } from './devices.js';
import { checkMemory } from './memory.js';
import { memoryV1 } from './memory-v1.js';
import { memoryV2 } from './memory-v2.js';
import { checkPids, pidsSide } from './pids.js';

/** All names, in the order in which limits are set: memory comes first because only it may be refused while processes run. */
export const controllerNames: readonly ControllerName[] = ['memory', 'cpu', 'cpuacct', 'pids', 'devices', 'freezer'];

/** What a tree uses unless told otherwise. */
export const defaultControllers: readonly ControllerName[] = ['cpu', 'cpuacct', 'memory', 'pids', 'devices'];

const nothing: ControllerSide = { initial: () => [], update: () => {}, usageFiles: [], parseUsage: () => ({}) };

const sides: Readonly<Record<ControllerName, Readonly<Record<1 | 2, ControllerSide>>>> = {
  memory: { 1: memoryV1, 2: memoryV2 },
  cpu: { 1: cpuV1, 2: cpuV2 },
  cpuacct: { 1: cpuacctV1, 2: nothing },
  pids: { 1: pidsSide, 2: pidsSide },
  devices: { 1: devicesV1, 2: devicesV2 },
  freezer: { 1: nothing, 2: nothing },
};

/** The code for a controller's version. */
export function sideOf(name: ControllerName, version: 1 | 2): ControllerSide {
  return sides[name][version];
}

/** Throws `INVALID_SPEC` where a limit makes no sense, or where its controller is not in the tree. */
export function checkLimits(limits: CgroupLimits, controllers: ReadonlySet<ControllerName>): void {
  for (const name of ['cpu', 'memory', 'pids', 'devices'] as const) {
    if (limits[name] !== undefined && !controllers.has(name)) {
      const there = [...controllers].join(', ') || 'none';
      throw new IsolatorError(
        `limits.${name}: the tree has no "${name}" controller (it has ${there}); leave the limit out, or see probe().missing`,
        { code: 'INVALID_SPEC', errno: 0, step: 'check limits', path: `limits.${name}` },
      );
    }
  }
  checkCpu(limits);
  checkMemory(limits);
  checkPids(limits);
  checkDevices(limits);
}
