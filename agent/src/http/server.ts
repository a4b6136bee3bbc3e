import { createHttpServer, HttpError, Metrics, type HttpServer, type Logger } from '@proffer/sdk/service';
import type { Clock } from '@proffer/sdk/transport';
import type { Sandboxes } from '../sandboxes.js';
import { serveFiles, type FilesOptions } from './files.js';
import { measureAgent } from './metrics.js';
import { serveState, type StateOptions } from './state.js';

export interface AgentHttpOptions extends StateOptions {
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly sandboxes: Sandboxes;
  readonly task: FilesOptions['task'];
}

/** How many ports are tried, one after the other, where the operator named none. */
const PORTS_TRIED = 100;

/** The agent's HTTP server, not listening yet. */
export function createAgentHttp(options: AgentHttpOptions): HttpServer {
  const { log, view, version } = options;
  const metrics = new Metrics();
  measureAgent(metrics, options);
  const app = createHttpServer({
    log,
    name: 'proffer-agent',
    version,
    metrics,
    health: () => {
      const { agentId, registered } = view();
      return { agentId, registered };
    },
  });
  serveState(app, options);
  serveFiles(app, options);
  return app;
}

/** Listens on this port, or on the first free one from `first` on; says as `host:port` where. */
export async function listen(app: HttpServer, host: string, port: number | undefined, first: number): Promise<string> {
  if (port !== undefined) return bind(app, host, port);
  for (let candidate = first; candidate < first + PORTS_TRIED; candidate++) {
    try {
      return await bind(app, host, candidate);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  throw new Error(`no port from ${first} to ${first + PORTS_TRIED - 1} is free on ${host}: say which one to use`);
}

async function bind(app: HttpServer, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error(`${host}:${port} is no network address`);
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

/** What a request gets that comes before the agent knows its tasks. */
export function notReady(): HttpError {
  return new HttpError(503, 'the agent is starting; try again in a moment', { headers: { 'retry-after': '1' } });
}
