import type { Clock } from '@proffer/sdk/transport';
import type { IsolationMode, MissingFeature } from '@proffer/isolator-native';
import type { FetcherOptions } from '../fetcher/types.js';
import type { IsolatorName } from '../isolators/types.js';
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
  /** Whether tasks see the host's root file system writable. Default false. */
  readonly writableRoot?: boolean;
  /** Whether the CPU request (or limit) is a hard quota and not only a weight. Default true. */
  readonly hardCpuQuota?: boolean;
  /** PATH of tasks that do not set their own; default the usual system directories. */
  readonly path?: string;
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
