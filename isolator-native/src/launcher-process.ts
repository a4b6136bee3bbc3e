import { closeSync, readSync } from 'node:fs';
import { decodeMessage, MESSAGE_BYTES } from './message.js';
import type { LauncherMessage } from './message.js';
import { launcherPath, native } from './native.js';
import type { Watch } from './native.js';

/** What happens to a launcher that was just started. */
export interface LauncherEvents {
  onMessage(message: LauncherMessage): void;
  /** It closed its end of the result pipe: no message follows. */
  onSilence(): void;
}

/** A launcher process: its pidfd belongs to whoever watches it, its result pipe to this. */
export interface LauncherProcess {
  readonly pid: number;
  readonly pidfd: number;
  /** Stops listening. A launcher whose task does not run yet undoes everything then, and ends. */
  hangUp(): void;
}

/**
 * Starts a launcher with an encoded spec. Keeps the event loop alive until `hangUp` or silence.
 * `id` is what `ps` shows of it.
 */
export function startLauncher(
  id: string,
  payload: Uint8Array,
  descriptors: readonly number[],
  events: LauncherEvents,
): LauncherProcess {
  const addon = native();
  const { pid, pidfd, result } = addon.spawn({ path: launcherPath, name: `proffer-launcher: ${id}`, payload, descriptors });
  let watch: Watch | undefined;
  const hangUp = (): void => {
    watch?.close();
    watch = undefined;
  };
  const read = (): void => {
    const bytes = readMessage(result);
    if (bytes === 'later') return;
    const message = bytes === undefined ? undefined : decodeMessage(bytes);
    if (message !== undefined) {
      events.onMessage(message);
      return;
    }
    hangUp();
    events.onSilence();
  };
  try {
    watch = addon.watch(result, read);
    watch.ref();
  } catch (error) {
    closeSync(pidfd);
    throw error;
  }
  return { pid, pidfd, hangUp };
}

/** One message; undefined at the end of the pipe. The watch calls again while there is more. */
function readMessage(descriptor: number): Buffer | 'later' | undefined {
  const buffer = Buffer.allocUnsafe(MESSAGE_BYTES);
  try {
    const size = readSync(descriptor, buffer);
    return size === 0 ? undefined : buffer.subarray(0, size);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 'later';
    throw error;
  }
}
