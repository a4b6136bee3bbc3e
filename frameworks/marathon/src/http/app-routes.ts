import { Type, type HttpServer } from '@proffer/sdk/service';
import type { FastifyReply, FastifyRequest } from './fastify-types.js';
import { absolutePath, Refusal, type Definition } from '../core/index.js';
import type { ApiOptions } from './api.js';
import { parseApp } from './app-json.js';
import { splitAppUri } from './app-uri.js';
import { answering } from './refusals.js';
import { labelSelector } from './selector.js';
import { appView, EMBED_ALL, parseEmbed, taskView } from './views.js';

const Flag = Type.Optional(Type.Boolean());
const ListQuery = Type.Object({
  cmd: Type.Optional(Type.String()),
  id: Type.Optional(Type.String()),
  label: Type.Optional(Type.String()),
  embed: Type.Array(Type.String(), { default: [] }),
});
const WriteQuery = Type.Object({ force: Flag, partialUpdate: Flag, scale: Flag, wipe: Flag, host: Type.Optional(Type.String()) });

/** Apps: list, create, read, change, delete, restart, versions. What hangs below an app's id is told by the end of the URI. */
export function addAppRoutes(api: HttpServer, { runner }: ApiOptions): void {
  const { core } = runner;
  const { context } = core;

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

  api.post('/v2/apps', { schema: { querystring: WriteQuery } }, (request, reply) =>
    answering(async () => {
      const { id, update } = parseApp(request.body);
      if (id === undefined) throw missingId();
      const appId = absolutePath(id);
      const { deploymentId } = await runner.act((now) => core.create(appId, update, request.query.force ?? false, now));
      announce(request);
      reply.code(201).header('location', `/v2/apps${appId}`).header('marathon-deployment-id', deploymentId);
      return { ...appView(context, core.existing(appId), EMBED_ALL, runner.now), deployments: [{ id: deploymentId }] };
    }),
  );

  for (const method of ['PUT', 'PATCH'] as const) {
    api.route({
      method,
      url: '/v2/apps',
      schema: { querystring: WriteQuery },
      handler: (request, reply) =>
        answering(async () => {
          if (!Array.isArray(request.body)) throw new Refusal('badRequest', 'Invalid JSON', { faults: [{ path: '', errors: ['must be an array of apps'] }] });
          const partial = method === 'PATCH' || (request.query.partialUpdate ?? true);
          const definitions = request.body.map((body: unknown) => toDefinition(body, partial));
          const changed = await runner.act((now) => core.define(definitions, request.query.force ?? false, now));
          announce(request);
          reply.header('marathon-deployment-id', changed.deploymentId);
          return changed;
        }),
    });
    api.route({
      method,
      url: '/v2/apps/*',
      schema: { querystring: WriteQuery },
      handler: (request, reply) => answering(() => changeOne(request, reply, method === 'PATCH')),
    });
  }

  api.get('/v2/apps/*', { schema: { querystring: ListQuery } }, (request) => answering(() => read(uriOf(request))));
  api.post('/v2/apps/*', { schema: { querystring: WriteQuery } }, (request, reply) =>
    answering(async () => {
      const { appId } = splitAppUri(uriOf(request), 'POST', ['restart']);
      const changed = await runner.act((now) => core.restart(appId, request.query.force ?? false, now));
      announce(request);
      reply.header('marathon-deployment-id', changed.deploymentId);
      return changed;
    }),
  );
  api.delete('/v2/apps/*', { schema: { querystring: WriteQuery } }, (request, reply) =>
    answering(async () => {
      const { appId, part, rest } = splitAppUri(uriOf(request), 'DELETE', ['', 'tasks']);
      if (part === 'tasks') return killTasks(appId, rest, request.query);
      const changed = await runner.act((now) => core.remove(appId, request.query.force ?? true, now));
      reply.header('marathon-deployment-id', changed.deploymentId);
      return changed;
    }),
  );

  function read(uri: string): unknown {
    const { appId, part, rest, group } = splitAppUri(uri, 'GET', ['', 'tasks', 'versions']);
    if (group) {
      const below = [...context.state.apps.values()].filter(({ app, deleted }) => !deleted && app.id.startsWith(appId === '/' ? '/' : `${appId}/`));
      if (part === 'tasks') return { tasks: below.flatMap(({ app }) => context.state.instancesOf(app.id).map((instance) => taskView(app, instance))) };
      return { '*': below.map(({ app }) => appView(context, app, EMBED_ALL, runner.now)) };
    }
    const app = core.existing(appId);
    if (part === 'tasks') return { tasks: context.state.instancesOf(appId).map((instance) => taskView(app, instance)) };
    if (part === 'versions') return rest === '' ? { versions: context.state.versionsOf(appId).map(({ version }) => version) } : core.version(appId, rest);
    return { app: appView(context, app, EMBED_ALL, runner.now) };
  }

  async function changeOne(request: FastifyRequest<typeof WriteQuery>, reply: FastifyReply, patch: boolean): Promise<unknown> {
    const { appId } = splitAppUri(uriOf(request), 'PUT', ['']);
    const partial = patch || (request.query.partialUpdate ?? true);
    const force = request.query.force ?? false;
    const { id, version, update } = parseApp(request.body);
    if (id !== undefined && absolutePath(id) !== appId) throw invalidField('/id', `must be "${appId}" like the URI, got "${id}"`);
    if (version !== undefined && Object.keys(update).length > 0) throw invalidField('/version', 'must be given alone, or with the id');
    const exists = context.state.app(appId) !== undefined;
    const changed = await runner.act((now) =>
      version === undefined ? core.define([{ appId, update, partial }], force, now) : core.revert(appId, version, force, now),
    );
    announce(request);
    reply.code(exists ? 200 : 201).header('marathon-deployment-id', changed.deploymentId);
    if (!exists) reply.header('location', `/v2/apps${appId}`);
    return changed;
  }

  async function killTasks(appId: string, taskId: string, query: { host?: string; scale?: boolean; wipe?: boolean; force?: boolean }): Promise<unknown> {
    if (query.scale === true && query.wipe === true) throw new Refusal('badRequest', 'scale and wipe cannot be given together');
    const app = core.existing(appId);
    const chosen = context.state
      .instancesOf(appId)
      .filter((instance) => (taskId === '' || instance.taskId === taskId) && (query.host === undefined || query.host === '*' || instance.hostname === query.host));
    if (taskId !== '' && chosen.length === 0) throw new Refusal('notFound', `Task '${taskId}' does not exist`);
    const changed = await runner.act((now) => core.kill(chosen, query.scale ?? false, query.force ?? false, now));
    if (changed !== undefined) return changed;
    const views = chosen.map((instance) => taskView(app, instance));
    return taskId === '' ? { tasks: views } : { task: views[0] };
  }

  function announce(request: FastifyRequest<typeof WriteQuery>): void {
    runner.announce('api_post_event', { clientIp: request.ip, uri: request.url, appDefinition: request.body ?? null });
  }
}

function toDefinition(body: unknown, partial: boolean): Definition {
  const { id, update } = parseApp(body);
  if (id === undefined) throw missingId();
  return { appId: absolutePath(id), update, partial };
}

function uriOf(request: { readonly params: unknown }): string {
  return (request.params as { '*': string })['*'];
}

function missingId(): Refusal {
  return invalidField('/id', 'must be given');
}

function invalidField(path: string, error: string): Refusal {
  return new Refusal('invalid', 'Object is not valid', { faults: [{ path, errors: [error] }] });
}
