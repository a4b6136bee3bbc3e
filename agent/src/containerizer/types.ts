import type { IoDeviceUsage } from '@proffer/isolator-native';
import type { CommandInfo, ContainerInfo, Pairs, ResourceLimits, Resources } from '@proffer/sdk/model';

/** Everything the containerizer needs to make one container; checkpointed by the core before it is asked for. */
export interface ContainerSpec {
  /** Unique on this agent for ever; names the container's runtime directory and cgroups. */
  readonly containerId: string;
  readonly frameworkId: string;
  /** The task it runs, or the executor. */
  readonly taskId?: string;
  readonly executorId?: string;
  /**
   * Absolute path of the sandbox outside; the containerizer makes it. Inside a mount namespace it is /mnt/mesos/sandbox,
   * without one the same path: the containerizer sets MESOS_SANDBOX (over `environment`) to what holds.
   */
  readonly sandbox: string;
  readonly command: CommandInfo;
  /** Added to the command's own environment (which wins), e.g. MESOS_TASK_ID, PORT0. */
  readonly environment: Pairs;
  readonly resources: Resources;
  readonly limits?: ResourceLimits;
  readonly container?: ContainerInfo;
  /**
   * Unix socket of the agent that an executor must reach. The directory that holds it (nothing else is in there) is
   * mounted, not the socket: an agent that restarts makes the socket anew. The containerizer sets MESOS_DOMAIN_SOCKET
   * (over `environment`) to its path inside: /mnt/mesos/agent/<name>, or this same path without a mount namespace. The
   * task's user must be able to connect: mode 0666 on the socket; only containers with the mount reach it.
   */
  readonly executorSocket?: string;
}

/** How a container ended. */
export interface ContainerExit {
  readonly code?: number;
  readonly signal?: string;
  /** A limit that was hit and made the containerizer end it, e.g. memory: the figures are in the message. */
  readonly limitation?: { readonly reason: 'memory' | 'pids' | 'disk' | 'ports'; readonly message: string; readonly resources: Resources };
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
  /** Periods of 100 ms in which it ran under its quota, and those of them in which the quota ran out. */
  readonly cpuPeriods?: number;
  readonly cpuThrottledPeriods?: number;
  readonly cpuLimitCpus?: number;
  /** Pressure: the time in which something in it waited for a core; in percent of the last ten seconds. */
  readonly cpuPressureSeconds?: number;
  readonly cpuPressurePercent?: number;
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly memoryPeakBytes?: number;
  readonly memoryAnonBytes?: number;
  readonly memoryFileBytes?: number;
  readonly memoryActiveBytes?: number;
  readonly memoryInactiveBytes?: number;
  readonly memoryKernelBytes?: number;
  /** The time in which something in it waited for memory, and in which all of it did. */
  readonly memoryPressureSeconds?: number;
  readonly memoryPressurePercent?: number;
  readonly memoryStallSeconds?: number;
  readonly oomKills?: number;
  readonly pids?: number;
  readonly pidsLimit?: number;
  /** Per disk that it used; `device` is the kernel's name (`vda`). */
  readonly io?: readonly IoDeviceUsage[];
  readonly ioPressureSeconds?: number;
  readonly ioPressurePercent?: number;
  readonly ioStallSeconds?: number;
  /** What the sandbox takes, as it was when last measured. */
  readonly diskBytes?: number;
  readonly diskLimitBytes?: number;
  /** Of networks of its own, as the container sees them. */
  readonly interfaces?: readonly InterfaceUsage[];
}

/** Counted since the interface was made. */
export interface InterfaceUsage {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedDrops: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentDrops: number;
}

export interface ContainerizerHandlers {
  /** Fetching goes on: for TASK_STARTING messages. */
  onProgress(containerId: string, message: string): void;
  /** The task's process runs; in networks of its own it has these addresses. */
  onStarted(containerId: string, pid: number, ipAddresses?: readonly string[]): void;
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
   * spec exactly one of onStarted (it still runs; onExited follows later), onExited or onFailed follows: also for one
   * that ended and was not forgotten yet (its real exit) and for one whose launch never began (onFailed, step
   * `launch`). Resolves when every orphan is gone; after half a minute, with a warning, although one is not yet.
   */
  recover(specs: readonly ContainerSpec[]): Promise<void>;
  launch(spec: ContainerSpec): void;
  /** Sends a signal to the task's own process; nothing happens if it is over. */
  signal(containerId: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'): void;
  /** Ends everything in the container at once, also while it is still being fetched or prepared; onExited or onFailed follows. */
  destroy(containerId: string): void;
  /**
   * The end of this container (onExited, onFailed) is on the agent's own disk now: drop what was kept of it for recover.
   * The sandbox stays. Until this call an exit survives `kill -9` of the agent.
   */
  forget(containerId: string): void;
  /** New requests or limits for a running container. */
  update(containerId: string, resources: Resources, limits?: ResourceLimits): void;
  /** Undefined if there is no such running container. */
  usage(containerId: string): ContainerUsage | undefined;
  /** Addresses in networks of its own, none for one with only a loopback; undefined in the agent's network. */
  ipAddresses(containerId: string): readonly string[] | undefined;
  /** Runs a command in the container's namespaces and cgroups (health checks). The exit code, or a failure sentence. */
  exec(containerId: string, command: CommandInfo, timeoutMs: number): Promise<{ code: number } | { error: string }>;
  /** Stops watching; containers go on. */
  close(): Promise<void>;
}
