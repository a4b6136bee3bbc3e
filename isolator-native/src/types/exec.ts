import type { Attachment } from './attach.js';
import type { LaunchSpec } from './spec.js';

/** One more command in a running container, e.g. a health check. Fields shared with `LaunchSpec` mean and default to the same. */
export interface ExecSpec
  extends Pick<
    LaunchSpec,
    'argv' | 'env' | 'cwd' | 'user' | 'capabilities' | 'noNewPrivileges' | 'seccomp' | 'umask' | 'oomScoreAdj' | 'limits'
  > {
  /** Default: the container's own, as noted at its launch. */
  readonly cgroup?: LaunchSpec['cgroup'];
  /** Everything the command started is killed after that. Default: no limit. */
  readonly timeoutMs?: number;
  /** How much of each output stream to keep, at most 64 MiB; the rest is read and dropped. Default 0: none. */
  readonly captureBytes?: number;
}

/** How the command ended; exactly one of `code` and `signal` is a value. */
export interface ExecResult {
  readonly code: number | null;
  /** Name such as `SIGKILL`, or `null`. */
  readonly signal: string | null;
  /** The time-out ended it. */
  readonly timedOut: boolean;
  /** The first `captureBytes` of each stream, with `captureBytes` above 0. */
  readonly stdout?: Buffer;
  readonly stderr?: Buffer;
}

/** A command whose streams its caller holds. */
export interface ExecSessionSpec extends Omit<ExecSpec, 'captureBytes'>, Pick<LaunchSpec, 'terminal' | 'stdin'> {}

/** A command that runs in a container. */
export interface ExecSession {
  /** Its streams: everything from its first byte on. The command waits where its output is not taken. */
  readonly attachment: Attachment;
  /** How it ended, once its output was taken. Rejects where its launcher was killed. */
  readonly ended: Promise<ExecResult>;
  /** To its process; `SIGKILL` ends all it started. False when it has ended. */
  kill(signal: NodeJS.Signals | number): boolean;
}
