/**
 * The cgroup controllers this library knows how to use. `cpuacct` and `net_cls` exist on v1 only (v2 folds the first into
 * `cpu`, and tells packets apart by the cgroup's path). `io` is called `blkio` on v1. `pressure` is no controller of the
 * kernel's but the pressure files (PSI) of every v2 cgroup, also of one beside controllers on v1.
 */
export type ControllerName =
  | 'cpu' | 'cpuacct' | 'cpuset' | 'memory' | 'io' | 'pids' | 'devices' | 'hugetlb' | 'net_cls' | 'freezer' | 'pressure';

/** The namespaces this library can make. */
export type NamespaceName = 'pid' | 'mount' | 'uts' | 'ipc' | 'cgroup' | 'user' | 'net' | 'time';

/** Where one controller lives on this machine. */
export interface ControllerLocation {
  /** Which interface it has. `devices` on v2 has no files: it is an eBPF program. */
  readonly version: 1 | 2;
  /** The directory under which this caller may create cgroups for it (a mount point, or a delegated cgroup). */
  readonly directory: string;
}

/** How the cgroup file systems are mounted and what this caller may do with them. */
export interface CgroupLayout {
  /** `hybrid`: controllers on v1 and a v2 hierarchy beside them; `unified`: v2 only; `none`: nothing mounted. */
  readonly kind: 'none' | 'v1' | 'hybrid' | 'unified';
  /** Controllers in which this caller can create cgroups. A controller that is missing here is not usable. */
  readonly controllers: Readonly<Partial<Record<ControllerName, ControllerLocation>>>;
  /** Mounted or compiled-in controllers this caller cannot use, with the reason. */
  readonly unusable: Readonly<Partial<Record<ControllerName, string>>>;
  /** The v2 hierarchy's directory for this caller (also on hybrid machines), where writable. */
  readonly unified?: string;
}

/** One thing this machine or this user cannot do, for people. */
export interface MissingFeature {
  /** What is not available: `memory limits`, `pid namespaces`, … */
  readonly feature: string;
  /** Why not. */
  readonly reason: string;
  /** What would turn it on. */
  readonly remedy: string;
}

/**
 * The strongest way of running a task that works here:
 * `namespaces` (root), `user-namespaces` (no root, but the kernel lets users make namespaces), `plain` (processes only).
 */
export type IsolationMode = 'namespaces' | 'user-namespaces' | 'plain';

/** What {@link probe} found. All of it was tried, nothing is derived from version numbers. */
export interface ProbeResult {
  readonly mode: IsolationMode;
  readonly uid: number;
  readonly root: boolean;
  /** `uname -r`. */
  readonly kernel: string;
  readonly cgroups: CgroupLayout;
  /** Whether this caller can make each namespace (without root: together with a user namespace). */
  readonly namespaces: Readonly<Record<NamespaceName, boolean>>;
  /** Whether a user without privileges could make user namespaces here and mount inside them. */
  readonly unprivilegedUserNamespaces: boolean;
  /** Whether this caller can mount overlayfs. */
  readonly overlay: boolean;
  /** Whether hard resource limits above the caller's own can be set (CAP_SYS_RESOURCE). */
  readonly raiseLimits: boolean;
  /** Whether files of the root file system can be shown with the owners of a user namespace (`RootSpec.shifted`). */
  readonly idmappedMounts: boolean;
  /** What is missing compared with full isolation; empty on a fully capable machine. */
  readonly missing: readonly MissingFeature[];
}
