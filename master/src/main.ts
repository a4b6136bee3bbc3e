import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { checkBind, Metrics, openStore, type HttpServer } from '@proffer/sdk/service';
import { MasterCore } from './core/core.js';
import { DEFAULT_CORE_CONFIG } from './core/types.js';
import { Feed } from './http/feed.js';
import { createMeters, exposeCluster } from './http/metrics.js';
import { createMasterHttp } from './http/server.js';
import { listenZmq } from './listen.js';
import { DEFAULT_HTTP_PORT, DEFAULT_ZMQ_PORT, type Door, type MasterOptions, type RunningMaster } from './options.js';
import { Registry } from './registry/registry.js';
import { Shell } from './shell.js';
import { steadyClock } from './steady-clock.js';
import { VERSION } from './version.js';

/**
 * Starts a master: reads its registry, listens for agents and frameworks, serves the operator's API.
 *
 * Rejects with an error that says what to do when the work dir is in use, a port is taken, or an address is wider than
 * loopback without `insecure`; nothing of it is left running then.
 */
export async function startMaster(options: MasterOptions): Promise<RunningMaster> {
  const { log, clock = steadyClock, host = '127.0.0.1', insecure = false } = options;
  checkBind(host, insecure);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const registry = new Registry(await openStore(join(resolve(options.workDir), 'registry')));
    undo.push(() => registry.close());
    const masterId = `${await registry.beginEpoch()}-${randomBytes(4).toString('hex')}`;
    const core = new MasterCore({ ...DEFAULT_CORE_CONFIG, ...options.core, masterId, version: VERSION }, registry.state(), clock.now());
    const feed = new Feed(core, clock);
    undo.push(async () => feed.close());
    const metrics = new Metrics();
    const onFailure = options.onFailure ?? endProcess;
    const shell = new Shell({ core, registry, clock, meters: createMeters(metrics), onChanged: () => feed.changed(), onFailure });
    const listen = options.listen ?? ((handlers) => listenZmq(handlers, { host, port: options.zmqPort ?? DEFAULT_ZMQ_PORT, clock, log }));
    const door = await listen(shell);
    undo.push(() => door.link.close());
    undo.push(() => shell.close());
    const about = { masterId, version: VERSION, endpoint: door.endpoint, startedAt: new Date(clock.now()).toISOString() };
    exposeCluster(metrics, feed, totalsOf(core, shell, door));
    const http = createMasterHttp({ log, metrics, feed, about, operate: (call) => shell.operate(call) });
    undo.push(() => http.close());
    const httpAddress = await listenHttp(http, host, options.httpPort ?? DEFAULT_HTTP_PORT);
    shell.start(door.link);
    log.info({ masterId, http: httpAddress, endpoint: door.endpoint }, 'master is up');
    return { masterId, httpAddress, endpoint: door.endpoint, close: () => closeAll(undo) };
  } catch (error) {
    await closeAll(undo);
    throw error;
  }
}

function totalsOf(core: MasterCore, shell: Shell, door: Door): Parameters<typeof exposeCluster>[2] {
  return {
    counters: () => core.counters(),
    messagesIn: () => shell.received,
    messagesOut: () => shell.sent,
    messagesRejected: door.rejected,
  };
}

async function listenHttp(http: HttpServer, host: string, port: number): Promise<string> {
  try {
    await http.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port} of ${host} is in use: stop what listens there, or choose another HTTP port`, { cause: error });
  }
  const address = http.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`;
}

/** The newest first: the HTTP API goes before the shell, the shell before the link, the registry last. */
async function closeAll(undo: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

/** A promise that nobody awaits: the process's own handler logs it and ends. */
function endProcess(error: Error): void {
  void Promise.reject(error);
}
