import type { HttpServer } from '@proffer/sdk/service';
import type { Feed } from './feed.js';
import { agentJson, frameworkJson, offerJson, roleJson, taskJson, type Json } from './json.js';
import { noQuery, taskQuery, type TaskQuery } from './query.js';
import type { ReadModel } from './read-model.js';

/** What the master says of itself beside the cluster. */
export interface MasterAbout {
  readonly masterId: string;
  readonly version: string;
  /** Where agents and frameworks connect. */
  readonly endpoint: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** `/state`, and each of its lists alone. */
export function readRoutes(app: HttpServer, feed: Feed, about: MasterAbout): void {
  app.get('/state', ({ query }) => {
    noQuery(query);
    const { model } = feed;
    return {
      ...about,
      agents: list(model.agents.values(), agentJson),
      frameworks: list(model.frameworks.values(), frameworkJson),
      tasks: list(model.tasks(), taskJson),
      offers: list(model.offers.values(), offerJson),
      roles: list(model.roles, roleJson),
    };
  });
  app.get('/agents', ({ query }) => {
    noQuery(query);
    return { agents: list(feed.model.agents.values(), agentJson) };
  });
  app.get('/frameworks', ({ query }) => {
    noQuery(query);
    return { frameworks: list(feed.model.frameworks.values(), frameworkJson) };
  });
  app.get('/tasks', ({ query }) => tasks(feed.model, taskQuery(query)));
  app.get('/offers', ({ query }) => {
    noQuery(query);
    return { offers: list(feed.model.offers.values(), offerJson) };
  });
  app.get('/roles', ({ query }) => {
    noQuery(query);
    return { roles: list(feed.model.roles, roleJson) };
  });
}

/** The first `limit` tasks that match, and how many match in all. */
export function tasks(model: ReadModel, query: TaskQuery): { readonly tasks: readonly Json[]; readonly total: number } {
  const shown: Json[] = [];
  let total = 0;
  for (const task of model.tasks()) {
    if (query.framework !== undefined && task.frameworkId !== query.framework) continue;
    if (query.agent !== undefined && task.agentId !== query.agent) continue;
    if (query.state !== undefined && task.state !== query.state) continue;
    total++;
    if (shown.length < query.limit) shown.push(taskJson(task));
  }
  return { tasks: shown, total };
}

function list<T>(views: Iterable<T>, toJson: (view: T) => Json): Json[] {
  return Array.from(views, toJson);
}
