import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks: what is waited for takes tens of milliseconds. */
const INTERVAL_MS = 50;

/**
 * Looks again and again until `look` gives something other than undefined, and returns that; undefined when the time is
 * over or the signal says stop.
 */
export async function waitUntil<T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() >= deadline || signal?.aborted === true) return found;
    await sleep(INTERVAL_MS);
  }
}
