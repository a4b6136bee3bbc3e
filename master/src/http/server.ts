import { createHttpServer, type HttpServer, type Logger, type Metrics } from '@proffer/sdk/service';
import type { OperatorCall } from '../core/types.js';
import type { Feed } from './feed.js';
import { operatorRoutes } from './operator-routes.js';
import { readRoutes, type MasterAbout } from './read-routes.js';

export interface MasterHttpParts {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly feed: Feed;
  readonly about: MasterAbout;
  readonly operate: (call: OperatorCall) => void;
}

/** The operator's API: the cluster as JSON, metrics, and the few things an operator changes by hand. It does not listen yet. */
export function createMasterHttp(parts: MasterHttpParts): HttpServer {
  const { log, metrics, feed, about, operate } = parts;
  const health = (): { masterId: string; agents: number; frameworks: number } => ({
    masterId: about.masterId,
    agents: feed.model.agents.size,
    frameworks: feed.model.frameworks.size,
  });
  const app = createHttpServer({ log, name: 'proffer-master', version: about.version, metrics, health });
  readRoutes(app, feed, about);
  operatorRoutes(app, operate);
  return app;
}
