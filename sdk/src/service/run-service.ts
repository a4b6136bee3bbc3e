import process from 'node:process';
import type { Logger } from './logger.js';

/** A service that runs until it is closed. */
export interface RunningService {
  close(): Promise<void>;
}

/** How long a service may take to stop before it is ended as it is: what it had acknowledged is on disk anyway. */
export const STOP_DEADLINE_MS = 10_000;

export interface RunServiceOptions {
  readonly log: Logger;
  readonly stopDeadlineMs?: number;
}

/**
 * Runs a service as this process: starts it, stops it at SIGTERM or SIGINT within a deadline, and ends the process with
 * 0. A failed start, an error that nobody caught, or a stop past the deadline is logged and ends it with 1.
 */
export async function runService(start: () => Promise<RunningService>, options: RunServiceOptions): Promise<void> {
  const { log, stopDeadlineMs = STOP_DEADLINE_MS } = options;
  let running: RunningService | undefined;
  let stopping = false;

  const die = (error: unknown, what: string): never => {
    log.fatal({ err: error }, what);
    log.flush();
    process.exit(1);
  };
  const stop = async (signal: string): Promise<void> => {
    // A second signal means that the operator does not want to wait.
    if (stopping) return die(new Error(`second signal ${signal}`), 'ended while stopping');
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => die(new Error(`not stopped after ${stopDeadlineMs} ms`), 'stop deadline passed'), stopDeadlineMs).unref();
    try {
      await running?.close();
    } catch (error) {
      return die(error, 'stop failed');
    }
    log.info('stopped');
    log.flush();
    process.exit(0);
  };

  process.on('uncaughtException', (error) => die(error, 'uncaught error'));
  process.on('unhandledRejection', (error) => die(error, 'unhandled rejection'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  try {
    running = await start();
  } catch (error) {
    die(error, 'start failed');
  }
}
