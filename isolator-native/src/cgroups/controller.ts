import { constants } from 'node:os';
import type { CgroupLimits, CgroupUsage, IoDeviceUsage, MemoryUsage, PidsUsage } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import type { CgroupFiles } from './files.js';

/** A value for one of a cgroup's files, by the file's name. */
export interface FileWrite {
  readonly file: string;
  readonly text: string;
  readonly optional?: boolean;
}

/** CPU time in microseconds. */
export interface CpuTime {
  readonly usageUs: number;
  readonly userUs: number;
  readonly systemUs: number;
}

/** How often and how long a quota held something back. */
export interface CpuThrottling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledUs: number;
}

/** What one controller contributes to `CgroupUsage`; on v1 CPU time and throttling come from two of them. */
export interface UsageParts {
  readonly cpuTime?: CpuTime;
  readonly throttling?: CpuThrottling;
  readonly memory?: MemoryUsage;
  readonly pids?: PidsUsage;
  readonly io?: readonly IoDeviceUsage[];
  readonly pressure?: NonNullable<CgroupUsage['pressure']>;
}

/** Contents of the files that a controller named in `usageFiles`, in that order; an errno for one that cannot be read. */
export type FileContents = readonly (string | number)[];

/**
 * One side (v1 or v2) of one controller. It knows the names and formats of its files, and nothing of trees or other
 * controllers. Limits reach it checked; the part of another controller, or an absent one, it leaves alone.
 */
export interface ControllerSide {
  /** What a fresh cgroup needs. */
  initial(limits: CgroupLimits): readonly FileWrite[];
  /** What a fresh cgroup needs that is not a file. */
  attach?(directory: string, limits: CgroupLimits, files: CgroupFiles): void;
  /** Changes a cgroup in which processes run. */
  update(directory: string, limits: CgroupLimits, files: CgroupFiles): void;
  readonly usageFiles: readonly string[];
  parseUsage(contents: FileContents): UsageParts;
}

/** Writes values into a cgroup's files, in order. */
export function writeAll(directory: string, writes: readonly FileWrite[], files: CgroupFiles): void {
  if (writes.length === 0) return;
  files.apply(writes.map(({ file, ...rest }) => ({ write: `${directory}/${file}`, ...rest })));
}

/** What this kernel's side of a controller cannot do, and what would turn it on. */
export function unsupported(path: string, reason: string): IsolatorError {
  const step = 'set limits';
  return new IsolatorError(`${step} of ${path}: ${reason}`, { code: 'ENOTSUP', errno: constants.errno.ENOTSUP, step, path });
}

/** Limits that are not what the field takes: nothing was changed. */
export function invalid(field: string, expected: string, actual: unknown): IsolatorError {
  const shown = typeof actual === 'string' ? `"${actual}"` : String(actual);
  const message = `limits.${field}: expected ${expected}, got ${shown}`;
  return new IsolatorError(message, { code: 'INVALID_SPEC', errno: 0, step: 'check limits', path: `limits.${field}` });
}
