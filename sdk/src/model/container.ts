import type { Pairs } from './labels.js';

/**
 * How a task is contained. Without it the task runs in a container of its own on the agent's root file system and in the
 * agent's network. What a machine cannot do is refused with a status that says what is missing, never left out silently.
 */
export interface ContainerInfo {
  readonly hostname?: string;
  /** The most processes and threads; the agent's default when absent. */
  readonly pidsLimit?: number;
  /** A root file system of its own, from an image. */
  readonly image?: ImageInfo;
  /** Networks to join, in order: the first gives the default route. Absent: the agent's own network. */
  readonly networks?: readonly NetworkInfo[];
  /** Ports of the agent that lead into the container; only with `networks`. */
  readonly portMappings?: readonly PortMapping[];
  readonly volumes?: readonly Volume[];
  readonly linux?: LinuxInfo;
  /** Give the task a terminal instead of pipes. */
  readonly terminal?: { readonly columns?: number; readonly rows?: number };
  /** Keep standard input open so that somebody can attach to it; else it is /dev/null. */
  readonly stdin?: boolean;
  /** Restart the task's process in place when it ends; each restart is a counted TASK_RUNNING update. */
  readonly restart?: RestartPolicy;
}

/** An image by name; the agent pulls it unless it has it. */
export interface ImageInfo {
  /** As Docker writes it: `busybox`, `registry.example.com:5000/team/app:1.2`, `app@sha256:...`. */
  readonly name: string;
  /** Ask the registry even if the agent has an image of this name. */
  readonly forcePull?: boolean;
  /** Who pulls: a user and password, or a token. */
  readonly credential?: { readonly username: string; readonly password: string };
  /** Keep the writable layer under this name: mounted again by a later task on the agent, until it is removed. */
  readonly keepLayerAs?: string;
}

/** One network: `host` shares the agent's, `none` has only a loopback, anything else is the name of a CNI network. */
export interface NetworkInfo {
  readonly name: string;
  readonly labels?: Pairs;
  /** A fixed address, where the network's plugin takes one. */
  readonly ipAddress?: string;
  /** Further names by which containers of this network find this one. */
  readonly aliases?: readonly string[];
}

export interface PortMapping {
  /** A port of the task's resources. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: 'tcp' | 'udp';
  /** Address of the agent to listen on; all when absent. */
  readonly hostIp?: string;
}

/** Something mounted into the container at `containerPath`. Exactly one of the sources is given. */
export interface Volume {
  readonly containerPath: string;
  readonly readOnly?: boolean;
  /** A directory or file of the agent, below one that its operator declared. */
  readonly hostPath?: string;
  /** A directory of the task's sandbox, made where it is missing. */
  readonly sandboxPath?: string;
  readonly tmpfs?: { readonly sizeMib?: number; readonly mode?: number };
  /** An image's root, read-only. */
  readonly image?: string;
  /** A file with this content, readable by the task only. */
  readonly secret?: { readonly value: Uint8Array };
  readonly propagation?: 'private' | 'slave' | 'shared';
}

/** What the Linux isolators offer beyond the requests and limits in `resources`. */
export interface LinuxInfo {
  /** Capabilities by name without `CAP_`, `ALL` for all that the agent allows. */
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  /** `default`, `unconfined`, or a profile in Docker's JSON format. */
  readonly seccomp?: string;
  /** False lets set-user-id programs gain rights; only where the operator allows it. */
  readonly noNewPrivileges?: boolean;
  readonly rlimits?: readonly { readonly name: string; readonly soft: number | 'unlimited'; readonly hard: number | 'unlimited' }[];
  readonly readOnlyRoot?: boolean;
  /** A range of host user ids of its own. Absent: on for containers with an image, where the machine can. */
  readonly userNamespace?: boolean;
  /** A clock of its own: seconds added to the monotonic and boot-time clocks. */
  readonly timeOffsetSeconds?: number;
  /** Which processor cores it may use: `[0,1]`, or `exclusive` for as many as `cpus` (a whole number), for it alone. */
  readonly cpuset?: readonly number[] | 'exclusive';
  /** Microseconds a second of real-time processor time; microseconds by which the quota may be exceeded for a moment. */
  readonly cpuRealtimeUs?: number;
  readonly cpuBurstUs?: number;
  /** MiB below which memory is reclaimed last. */
  readonly memorySoftLimitMib?: number;
  readonly io?: IoInfo;
  /** Huge pages by size: `{ size: '2MB', limitMib: 64 }`. */
  readonly hugepages?: readonly { readonly size: string; readonly limitMib: number }[];
  /** Device files beyond the harmless ones: `/dev/fuse`, `/dev/net/tun`, `/dev/kvm`, below `/dev/dri`; of those the operator allows. */
  readonly devices?: readonly { readonly path: string; readonly access?: string }[];
  /** End the task when its sandbox grows past its `disk`. */
  readonly enforceDisk?: boolean;
  /** Class and priority of its packets, where the kernel has the controllers. */
  readonly netClassId?: number;
  /** MiB of /dev/shm. */
  readonly shmMib?: number;
  /** `launcher` reaps and forwards signals (default); `system` boots the image's own init as process 1. */
  readonly init?: 'launcher' | 'system';
  /** Share the agent's process or IPC namespace; only where the operator allows it. */
  readonly sharePid?: boolean;
  readonly shareIpc?: boolean;
}

/** Bytes and operations a second, by device (`/dev/vda`, or `*` for all disks), and the weight beside others (10 to 1000). */
export interface IoInfo {
  readonly weight?: number;
  readonly throttles?: readonly {
    readonly device: string;
    readonly readBytes?: number;
    readonly writeBytes?: number;
    readonly readOperations?: number;
    readonly writeOperations?: number;
  }[];
}

export interface RestartPolicy {
  readonly on: 'failure' | 'always';
  /** No bound when absent. */
  readonly retriesMax?: number;
  readonly delaySeconds?: number;
}
