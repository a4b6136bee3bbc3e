import { hostname } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { MasterLink } from '@proffer/sdk';
import { DEFAULT_FAILOVER_TIMEOUT_SECONDS, DEFAULT_ROLE } from '@proffer/sdk/model';
import { systemClock, type Clock } from '@proffer/sdk/transport';
import { checkBind, Metrics, openStore, type Logger, type Store } from '@proffer/sdk/service';
import { Marathon } from './core/index.js';
import { createApi } from './http/api.js';
import { addMetrics } from './metrics.js';
import { Runner } from './runner.js';
import { Subscription } from './subscription.js';

export interface MarathonOptions {
  /** The master's ZeroMQ endpoint, `tcp://127.0.0.1:5060`, or any other link. */
  readonly master: MasterLink;
  /** Where the API listens; port 0 takes any free one. */
  readonly http: { readonly host: string; readonly port: number };
  /** Apps and instances are kept in `<workDir>/store`. */
  readonly workDir: string;
  readonly log: Logger;
  readonly version: string;
  /** `marathon` when absent. */
  readonly frameworkName?: string;
  /** Whose shares apps draw on; `*` when absent. */
  readonly role?: string;
  /** Allows an address that other machines reach. */
  readonly insecure?: boolean;
  /** For tests: time and disk other than the machine's. */
  readonly clock?: Clock;
  readonly store?: Store;
  /** Told when the disk refuses a write; throws by default, so that the process ends. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningMarathon {
  /** `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Stops the framework's own process; its tasks run on. */
  close(): Promise<void>;
}

/** Starts the framework: reads its store, serves the API, and subscribes to the master (again and again until it is there). */
export async function startMarathon(options: MarathonOptions): Promise<RunningMarathon> {
  const { master, http, log, version, clock = systemClock, role = DEFAULT_ROLE, frameworkName = 'marathon' } = options;
  checkBind(http.host, options.insecure === true);
  const store = options.store ?? (await openStore(join(options.workDir, 'store')));
  const core = new Marathon({ role, newId: randomUUID });
  core.load(store.entries(''));
  const runner = new Runner({ core, store, clock, log, onFatal: options.onFatal ?? failLoudly });
  const frameworkInfo = {
    name: frameworkName,
    roles: [role],
    failoverTimeout: DEFAULT_FAILOVER_TIMEOUT_SECONDS,
    hostname: hostname(),
  };
  const metrics = new Metrics();
  addMetrics(metrics, core);
  let subscription: Subscription | undefined;
  const api = createApi({ runner, log, version, metrics, frameworkName, problem: () => subscription?.problem });
  let address: string;
  try {
    address = await api.listen({ host: http.host, port: http.port });
  } catch (error) {
    await store.close();
    throw error;
  }
  subscription = new Subscription({ master, frameworkInfo: { ...frameworkInfo, webuiUrl: address }, runner, clock, log });
  runner.schedule();
  subscription.start();
  log.info({ address }, 'API listening');
  return {
    address,
    close: async () => {
      await api.close();
      await runner.close();
      await subscription.close();
      await store.close();
    },
  };
}

/** Nothing may go on after a lost write: the process ends with the error. */
function failLoudly(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
