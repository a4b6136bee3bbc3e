import type { ControllerName } from './probe.js';

/** How much CPU a cgroup may have. */
export interface CpuLimits {
  /**
   * CPUs asked for, e.g. `0.5`: becomes the weight against other cgroups when the machine is busy
   * (v1: 1024 shares per CPU, at least 2; v2: weight 100 per CPU, 1 to 10000). One CPU is the kernel's default weight.
   */
  readonly request?: number;
  /** CPUs that can never be exceeded, in periods of 100 ms (at least 0.01); `null` takes the quota away. */
  readonly quota?: number | null;
  /** Microseconds, saved up while idle, by which one period may exceed the quota; at most what the quota gives per period. 0: none. */
  readonly burstUs?: number;
  /**
   * Microseconds a second in which real-time threads may run; 0: none. v1 of a kernel with real-time groups only, elsewhere
   * it is refused; the parents' budgets grow and shrink with it.
   */
  readonly realtimeUs?: number;
}

/** Which processor cores a cgroup may use. */
export interface CpusetLimits {
  /** Core numbers, at least one; `null`: all that the tree has. */
  readonly cpus: readonly number[] | null;
}

/** Bounds for one device; 0 is no bound. */
export interface IoThrottle {
  /** `major:minor` of a whole disk. */
  readonly device: string;
  readonly readBytesPerSecond?: number;
  readonly writeBytesPerSecond?: number;
  readonly readOperationsPerSecond?: number;
  readonly writeOperationsPerSecond?: number;
}

/** How a cgroup shares disks. */
export interface IoLimits {
  /** 10 to 1000 beside others, on disks whose scheduler (bfq) or cost model weighs; the kernel's default is 100. */
  readonly weight?: number;
  /** Devices that are not named are left as they are. */
  readonly throttles?: readonly IoThrottle[];
}

/** How many huge pages of one size a cgroup may have. */
export interface HugePagesLimit {
  /** As the kernel names it in the controller's files: `2MB`, `1GB`. */
  readonly size: string;
  readonly limitBytes: number;
}

/** How much memory a cgroup may have. All in bytes. */
export interface MemoryLimits {
  /** Above this the kernel reclaims, then kills (OOM). Swap is counted in, so that it cannot be used. `null`: no limit. */
  readonly limitBytes?: number | null;
  /** Under memory pressure cgroups above this are reclaimed first (v1: soft limit, v2: memory.low). `null`: none. */
  readonly softLimitBytes?: number | null;
}

/** How many processes and threads a cgroup may hold. */
export interface PidsLimits {
  /** `null`: no limit. */
  readonly max?: number | null;
}

/** One line of a device whitelist. */
export interface DeviceRule {
  readonly type: 'char' | 'block';
  /** `null`: every major number. */
  readonly major: number | null;
  /** `null`: every minor number. */
  readonly minor: number | null;
  /** What is allowed: any of `r` (read), `w` (write), `m` (mknod), e.g. `rw`. */
  readonly access: string;
}

/** Limits to set on a cgroup. A part that is left out is not touched; naming one whose controller is missing is an error. */
export interface CgroupLimits {
  readonly cpu?: CpuLimits;
  readonly memory?: MemoryLimits;
  readonly pids?: PidsLimits;
  /** Exactly these devices may be used, all others are refused. See `defaultDeviceRules`. */
  readonly devices?: readonly DeviceRule[];
  readonly cpuset?: CpusetLimits;
  readonly io?: IoLimits;
  readonly hugetlb?: readonly HugePagesLimit[];
  /** Its packets carry this class (tc's 0xAAAABBBB), 0 for none. */
  readonly netClassId?: number;
}

/** Times in microseconds since the cgroup was made. */
export interface CpuUsage {
  readonly usageUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  /** Periods in which something ran under a quota. */
  readonly periods: number;
  /** Periods in which the quota ran out. */
  readonly throttledPeriods: number;
  readonly throttledUs: number;
}

/** Bytes, and two counters. */
export interface MemoryUsage {
  /** All that is charged, page cache included. */
  readonly usageBytes: number;
  /** The highest usage so far; `null` where the kernel does not say (v2 before 5.19). */
  readonly peakBytes: number | null;
  /** The hard limit in force, `null` for none. */
  readonly limitBytes: number | null;
  readonly fileBytes: number;
  readonly anonBytes: number;
  /** Recently used pages, file and anonymous. */
  readonly activeBytes: number;
  readonly inactiveBytes: number;
  /** Of the kernel on its behalf: stacks, page tables, caches of inodes, socket buffers. */
  readonly kernelBytes: number;
  /** Processes of this cgroup that the OOM killer killed. */
  readonly oomKills: number;
}

/** Counts. */
export interface PidsUsage {
  readonly current: number;
  /** `null`: no limit. */
  readonly max: number | null;
  /** Forks that were refused because of `max`. */
  readonly refusedForks: number;
}

/** Bytes and operations on one device since the cgroup was made. */
export interface IoDeviceUsage {
  /** `major:minor`. */
  readonly device: string;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly readOperations: number;
  readonly writeOperations: number;
  /** v1 only: of all of these, what somebody waited for, and what was written back later. */
  readonly syncBytes?: number;
  readonly asyncBytes?: number;
  readonly syncOperations?: number;
  readonly asyncOperations?: number;
}

/** How much time was lost for want of one resource (PSI). */
export interface Pressure {
  /** Microseconds in which at least one task waited. */
  readonly someUs: number;
  /** Microseconds in which all of them did. */
  readonly fullUs: number;
  /** The same in percent of the last ten seconds. */
  readonly somePercent: number;
  readonly fullPercent: number;
}

/** What a cgroup used. A part is absent where its controller is not in the tree. */
export interface CgroupUsage {
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly pids?: PidsUsage;
  /** Devices that it used, sorted by number. */
  readonly io?: readonly IoDeviceUsage[];
  readonly pressure?: { readonly cpu: Pressure; readonly memory: Pressure; readonly io: Pressure };
}

/** What is known at the moment the kernel ran out of a cgroup's memory. */
export interface OomEvent {
  /** Processes killed so far; on v1 the event can come a moment before the kill, so this may still be 0. */
  readonly oomKills: number;
  readonly memory: MemoryUsage;
}

/** Which controllers to use, and where. */
export interface CgroupTreeOptions {
  /** Path of the tree below the hierarchy (or below the delegated cgroup), e.g. `proffer/agent-1`. Letters, digits, `.`, `_`, `-`, `/`. */
  readonly prefix: string;
  /** Default: all usable ones but `freezer`; naming a missing one is an error. */
  readonly controllers?: readonly ControllerName[];
}

/**
 * One container's cgroup: a directory in every hierarchy of its tree (one on v2, one per controller on v1).
 * All methods but `kill` and `remove` are synchronous; a read costs some microseconds per file.
 */
export interface Cgroup {
  /** Name below the tree's prefix. */
  readonly name: string;
  /** The directories, one per hierarchy. */
  readonly directories: readonly string[];
  /** Changes limits of a running cgroup. Lowering memory below what cannot be reclaimed fails with `EBUSY`, nothing is killed. */
  update(limits: CgroupLimits): void;
  usage(): CgroupUsage;
  /** Processes inside, nested cgroups included, as pids of the caller's pid namespace. */
  processes(): number[];
  /**
   * Calls back whenever the kernel runs out of this cgroup's memory. Returns the function that stops it; it also
   * stops by itself when the cgroup is removed. Does not keep the event loop alive. Throws where memory is not in the tree.
   */
  onOom(listener: (event: OomEvent) => void): () => void;
  /** Kills everything inside, nested cgroups included, and waits until nothing is left. Rejects with `EBUSY` naming what stays. */
  kill(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Kills, then removes the directories, nested ones included. Removing what is gone already is no error. */
  remove(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/** All cgroups of one owner: everything below one prefix. */
export interface CgroupTree {
  readonly prefix: string;
  /** The controllers in use, with the version each has here. */
  readonly controllers: Readonly<Partial<Record<ControllerName, 1 | 2>>>;
  /** The processor cores that cgroups of this tree may use, ascending; none where `cpuset` is not in the tree. */
  cores(): number[];
  /** Makes a cgroup with its limits in force. `EEXIST` if it exists; on any error nothing is left behind. */
  create(name: string, limits?: CgroupLimits): Cgroup;
  /** An existing cgroup, or `undefined`. One that exists in only some hierarchies (a crash while creating) counts, so that it can be removed. */
  open(name: string): Cgroup | undefined;
  /** Names of all cgroups directly below the prefix, sorted. */
  list(): string[];
  /** Removes every cgroup below the prefix, and the prefix itself. */
  removeAll(options?: { readonly timeoutMs?: number }): Promise<void>;
}
