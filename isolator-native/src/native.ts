import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IsolatorError } from './types/errors.js';

/** A descriptor watched on the event loop; the watch owns it. It does not keep the loop alive until `ref()`. */
export interface Watch {
  ref(): void;
  unref(): void;
  /** Ends the watch and closes the descriptor. */
  close(): void;
}

/** What the addon offers for starting and watching processes. Every function throws {@link IsolatorError}. */
export interface ProcessFunctions {
  /** `READABLE`, or `PRIORITY` for event files of cgroups. */
  readonly READABLE: number;
  readonly PRIORITY: number;
  setErrorClass(errorClass: typeof IsolatorError): void;
  /** The name and the kernel's words for a positive errno. */
  errnoName(error: number): { readonly code: string; readonly text: string };
  /** Calls back whenever `fd` is readable or its other end went. Takes `fd` over. */
  watch(fd: number, callback: () => void, events?: number): Watch;
  /**
   * Starts the launcher by one clone and exec. It finds the payload (a sealed memory file) at descriptor 3, the pipe
   * that is answered as `result` at 4, and `descriptors` from 5 on. All descriptors stay the caller's.
   */
  spawn(options: {
    readonly path: string;
    readonly name: string;
    readonly payload: Uint8Array;
    readonly descriptors: readonly number[];
  }): { readonly pid: number; readonly pidfd: number; readonly result: number };
  /** A pidfd of a running process; `ESRCH` if there is none. */
  openProcess(pid: number): number;
  /** False when the process has ended. With `value` the signal is queued, and keeps its order among such. */
  sendSignal(pidfd: number, signal: number, value?: number): boolean;
  /** How a child ended; undefined while it runs, if it was reaped before, or if it is not a child of this process. */
  reap(pidfd: number): { readonly code: number | null; readonly signal: number | null } | undefined;
  /** An unnamed file in memory. */
  memoryFile(name: string): number;
  /** Two connected stream sockets; both are the caller's. */
  socketPair(): readonly [number, number];
}

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const buildDirectory = join(packageRoot, process.env['PROFFER_ISOLATOR_BUILD'] ?? 'build');

/** The launcher program. */
export const launcherPath = join(buildDirectory, 'launcher');

let loaded: unknown;

/**
 * The addon, loaded at the first call. Each part of this library names the functions it uses: `native<CgroupFunctions>()`.
 * Throws `NOT_BUILT` where the native part is missing or does not fit this Node.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- each part of the addon is typed by who uses it
export function native<Functions extends object = ProcessFunctions>(): Functions {
  loaded ??= load();
  return loaded as Functions;
}

function load(): unknown {
  const file = join(buildDirectory, 'isolator.node');
  try {
    const addon = createRequire(import.meta.url)(file) as ProcessFunctions;
    addon.setErrorClass(IsolatorError);
    return addon;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new IsolatorError(
      `load addon ${file}: NOT_BUILT, ${reason}; run "npm run build" in the repository (needs a C++ compiler)`,
      { code: 'NOT_BUILT', errno: 0, step: 'load addon', path: file },
      { cause },
    );
  }
}
