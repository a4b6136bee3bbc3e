import { HttpError, Type, type HttpServer } from '@proffer/sdk/service';
import { absolutePath } from '../core/index.js';
import type { ApiOptions } from './api.js';
import { answering } from './refusals.js';
import { deploymentView, queueView } from './views.js';

const ForceQuery = Type.Object({ force: Type.Optional(Type.Boolean()) });
const DeploymentParams = Type.Object({ id: Type.String() });

/** Deployments, and the queue of what waits to be launched. */
export function addDeploymentRoutes(api: HttpServer, { runner }: ApiOptions): void {
  const { core } = runner;
  const { context } = core;

  api.get('/v2/deployments', () =>
    Array.from(context.state.deployments.values(), (deployment) => deploymentView(context, deployment, runner.now)),
  );

  api.delete('/v2/deployments/:id', { schema: { params: DeploymentParams, querystring: ForceQuery } }, (request, reply) =>
    answering(async () => {
      const force = request.query.force ?? false;
      const changed = await runner.act((now) => core.cancelDeployment(request.params.id, force, now));
      if (changed === undefined) return reply.code(202).send();
      reply.header('marathon-deployment-id', changed.deploymentId);
      return changed;
    }),
  );

  api.get('/v2/queue', () => ({ queue: queueView(context, runner.now) }));

  api.delete('/v2/queue/*', (request, reply) =>
    answering(async () => {
      const uri = (request.params as { '*': string })['*'];
      const id = /^(.+)\/delay\/?$/.exec(uri)?.[1];
      if (id === undefined) throw new HttpError(404, `there is nothing at /v2/queue/${uri}`);
      const appId = absolutePath(id);
      await runner.act(() => core.resetDelay(appId));
      return reply.code(204).send();
    }),
  );
}
