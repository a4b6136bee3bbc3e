import process from 'node:process';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Aborts at the first signal that asks us to stop. More of them change nothing: at Ctrl-C npm passes on the signal that
 * the terminal has sent us already, and a stop in order is bounded anyway.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of SIGNALS) process.on(signal, () => controller.abort(signal));
  return controller.signal;
}

/** Resolves once the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // A timer keeps the process alive even while no part runs.
    const keep = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => {
      clearInterval(keep);
      resolve();
    });
  });
}
