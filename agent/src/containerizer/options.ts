import type { Clock } from '@proffer/sdk/transport';
import type { IsolationMode, MissingFeature } from '@proffer/isolator-native';
import type { FetcherOptions } from '../fetcher/types.js';
import type { IsolatorName } from '../isolators/types.js';
import type { NetworkOptions } from '../network/index.js';
import type { UserPool } from '../isolators/user-ranges.js';
import type { Containerizer, ContainerizerHandlers } from './types.js';

/** What the operator decides about containers on this agent. */
export interface ContainerizerOptions {
  /**
   * Names this agent's part of the cgroup trees, `proffer/<name>`: unique among the agents of one machine, and the same after a
   * restart. Letters, digits, `.`, `_`, `-`; what is under that name is destroyed when recover does not name it.
   */
  readonly agentName: string;
  /** The agent's directory, absolute: sandboxes and stores are below it. No task sees it. */
  readonly workDir: string;
  /** Holds one runtime directory per container, private to the agent; default `<workDir>/run`. */
  readonly runDir?: string;
  /** Further host paths no task may see: other parts' directories, key files. Runtime sockets are hidden anyway. */
  readonly hiddenPaths?: readonly string[];
  /** Which isolators are on; default all. What the machine cannot do is left out and told in `missing`. */
  readonly isolation?: readonly IsolatorName[];
  /** Runs tasks that name no user; default `nobody`. An agent that is not root runs everything as itself. */
  readonly defaultUser?: string;
  /** Whether a task may run as root (uid or a gid 0) on the host's root file system. Default false: refused. */
  readonly allowRoot?: boolean;
  /** Capabilities that tasks may add beyond the usual ones of a container's root; default none. */
  readonly allowedCapabilities?: readonly string[];
  /** Whether a task may ask for `noNewPrivileges: false`. Default false. */
  readonly allowNewPrivileges?: boolean;
  /** Whether a task may ask for `seccomp: 'unconfined'`. Default false. */
  readonly allowUnconfined?: boolean;
  /** Whether a task may share the agent's processes and IPC objects. Default false. */
  readonly allowSharedNamespaces?: boolean;
  /**
   * Host user ids for containers with ids of their own: from `first` on `size` of them, `each` per container (default
   * 65,536). Default: what /etc/subuid gives to root, else 0x10000000 and up.
   */
  readonly userNamespaces?: Partial<UserPool>;
  /** Whether tasks see the host's root file system writable. Default false. */
  readonly writableRoot?: boolean;
  /** Whether the CPU request (or limit) is a hard quota and not only a weight. Default true. */
  readonly hardCpuQuota?: boolean;
  /**
   * Devices that tasks may ask for: `tun`, `fuse`, `kvm`, `dri`, or paths of nodes and directories below /dev. Default none.
   * A task's user also needs the permissions that the node has.
   */
  readonly devices?: readonly string[];
  /** The nodes of this machine's GPUs, one each: they are the agent's `gpus`, and are given whole. Default none. */
  readonly gpus?: readonly string[];
  /** Control nodes that go with any of the GPUs (`/dev/nvidiactl`). */
  readonly gpuControl?: readonly string[];
  /** How often a sandbox is measured; default 15. */
  readonly diskCheckSeconds?: number;
  /** PATH of tasks that do not set their own; default the usual system directories. */
  readonly path?: string;
  readonly network?: NetworkOptions;
  readonly fetcher?: FetcherOptions;
  readonly handlers: ContainerizerHandlers;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Told, as one sentence, what an operator should know and no task is to blame for. Default: dropped. */
  readonly onWarning?: (message: string) => void;
}

/** The containerizer of this machine. */
export interface MachineContainerizer extends Containerizer {
  /** The strongest isolation that works here. */
  readonly mode: IsolationMode;
  /** What tasks go without, and what would turn it on: for the start banner. */
  readonly missing: readonly MissingFeature[];
}
