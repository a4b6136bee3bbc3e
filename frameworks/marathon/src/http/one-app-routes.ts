import type { HttpServer } from '@proffer/sdk/service';
import { absolutePath, Refusal } from '../core/index.js';
import type { Runner } from '../runner.js';
import type { ApiOptions } from './api.js';
import { parseApp } from './app-json.js';
import { splitAppUri } from './app-uri.js';
import { announceCall, WriteQuery, type WriteReply, type WriteRequest } from './calls.js';
import { answering, invalidField } from './refusals.js';
import { appView, EMBED_ALL, taskView } from './views.js';

/** One app, its tasks and its versions. Ids hold slashes, so one route takes each method and the URI's end tells the rest. */
export function addOneAppRoutes(api: HttpServer, { runner }: ApiOptions): void {
  const schema = { querystring: WriteQuery };
  api.get('/v2/apps/*', (request) => answering(() => read(runner, uriOf(request))));
  for (const method of ['PUT', 'PATCH'] as const) {
    const handler = (request: WriteRequest, reply: WriteReply): Promise<unknown> =>
      answering(() => change(runner, request, reply, method));
    api.route({ method, url: '/v2/apps/*', schema, handler });
  }
  api.post('/v2/apps/*', { schema }, (request, reply) => answering(() => restart(runner, request, reply)));
  api.delete('/v2/apps/*', { schema }, (request, reply) => answering(() => remove(runner, request, reply)));
}

function read({ core, now }: Runner, uri: string): unknown {
  const { context } = core;
  const { appId, part, rest, group } = splitAppUri(uri, 'GET', ['', 'tasks', 'versions']);
  if (group) return readGroup(core.context, appId, part, now);
  const app = core.existing(appId);
  if (part === 'tasks') return { tasks: context.state.instancesOf(appId).map((instance) => taskView(app, instance)) };
  if (part === 'versions' && rest !== '') return core.version(appId, rest);
  if (part === 'versions') return { versions: context.state.versionsOf(appId).map(({ version }) => version) };
  return { app: appView(context, app, EMBED_ALL, now) };
}

/** All apps below a path, or their tasks. */
function readGroup(context: Runner['core']['context'], path: string, part: string, now: number): unknown {
  const prefix = path === '/' ? '/' : `${path}/`;
  const apps = [...context.state.apps.values()].flatMap(({ app, deleted }) =>
    !deleted && app.id.startsWith(prefix) ? [app] : [],
  );
  if (part !== 'tasks') return { '*': apps.map((app) => appView(context, app, EMBED_ALL, now)) };
  return { tasks: apps.flatMap((app) => context.state.instancesOf(app.id).map((instance) => taskView(app, instance))) };
}

async function change(runner: Runner, request: WriteRequest, reply: WriteReply, method: 'PUT' | 'PATCH'): Promise<unknown> {
  const { core } = runner;
  const { appId } = splitAppUri(uriOf(request), method, ['']);
  const partial = method === 'PATCH' || (request.query.partialUpdate ?? true);
  const force = request.query.force ?? false;
  const { id, version, update } = parseApp(request.body);
  if (id !== undefined && absolutePath(id) !== appId) throw invalidField('/id', `must be "${appId}" like the URI, got "${id}"`);
  if (version !== undefined && Object.keys(update).length > 0)
    throw invalidField('/version', 'must be given alone, or with the id');
  const existed = core.context.state.app(appId) !== undefined;
  const changed = await runner.act((now) =>
    version === undefined ? core.define([{ appId, update, partial }], force, now) : core.revert(appId, version, force, now),
  );
  announceCall(runner, request);
  reply.code(existed ? 200 : 201).header('marathon-deployment-id', changed.deploymentId);
  if (!existed) reply.header('location', `/v2/apps${appId}`);
  return changed;
}

async function restart(runner: Runner, request: WriteRequest, reply: WriteReply): Promise<unknown> {
  const { appId } = splitAppUri(uriOf(request), 'POST', ['restart']);
  const changed = await runner.act((now) => runner.core.restart(appId, request.query.force ?? false, now));
  announceCall(runner, request);
  reply.header('marathon-deployment-id', changed.deploymentId);
  return changed;
}

async function remove(runner: Runner, request: WriteRequest, reply: WriteReply): Promise<unknown> {
  const { appId, part, rest } = splitAppUri(uriOf(request), 'DELETE', ['', 'tasks']);
  if (part === 'tasks') return killTasks(runner, appId, rest, request);
  const changed = await runner.act((now) => runner.core.remove(appId, request.query.force ?? true, now));
  reply.header('marathon-deployment-id', changed.deploymentId);
  return changed;
}

/** Ends one task, or all of the app, or those on one host. */
async function killTasks(runner: Runner, appId: string, taskId: string, { query }: WriteRequest): Promise<unknown> {
  const { core } = runner;
  const { host = '*', scale = false, wipe = false, force = false } = query;
  if (scale && wipe) throw new Refusal('badRequest', 'scale and wipe cannot be given together');
  const app = core.existing(appId);
  const chosen = core.context.state
    .instancesOf(appId)
    .filter((instance) => (taskId === '' || instance.taskId === taskId) && (host === '*' || instance.hostname === host));
  if (taskId !== '' && chosen.length === 0) throw new Refusal('notFound', `Task '${taskId}' does not exist`);
  const changed = await runner.act((now) => core.kill(chosen, scale, force, now));
  if (changed !== undefined) return changed;
  const views = chosen.map((instance) => taskView(app, instance));
  return taskId === '' ? { tasks: views } : { task: views[0] };
}

/** What stands in the URI after `/v2/apps/`. */
function uriOf(request: { readonly params: unknown }): string {
  return (request.params as { '*': string })['*'];
}
