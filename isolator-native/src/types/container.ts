import type { Cgroup } from './cgroups.js';

/** CPU time and memory of the task and all its reaped descendants, from wait4(2). */
export interface ExitUsage {
  readonly userUs: number;
  readonly systemUs: number;
  /** The largest resident size any one process reached. */
  readonly maxRssBytes: number;
}

/** The task ran and ended; exactly one of `code` and `signal` is a value. */
export interface Exited {
  readonly kind: 'exited';
  /** Exit code 0 to 255, or `null` when a signal ended it. */
  readonly code: number | null;
  /** Name such as `SIGKILL` (`SIG42` for one without a name), or `null`. */
  readonly signal: string | null;
  /** Whether a core was dumped. */
  readonly core: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly usage: ExitUsage;
}

/** Nobody knows how the task ended: the machine restarted, or the monitor was killed. Nothing of it runs any more, except where the reason says so. */
export interface Lost {
  readonly kind: 'lost';
  readonly reason: string;
}

/** How a container ended. Whether memory was the reason is in the cgroup: `cgroup.usage().memory.oomKills`. */
export type ExitStatus = Exited | Lost;

/** A launched or recovered container. */
export interface Container {
  readonly id: string;
  readonly runtimeDir: string;
  /** The monitor: the process that outlives the caller. 0 when the container had ended before it was recovered. */
  readonly pid: number;
  /** The container's process 1 (without a pid namespace: the task's supervisor), as seen by the caller. 0 when not known any more. */
  readonly initPid: number;
  /** Milliseconds since the epoch at which the monitor was started; 0 when not known. */
  readonly launchedAt: number;
  /** Settles once when all is over and the exit status is on disk; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** The same as a value: `undefined` while it runs. */
  readonly status: ExitStatus | undefined;
  /**
   * Sends a signal (`'SIGTERM'`, 15) to the task's process; `SIGKILL` ends the whole container.
   * False when the container has ended. Signals are delivered in order.
   */
  kill(signal: NodeJS.Signals | number): boolean;
  /**
   * Kills the whole container, waits for its end, and removes its cgroup if one was given. May be called again and
   * after the end. Leaves `runtimeDir` to its owner.
   */
  destroy(options?: { readonly timeoutMs?: number }): Promise<ExitStatus>;
  /** Whether this container keeps the event loop alive; at first it does not. */
  ref(): void;
  unref(): void;
  /** Stops watching and closes the descriptor; the container runs on and `exited` stays pending. For a caller that ends. */
  release(): void;
}

/** Options of `recover`. */
export interface RecoverOptions {
  /** The container's cgroup, for `destroy`. */
  readonly cgroup?: Cgroup;
}
