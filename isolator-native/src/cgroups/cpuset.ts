import type { CgroupLimits } from '../types/cgroups.js';
import { invalid, writeAll } from './controller.js';
import type { ControllerSide, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { textOf } from './parse.js';

/** More than any machine has. */
const CORE_MAX = 65_535;

/** Throws what is wrong with `limits.cpuset`. */
export function checkCpuset({ cpuset }: CgroupLimits): void {
  const cpus = cpuset?.cpus;
  if (cpus === undefined || cpus === null) return;
  if (cpus.length === 0) throw invalid('cpuset.cpus', 'at least one core, or null for all', '[]');
  for (const core of cpus) {
    if (!Number.isInteger(core) || core < 0 || core > CORE_MAX) throw invalid('cpuset.cpus', 'core numbers', core);
  }
}

/** v1: a fresh cgroup has its parent's cores and memory nodes (`Prefix` sees to that), so all of them is what the parent has. */
export const cpusetV1: ControllerSide = side((directory, files) => {
  const [content] = files.read([`${directory.slice(0, directory.lastIndexOf('/'))}/cpuset.cpus`]);
  return textOf(content).trim();
});

/** v2: nothing said is the parent's. */
export const cpusetV2: ControllerSide = side(() => '');

function side(all: (directory: string, files: CgroupFiles) => string): ControllerSide {
  return {
    initial: ({ cpuset }) => (cpuset === undefined || cpuset.cpus === null ? [] : [write(cpuset.cpus.join(','))]),
    update(directory, { cpuset }, files) {
      if (cpuset === undefined) return;
      writeAll(directory, [write(cpuset.cpus === null ? all(directory, files) : cpuset.cpus.join(','))], files);
    },
    usageFiles: [],
    parseUsage: () => ({}),
  };
}

/** An empty write does not reach the kernel's code, an empty line does. */
function write(list: string): FileWrite {
  return { file: 'cpuset.cpus', text: list === '' ? '\n' : list };
}

/** `0-2,5` as numbers. */
export function parseCores(list: string): number[] {
  return list.trim().split(',').filter((part) => part !== '').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
