import { closeSync } from 'node:fs';
import { native } from './native.js';
import { startTimeOf } from './runtime-files.js';
import type { ProcessIdentity } from './runtime-files.js';

/** A pidfd of exactly this process, undefined if it has ended. Never one of a later process with the same number. */
export function openExactly({ pid, startTime }: ProcessIdentity): number | undefined {
  let pidfd;
  try {
    pidfd = native().openProcess(pid);
  } catch {
    return undefined;
  }
  // With the descriptor held the number cannot come to mean another process after this look.
  if (startTimeOf(pid) === startTime) return pidfd;
  closeSync(pidfd);
  return undefined;
}

/**
 * Waits until a process has ended, and reaps it if it is a child; false after `timeoutMs`. Takes the pidfd over and keeps
 * the event loop alive meanwhile.
 */
export function awaitEnd(pidfd: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (ended: boolean): void => {
      clearTimeout(timer);
      if (ended) native().reap(pidfd);
      watch.close();
      resolve(ended);
    };
    const watch = native().watch(pidfd, () => settle(true));
    const timer = setTimeout(settle, timeoutMs, false);
    watch.ref();
  });
}
