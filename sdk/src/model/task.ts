import type { ContainerInfo } from './container.js';
import type { Pairs } from './labels.js';
import type { Resources } from './resources.js';

/** A task to launch: what it needs and what to run. Exactly one of `command` and `executor` is given. */
export interface TaskInfo {
  /** Unique among the framework's tasks; at most 255 bytes, no control characters, no `/` or `\`. */
  readonly taskId: string;
  readonly name: string;
  readonly agentId: string;
  /** What the task is guaranteed. */
  readonly resources: Resources;
  /** Up to where it may burst; each at least the request. Absent: the request is the limit. */
  readonly limits?: ResourceLimits;
  /** Run this; the agent itself watches it. */
  readonly command?: CommandInfo;
  /** Hand the task to this executor, which is started first if it is not running. */
  readonly executor?: ExecutorInfo;
  readonly container?: ContainerInfo;
  readonly healthCheck?: HealthCheck;
  readonly killPolicy?: KillPolicy;
  readonly labels?: Pairs;
  readonly discovery?: DiscoveryInfo;
  /** What becomes of it when its agent is out of reach: left alone, or stopped by the agent itself after so many seconds. */
  readonly onUnreachable?: OnUnreachable;
  /** For the executor; not read by anybody else. */
  readonly data?: Uint8Array;
}

/** Thousandths, as in {@link Resources}; `'unlimited'` takes the limit away. */
export interface ResourceLimits {
  readonly cpus?: number | 'unlimited';
  readonly mem?: number | 'unlimited';
}

/** A program to run. */
export interface CommandInfo {
  /** True: `value` is run by `/bin/sh -c`. False: `value` is the program and `arguments` is its argv, argv[0] included. */
  readonly shell: boolean;
  readonly value: string;
  readonly arguments?: readonly string[];
  readonly environment?: Pairs;
  /** Fetched into the sandbox before the start. */
  readonly uris?: readonly Uri[];
  /** Name or numeric id of the user to run as; an unprivileged one when absent. */
  readonly user?: string;
}

/** Something to fetch into the sandbox: `file:`, `http:` or `https:`. */
export interface Uri {
  readonly value: string;
  /** Unpack archives (tar, tar.gz, tgz, zip, gz); true when absent. */
  readonly extract?: boolean;
  readonly executable?: boolean;
  /** Keep a copy on the agent for the next task of the same user. */
  readonly cache?: boolean;
  /** Name inside the sandbox; the last segment of the URI when absent. May hold folders, never `..`. */
  readonly outputFile?: string;
}

/** A program that runs tasks of its own framework on an agent and speaks the executor API. */
export interface ExecutorInfo {
  /** Unique within the framework on one agent; two tasks with one executor id share the executor. */
  readonly executorId: string;
  readonly name?: string;
  readonly command: CommandInfo;
  /** Counted once while it runs, beside the resources of its tasks. */
  readonly resources: Resources;
  readonly data?: Uint8Array;
}

/** How to end a task: SIGTERM, then SIGKILL after the grace period (3 s when absent). */
export interface KillPolicy {
  readonly gracePeriodSeconds?: number;
}

/** `keep` lets the task run on; a number of seconds makes the agent stop it once it has been without a master so long. */
export type OnUnreachable = 'keep' | { readonly stopAfterSeconds: number };

/** Checks that the agent runs on a running task; the results travel as `healthy` in its status. */
export interface HealthCheck {
  readonly type: 'COMMAND' | 'HTTP' | 'TCP';
  /** COMMAND: run in the task's container; exit code 0 is healthy. */
  readonly command?: CommandInfo;
  /** HTTP: a GET that answers 200 to 399 is healthy. */
  readonly http?: { readonly scheme?: 'http' | 'https'; readonly port: number; readonly path?: string };
  /** TCP: a connection that opens is healthy. */
  readonly tcp?: { readonly port: number };
  /** Seconds before the first check (15), between checks (10) and for one check (20). */
  readonly delaySeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  /** Failures do not count for so long after the start, until the first success (10 s). */
  readonly gracePeriodSeconds?: number;
  /** Failures in a row after which the task is killed (3); 0 never kills. */
  readonly consecutiveFailures?: number;
}

/** A port on which others find the task. */
export interface DiscoveryPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly labels?: Pairs;
}

/** Where others find the task. */
export interface DiscoveryInfo {
  readonly name?: string;
  readonly ports?: readonly DiscoveryPort[];
}

/** Longest task or executor id, in bytes of UTF-8. */
export const ID_BYTES_MAX = 255;

/** Why this cannot be the id of a task or executor, or undefined if it can: ids become names of files. */
export function invalidId(id: string): string | undefined {
  if (id === '' || id === '.' || id === '..') return `must not be empty, "." or "..", got "${id}"`;
  // A character has at most 3 bytes per UTF-16 unit: short ids need no counting.
  if (id.length > ID_BYTES_MAX || (id.length * 3 > ID_BYTES_MAX && new TextEncoder().encode(id).length > ID_BYTES_MAX)) {
    return `must have at most ${ID_BYTES_MAX} bytes, got ${id.length} characters`;
  }
  // oxlint-disable-next-line no-control-regex -- control characters are just what is looked for
  if (/[\u0000-\u001f\u007f/\\]/.test(id)) return `must hold no control character, "/" or "\\", got ${JSON.stringify(id)}`;
  return undefined;
}
