import type { CommandInfo, ContainerInfo, Pairs, ResourceLimits, Resources } from '@proffer/sdk/model';

/** Everything the containerizer needs to make one container; checkpointed by the core before it is asked for. */
export interface ContainerSpec {
  /** Unique on this agent for ever; names the container's runtime directory and cgroups. */
  readonly containerId: string;
  readonly frameworkId: string;
  /** The task it runs, or the executor. */
  readonly taskId?: string;
  readonly executorId?: string;
  /** Absolute path of the sandbox; the containerizer makes it. */
  readonly sandbox: string;
  readonly command: CommandInfo;
  /** Added to the command's own environment (which wins), e.g. MESOS_SANDBOX, MESOS_TASK_ID. */
  readonly environment: Pairs;
  readonly resources: Resources;
  readonly limits?: ResourceLimits;
  readonly container?: ContainerInfo;
  /** Unix socket of the agent to mount into the container, for executors. */
  readonly executorSocket?: string;
}

/** How a container ended. */
export interface ContainerExit {
  readonly code?: number;
  readonly signal?: string;
  /** A limit that was hit and made the containerizer end it, e.g. memory: the figures are in the message. */
  readonly limitation?: { readonly reason: 'memory' | 'pids' | 'disk'; readonly message: string; readonly resources: Resources };
  /** Set when nobody knows how it ended (the machine rebooted, the exit file is gone). */
  readonly lost?: string;
}

/** Why a container could not be started. Nothing of it is left. */
export interface ContainerFailure {
  readonly step: 'fetch' | 'prepare' | 'isolate' | 'launch';
  readonly message: string;
}

/** One moment's figures of one container, from the kernel's own accounting; absent where no isolator gives them. */
export interface ContainerUsage {
  readonly timestampMs: number;
  readonly cpuUserSeconds?: number;
  readonly cpuSystemSeconds?: number;
  readonly cpuThrottledSeconds?: number;
  readonly cpuLimitCpus?: number;
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly memoryPeakBytes?: number;
  readonly memoryAnonBytes?: number;
  readonly memoryFileBytes?: number;
  readonly oomKills?: number;
  readonly pids?: number;
  readonly pidsLimit?: number;
}

export interface ContainerizerHandlers {
  /** Fetching goes on: for TASK_STARTING messages. */
  onProgress(containerId: string, message: string): void;
  /** The task's process runs. */
  onStarted(containerId: string, pid: number): void;
  /** It could not be started. The last word on this container. */
  onFailed(containerId: string, failure: ContainerFailure): void;
  /** It ended and everything of it but the sandbox is gone. The last word on this container. */
  onExited(containerId: string, exit: ContainerExit): void;
}

/**
 * Containers' lives: fetch, prepare, isolate, launch, watch, destroy, recover. No call throws or waits; everything that
 * happens comes through the handlers, in order per container.
 */
export interface Containerizer {
  /**
   * Takes over the containers of an earlier agent process and destroys what it finds and is not named here. For each
   * spec exactly one of onStarted (it still runs), onExited or onFailed follows. Resolves when every orphan is gone.
   */
  recover(specs: readonly ContainerSpec[]): Promise<void>;
  launch(spec: ContainerSpec): void;
  /** Sends a signal to the task's own process; nothing happens if it is over. */
  signal(containerId: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'): void;
  /** Ends everything in the container at once, also while it is still being fetched or prepared; onExited or onFailed follows. */
  destroy(containerId: string): void;
  /** New requests or limits for a running container. */
  update(containerId: string, resources: Resources, limits?: ResourceLimits): void;
  /** Undefined if there is no such running container. */
  usage(containerId: string): ContainerUsage | undefined;
  /** Runs a command in the container's namespaces and cgroups (health checks). The exit code, or a failure sentence. */
  exec(containerId: string, command: CommandInfo, timeoutMs: number): Promise<{ code: number } | { error: string }>;
  /** Stops watching; containers go on. */
  close(): Promise<void>;
}
