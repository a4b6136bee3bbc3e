import { HttpError, type HttpServer } from '@proffer/sdk/service';
import { OperatorError, type OperatorCall } from '../core/types.js';
import { noQuery } from './query.js';

const STATUS = { NOT_FOUND: 404, CONFLICT: 409 } as const;

/** What an operator changes by hand. Each answers 202: it is accepted, and `/state` shows when it has happened. */
export function operatorRoutes(app: HttpServer, perform: (call: OperatorCall) => void): void {
  const act = (call: OperatorCall): { readonly status: 'accepted' } => {
    try {
      perform(call);
    } catch (error) {
      if (error instanceof OperatorError) throw new HttpError(STATUS[error.code], error.message, { code: error.code, cause: error });
      throw error;
    }
    return { status: 'accepted' };
  };
  app.addHook('preHandler', async (request) => {
    if (request.method === 'POST') refuseOtherSites(request.headers);
  });
  app.post<{ Params: { frameworkId: string } }>('/frameworks/:frameworkId/teardown', (request, reply) => {
    noQuery(request.query);
    return reply.code(202).send(act({ type: 'teardown', frameworkId: request.params.frameworkId }));
  });
  app.post<{ Params: { frameworkId: string; taskId: string } }>('/frameworks/:frameworkId/tasks/:taskId/kill', (request, reply) => {
    noQuery(request.query);
    return reply.code(202).send(act({ type: 'killTask', ...request.params }));
  });
  app.post<{ Params: { agentId: string } }>('/agents/:agentId/gone', (request, reply) => {
    noQuery(request.query);
    return reply.code(202).send(act({ type: 'markAgentGone', agentId: request.params.agentId }));
  });
}

/** A page of another site, open in a browser on this machine, must not end tasks: browsers name their site in `Origin`. */
function refuseOtherSites(headers: { readonly origin?: string | undefined; readonly host?: string | undefined }): void {
  const { origin, host } = headers;
  if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return;
  throw new HttpError(403, `a page of ${origin} may not change this cluster`, { field: 'origin', expected: String(host), got: origin });
}
