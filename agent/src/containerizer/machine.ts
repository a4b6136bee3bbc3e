import type { CgroupTree } from '@proffer/isolator-native';
import type { Clock } from '@proffer/sdk/transport';
import type { Fetcher } from '../fetcher/types.js';
import type { Isolator } from '../isolators/index.js';
import type { NativeLayer } from './native.js';
import type { RuntimeDirectories, Verdict } from './runtime-directory.js';
import type { ContainerizerHandlers } from './types.js';

/** What all containers of one agent share. */
export interface Machine {
  readonly native: NativeLayer;
  /** Absent where no cgroup controller is usable. */
  readonly tree?: CgroupTree;
  readonly isolators: readonly Isolator[];
  readonly fetcher: Fetcher;
  readonly directories: RuntimeDirectories;
  readonly clock: Clock;
  /** The agent is root: it can give files and processes to others. */
  readonly root: boolean;
  /** PATH of tasks that do not set their own. */
  readonly path: string;
  readonly handlers: Pick<ContainerizerHandlers, 'onProgress' | 'onStarted'>;
  warn(message: string): void;
  /** The last word on a container, once nothing of it is left. */
  ended(containerId: string, verdict: Verdict): void;
  /** Tries until it works, or, once at least, until the agent ends; warns once. */
  untilDone(what: string, action: () => Promise<void>): Promise<void>;
}

/** What cannot be removed yet (a process in an uninterruptible wait) is tried again after this long. */
const RETRY_MS = 5000;

/** For {@link Machine.untilDone}. */
export async function untilDone(
  action: () => Promise<void>,
  clock: Clock,
  onFailure: (error: unknown) => void,
  isClosed: () => boolean,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === 1) onFailure(error);
    }
    if (isClosed()) return;
    await new Promise<void>((resolve) => {
      clock.after(RETRY_MS, resolve);
    });
  }
}
