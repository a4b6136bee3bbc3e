import { createHttpServer, type HttpError, type HttpServer, type Logger, type Metrics } from '@proffer/sdk/service';
import type { Runner } from '../runner.js';
import { addAppRoutes } from './app-routes.js';
import { addDeploymentRoutes } from './deployment-routes.js';
import { addEventRoute } from './event-route.js';
import { addInfoRoutes } from './info-routes.js';
import { addOneAppRoutes } from './one-app-routes.js';
import { addTaskRoutes } from './task-routes.js';

export interface ApiOptions {
  readonly runner: Runner;
  readonly log: Logger;
  readonly version: string;
  readonly metrics: Metrics;
  readonly frameworkName: string;
  /** Why the framework is not subscribed; undefined while it is. */
  readonly problem: () => string | undefined;
}

/** Marathon's API. It does not listen yet. */
export function createApi(options: ApiOptions): HttpServer {
  const { log, version, metrics, problem } = options;
  const api = createHttpServer({
    log,
    name: 'marathon',
    version,
    metrics,
    errorBody: marathonBody,
    health: () => {
      const why = problem();
      return { subscribed: why === undefined, ...(why === undefined ? {} : { problem: why }) };
    },
  });
  addAppRoutes(api, options);
  addOneAppRoutes(api, options);
  addTaskRoutes(api, options);
  addDeploymentRoutes(api, options);
  addInfoRoutes(api, options);
  addEventRoute(api, options);
  return api;
}

/** Errors that the server found, in the form that Marathon's clients read. */
function marathonBody(error: HttpError): unknown {
  const { field, expected, got } = error.details;
  if (error.code === 'INVALID_JSON') return { message: 'Invalid JSON', details: got ?? error.message };
  if (field !== undefined && expected !== undefined && error.statusCode === 400) {
    return { message: error.message, details: [{ path: `/${field}`, errors: [`must be ${expected}, got ${got ?? 'nothing'}`] }] };
  }
  return { message: error.message };
}
