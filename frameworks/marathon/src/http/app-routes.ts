import { Type, type HttpServer } from '@proffer/sdk/service';
import { absolutePath, type Definition } from '../core/index.js';
import type { ApiOptions } from './api.js';
import { parseApp, wrongShape } from './app-json.js';
import { announceCall, WriteQuery } from './calls.js';
import { answering, invalidField } from './refusals.js';
import { labelSelector } from './selector.js';
import { appView, EMBED_ALL, parseEmbed } from './views.js';

const ListQuery = Type.Object({
  cmd: Type.Optional(Type.String()),
  id: Type.Optional(Type.String()),
  label: Type.Optional(Type.String()),
  embed: Type.Array(Type.String(), { default: [] }),
});

/** All apps: listing them, creating one, changing several in one deployment. */
export function addAppRoutes(api: HttpServer, options: ApiOptions): void {
  addListRoute(api, options);
  addCreateRoute(api, options);
  addChangeRoutes(api, options);
}

function addListRoute(api: HttpServer, { runner }: ApiOptions): void {
  const { context } = runner.core;
  api.get('/v2/apps', { schema: { querystring: ListQuery } }, ({ query }) =>
    answering(() => {
      const hasLabels = query.label === undefined ? () => true : labelSelector(query.label);
      const embed = parseEmbed(query.embed);
      const apps = [...context.state.apps.values()].flatMap(({ app, deleted }) => (deleted ? [] : [app]));
      const found = apps.filter(
        (app) => app.id.includes(query.id ?? '') && (app.cmd ?? '').includes(query.cmd ?? '') && hasLabels(app.labels),
      );
      return { apps: found.map((app) => appView(context, app, embed, runner.now)) };
    }),
  );
}

function addCreateRoute(api: HttpServer, { runner }: ApiOptions): void {
  const { core } = runner;
  api.post('/v2/apps', { schema: { querystring: WriteQuery } }, (request, reply) =>
    answering(async () => {
      const { id, update } = parseApp(request.body);
      if (id === undefined) throw invalidField('/id', 'must be given');
      const appId = absolutePath(id);
      const { deploymentId } = await runner.act((now) => core.create(appId, update, request.query.force ?? false, now));
      announceCall(runner, request);
      reply.code(201).header('location', `/v2/apps${appId}`).header('marathon-deployment-id', deploymentId);
      return { ...appView(core.context, core.existing(appId), EMBED_ALL, runner.now), deployments: [{ id: deploymentId }] };
    }),
  );
}

function addChangeRoutes(api: HttpServer, { runner }: ApiOptions): void {
  for (const method of ['PUT', 'PATCH'] as const) {
    api.route({
      method,
      url: '/v2/apps',
      schema: { querystring: WriteQuery },
      handler: (request, reply) =>
        answering(async () => {
          const { body, query } = request;
          if (!Array.isArray(body)) throw wrongShape('', 'must be an array of apps');
          const partial = method === 'PATCH' || (query.partialUpdate ?? true);
          const definitions = body.map((one: unknown) => toDefinition(one, partial));
          const changed = await runner.act((now) => runner.core.define(definitions, query.force ?? false, now));
          announceCall(runner, request);
          reply.header('marathon-deployment-id', changed.deploymentId);
          return changed;
        }),
    });
  }
}

function toDefinition(body: unknown, partial: boolean): Definition {
  const { id, update } = parseApp(body);
  if (id === undefined) throw invalidField('/id', 'must be given');
  return { appId: absolutePath(id), update, partial };
}
