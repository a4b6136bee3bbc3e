import { native } from '../native.js';

/** One step of a batch: make a cgroup, or give one of its files a value. */
export type CgroupOperation =
  | { readonly make: string }
  | {
      readonly write: string;
      readonly text: string;
      /** Whether a kernel without this file is fine (swap accounting that is not built in, …). */
      readonly optional?: boolean;
    };

/**
 * All that this folder asks of the kernel about cgroups, in batches: a container costs a few calls, whatever the number
 * of its files. Tests run the same code on a directory that looks like a cgroup file system.
 * Every method throws `IsolatorError`; paths are absolute.
 */
export interface CgroupFiles {
  /** In order. On an error, directories made by this call are gone again. */
  apply(operations: readonly CgroupOperation[]): void;
  /** The text of each file, or the errno of what could not be read. */
  read(paths: readonly string[]): (string | number)[];
  /** Names of the cgroups directly below; none where there is no such directory. */
  list(directory: string): string[];
  /** Processes in these cgroups and below, each once. 0 stands for processes outside the caller's pid namespace. */
  processes(directories: readonly string[]): number[];
  /** The same, and each of them gets the signal. */
  signal(directories: readonly string[], signal: number): number[];
  /** Removes these cgroups and all below, as far as they are empty. */
  remove(directories: readonly string[]): RemainingCgroup[];
  /** Removes exactly these, in order, where they are empty. */
  removeEmpty(directories: readonly string[]): RemainingCgroup[];
  /** cgroup v1: a descriptor that is readable after each OOM. */
  openOomEvents(directory: string): number;
  /** cgroup v2: a device whitelist, four numbers per rule; see `devices.ts`. */
  setDeviceProgram(directory: string, rules: readonly number[]): void;
}

/** A cgroup that could not be removed. */
export interface RemainingCgroup {
  readonly path: string;
  readonly errno: number;
}

interface CgroupFunctions {
  applyCgroupFiles(operations: readonly string[]): void;
  readCgroupFiles(paths: readonly string[]): (string | number)[];
  listCgroups(directory: string): string[];
  cgroupProcesses(directories: readonly string[]): number[];
  signalCgroups(directories: readonly string[], signal: number): number[];
  removeCgroups(directories: readonly string[], nested: boolean): (string | number)[];
  openOomEvents(directory: string): number;
  setDeviceProgram(directory: string, rules: readonly number[]): void;
}

/** The kernel's own, through the addon. */
export const kernelFiles: CgroupFiles = {
  apply: (operations) => native<CgroupFunctions>().applyCgroupFiles(operations.flatMap(flatten)),
  read: (paths) => native<CgroupFunctions>().readCgroupFiles(paths),
  list: (directory) => native<CgroupFunctions>().listCgroups(directory),
  processes: (directories) => native<CgroupFunctions>().cgroupProcesses(directories),
  signal: (directories, signal) => native<CgroupFunctions>().signalCgroups(directories, signal),
  remove: (directories) => pairs(native<CgroupFunctions>().removeCgroups(directories, true)),
  removeEmpty: (directories) => pairs(native<CgroupFunctions>().removeCgroups(directories, false)),
  openOomEvents: (directory) => native<CgroupFunctions>().openOomEvents(directory),
  setDeviceProgram: (directory, rules) => native<CgroupFunctions>().setDeviceProgram(directory, rules),
};

function flatten(operation: CgroupOperation): [kind: string, path: string, text: string] {
  if ('make' in operation) return ['make', operation.make, ''];
  return [operation.optional === true ? 'write?' : 'write', operation.write, operation.text];
}

function pairs(flat: readonly (string | number)[]): RemainingCgroup[] {
  const remaining: RemainingCgroup[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    remaining.push({ path: String(flat[index]), errno: Number(flat[index + 1]) });
  }
  return remaining;
}
