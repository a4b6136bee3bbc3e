import type { Cgroup } from './cgroups.js';

/** Who the task runs as, in numbers: names are the caller's business. */
export interface UserSpec {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; default none. */
  readonly groups?: readonly number[];
}

/** One line of a uid_map or gid_map. */
export interface IdMapping {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/**
 * A user namespace for the container. A caller without privileges may map exactly its own uid and gid, one each
 * (see `ownUserNamespace()`); root may map what it likes.
 */
export interface UserNamespaceSpec {
  readonly uidMap: readonly IdMapping[];
  readonly gidMap: readonly IdMapping[];
}

/** Which namespaces are the container's own. What is left out is shared with the caller. */
export interface NamespaceSpec {
  readonly pid?: boolean;
  readonly mount?: boolean;
  readonly uts?: boolean;
  readonly ipc?: boolean;
  readonly cgroup?: boolean;
  readonly user?: UserNamespaceSpec;
  /**
   * True: one of its own, in which only the loopback is up. A path: a prepared one, as `makeNetworkNamespace` makes, or
   * `/proc/PID/ns/net`; to enter one takes root.
   */
  readonly network?: boolean | { readonly path: string };
  /** Clocks that start at boot, shifted by so many seconds. */
  readonly time?: { readonly offsetSeconds: number };
}

/** What the task sees as `/`. */
export interface RootSpec {
  /** `/` shares the caller's root file system (with all its mounts); else the absolute path of a directory. */
  readonly path: string;
  /** Default false: everything that is not explicitly mounted writable is read-only. */
  readonly writable?: boolean;
  /** Layers that are the root instead of what is at `path`: then `path` is only where they are attached, any directory. */
  readonly overlay?: OverlaySpec;
  /**
   * Owners appear as the user namespace maps them (an idmapped mount): files of 0 outside are root's inside. Default
   * false. Needs `namespaces.user`, a caller that is root, and a kernel and file system that can (see `ProbeResult.idmappedMounts`).
   * Mounts below the root are left out.
   */
  readonly shifted?: boolean;
}

/**
 * Directories laid over each other by overlayfs (marks in `user.overlay.*`). All are relative to `directory` and hold neither
 * `:` nor `,`; together they must fit into 4 KiB, the most that one mount call takes.
 */
export interface OverlaySpec {
  /** Absolute, outside. */
  readonly directory: string;
  /** Read-only, the uppermost first; without `upper` at least two, or one twice. */
  readonly lower: readonly string[];
  /** Takes what is written, with an empty directory of the same file system for the kernel's own use. */
  readonly upper?: string;
  readonly work?: string;
}

/** A file or directory of the host shown inside. Set-user-id programs and device nodes on it do not work. */
export interface BindMount {
  readonly type: 'bind';
  /** Absolute path outside. */
  readonly source: string;
  /** Absolute path inside; default: `source`. Made where missing if that place is writable for the launcher (own tmpfs, own root directory). */
  readonly target?: string;
  /** Default false. */
  readonly writable?: boolean;
  /** Whether mounts below `source` are shown too. Default false. */
  readonly recursive?: boolean;
  /** Whether mounts made below it later show inside (`slave`) or on both sides (`shared`). Default `private`. */
  readonly propagation?: 'private' | 'slave' | 'shared';
  /** As `RootSpec.shifted`; without the mounts below. */
  readonly shifted?: boolean;
}

/** An empty file system in memory; what is written there counts as the container's memory. */
export interface TmpfsMount {
  readonly type: 'tmpfs';
  readonly target: string;
  /** Default: 64 MiB. */
  readonly sizeBytes?: number;
  /** Permission bits of its root; default 0o755, for a /tmp use 0o1777. */
  readonly mode?: number;
  /** Whether programs may be run from it. Default true. */
  readonly executable?: boolean;
}

/** The container's own /proc. Needs an own pid namespace. */
export interface ProcMount {
  readonly type: 'proc';
  /** Default `/proc`. */
  readonly target?: string;
}

/** A private /dev with exactly null zero full random urandom tty pts ptmx shm fd stdin stdout stderr. */
export interface DevMount {
  readonly type: 'dev';
  /** Default `/dev`. */
  readonly target?: string;
  /** Size of /dev/shm; default 64 MiB. */
  readonly shmSizeBytes?: number;
}

/** One device node of the host, usable as far as the cgroup's device list and the node's own permissions let it be. */
export interface DeviceMount {
  readonly type: 'device';
  /** Absolute path outside. */
  readonly source: string;
  /** Absolute path inside; default: `source`. Made where missing, after a `dev` mount in the new /dev. */
  readonly target?: string;
}

/** Layers shown read-only. */
export interface OverlayMount {
  readonly type: 'overlay';
  readonly target: string;
  readonly overlay: Omit<OverlaySpec, 'upper' | 'work'>;
}

/** A read-only file that is only in memory, and reaches the launcher without touching a disk. */
export interface FileMount {
  readonly type: 'file';
  readonly target: string;
  readonly content: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits; default 0o400. */
  readonly mode?: number;
}

/** A read-only /sys, with the container's network in it. */
export interface SysMount {
  readonly type: 'sys';
  /** Default `/sys`. */
  readonly target?: string;
}

/** Applied in the order given, after hidden paths; all bind sources are taken from the host before anything is mounted or hidden. */
export type MountSpec = BindMount | TmpfsMount | ProcMount | DevMount | DeviceMount | OverlayMount | FileMount | SysMount;

/** Where the task's output goes. Both streams get their own files: `stdout`, `stdout.1`, … and `stderr`, … */
export interface LogSpec {
  /** An existing directory; files appear there owned by the task's user. */
  readonly directory: string;
  /** Size at which a file is rotated; default 10 MiB. At least 1 KiB. */
  readonly maxFileBytes?: number;
  /** Files kept per stream, the one being written included; default 2. */
  readonly maxFiles?: number;
}

/** Soft and hard limit of one resource; `null` is unlimited. */
export interface ResourceLimit {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** setrlimit(2) names in lower case. */
export type ResourceLimitName =
  | 'as' | 'core' | 'cpu' | 'data' | 'fsize' | 'locks' | 'memlock' | 'msgqueue' | 'nice' | 'nofile' | 'nproc'
  | 'rss' | 'rtprio' | 'rttime' | 'sigpending' | 'stack';

/** Linux capability names without `CAP_`, e.g. `NET_BIND_SERVICE`. */
export type CapabilityName = string;

/** Everything about one container. Checked before anything is made; a bad field is an `INVALID_SPEC` error that names it. */
export interface LaunchSpec {
  /** For messages and `ps`: letters, digits, `.`, `_`, `-`; at most 128. */
  readonly id: string;
  /** An existing directory of the caller's, one per container; the monitor keeps `state` and `exit` in it. The caller removes it. */
  readonly runtimeDir: string;
  /** Program and arguments. A name without `/` is looked up in the PATH of `env`. */
  readonly argv: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute, inside; default `/`. */
  readonly cwd?: string;
  /** Default: the caller's own uid and gid, no supplementary groups. */
  readonly user?: UserSpec;
  /** Default none: a plain process in its own session, ended by killing all its descendants. */
  readonly namespaces?: NamespaceSpec;
  /** Needs `namespaces.uts`. */
  readonly hostname?: string;
  /** Needs `namespaces.mount`, as do all mounts and paths below. Default with a mount namespace: `{ path: '/' }`. */
  readonly root?: RootSpec;
  readonly mounts?: readonly MountSpec[];
  /** Host paths that must not be seen inside: a directory becomes empty and read-only, anything else /dev/null. Missing ones are skipped. */
  readonly hiddenPaths?: readonly string[];
  /** Like hidden paths, applied last; default `defaultMaskedPaths` with a proc mount, else none. */
  readonly maskedPaths?: readonly string[];
  /** Paths made read-only, applied last; default `defaultReadonlyPaths` with a proc mount, else none. */
  readonly readonlyPaths?: readonly string[];
  /** Default: `defaultCapabilities` for uid 0 when the caller is root (or has a user namespace), none for others. */
  readonly capabilities?: readonly CapabilityName[];
  /** Default true: set-user-id programs gain nothing. */
  readonly noNewPrivileges?: boolean;
  /** A BPF program of `defaultSeccomp()` or `compileSeccomp()` that judges every system call of the task. Default: none. */
  readonly seccomp?: Uint8Array;
  readonly limits?: Readonly<Partial<Record<ResourceLimitName, ResourceLimit>>>;
  /** Default 0o022. */
  readonly umask?: number;
  /** -1000 to 1000; default: the caller's. Lowering needs CAP_SYS_RESOURCE. */
  readonly oomScoreAdj?: number;
  /** Default: output is discarded. */
  readonly logs?: LogSpec;
  /** The task is inside from its first instruction on. The monitor and the init stay outside. */
  readonly cgroup?: Cgroup;
  /** A cgroup for the monitor and the init, so that stopping the caller's service does not stop them. Default: the caller's. */
  readonly monitorCgroup?: Cgroup;
  /** Default false. With true the task is process 1 of its pid namespace and must reap its orphans itself. */
  readonly ownInit?: boolean;
  /** A terminal of the container's own /dev in place of pipes: the task leads its session, and all output is `stdout`. */
  readonly terminal?: Partial<TerminalSize>;
  /** Keep standard input open for those who attach; default false: it is /dev/null. Without `attach` nobody could ever write. */
  readonly stdin?: boolean;
  /** Default false. With true `attach()` reaches the task's streams, also from a later process. */
  readonly attach?: boolean;
}

/** Of a terminal, in characters. Default 80 × 24. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Options of one `launch` call. */
export interface LaunchOptions {
  /** How long namespaces, mounts and exec may take before the attempt is undone; default 30 000. */
  readonly timeoutMs?: number;
}
