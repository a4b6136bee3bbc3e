import { compileSchema, Type, type HttpServer } from '@proffer/sdk/service';
import { Refusal, type Instance } from '../core/index.js';
import type { ApiOptions } from './api.js';
import { wrongShape } from './app-json.js';
import { WriteQuery } from './calls.js';
import { answering } from './refusals.js';
import { taskView } from './views.js';

/** Tasks that one call may end. */
const IDS_MAX = 10_000;

const Status = Type.Union([Type.Literal('running'), Type.Literal('staging')]);
const TasksQuery = Type.Object({ status: Type.Array(Status, { default: [] }), 'status[]': Type.Array(Status, { default: [] }) });
const faultsOf = compileSchema(
  Type.Object({ ids: Type.Array(Type.String(), { maxItems: IDS_MAX }) }, { additionalProperties: false }),
);

/** Tasks of all apps. */
export function addTaskRoutes(api: HttpServer, { runner }: ApiOptions): void {
  const { core } = runner;
  const { state } = core.context;
  const view = (instance: Instance): unknown => taskView(state.apps.get(instance.appId)?.app, instance);

  api.get('/v2/tasks', { schema: { querystring: TasksQuery } }, ({ query }) => {
    const wanted = [...query.status, ...query['status[]']];
    const matches = (instance: Instance): boolean =>
      wanted.length === 0 ||
      (wanted.includes('running') && instance.state === 'TASK_RUNNING') ||
      (wanted.includes('staging') && instance.startedAt === undefined);
    return { tasks: [...state.instances.values()].filter(matches).map(view) };
  });

  api.post('/v2/tasks/delete', { schema: { querystring: WriteQuery } }, ({ body, query }) =>
    answering(async () => {
      const [fault] = faultsOf(body ?? undefined);
      if (fault !== undefined) throw wrongShape(fault.path, `must be ${fault.expected}, got ${fault.got}`);
      if (query.scale === true && query.wipe === true) throw new Refusal('badRequest', 'scale and wipe cannot be given together');
      const { ids } = body as { ids: string[] };
      const chosen = ids.flatMap((id) => state.instances.get(id) ?? []);
      const changed = await runner.act((now) => core.kill(chosen, query.scale ?? false, query.force ?? false, now));
      return changed ?? { tasks: chosen.map(view) };
    }),
  );
}
