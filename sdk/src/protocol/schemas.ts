/**
 * The model's types as TypeBox schemas: what a border checks before it lets data in.
 *
 * Each schema is typed by the model's interface, so the two cannot drift apart unnoticed (`schemas.test.ts` checks the
 * direction the compiler does not). Values that a schema cannot see (sorted ports, ids without slashes) are checked by
 * the model's own `invalid…` functions.
 */
import { Type, type TSchema } from '@sinclair/typebox';
import type * as model from '../model/index.js';
import { REASONS, SOURCES, TASK_STATES } from '../model/index.js';
import {
  as,
  Body,
  Bytes,
  closed,
  Count,
  Id,
  literals,
  Name,
  Pairs,
  Port,
  Seconds,
  Text,
  Thousandths,
} from './basic-schemas.js';
import { ContainerInfo } from './container-schemas.js';
import { DEMAND_ENTRIES_MAX, TASK_BODY_BYTES_MAX } from './limits.js';

export { Body, Bytes, Id, literals, Name, Pairs, Port, Seconds, Text } from './basic-schemas.js';
export { ContainerInfo } from './container-schemas.js';

const RangesSchema = Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 65536 });

/** Marks the schema wherever it is used, optional or not: resources have rules that a schema cannot say. */
const RESOURCES_TITLE = 'Resources';

/** True for {@link Resources}: its values must also pass the model's `invalidResources`. */
export function isResourcesSchema(schema: TSchema): boolean {
  return schema.title === RESOURCES_TITLE;
}

export const Resources = as<model.Resources>(Type.Object(
  {
    cpus: Thousandths,
    mem: Thousandths,
    disk: Thousandths,
    gpus: Thousandths,
    ports: RangesSchema,
    custom: Type.Array(
      Type.Union([
        Type.Object({ name: Name, scalar: Thousandths }, closed),
        Type.Object({ name: Name, ranges: RangesSchema }, closed),
        Type.Object({ name: Name, set: Type.Array(Name, { maxItems: 65536 }) }, closed),
      ]),
      { maxItems: 64 },
    ),
  },
  { ...closed, title: RESOURCES_TITLE },
));

export const Attribute = as<model.Attribute>(
  Type.Object({ name: Name, type: literals(['TEXT', 'SCALAR', 'RANGES', 'SET']), value: Text }, closed),
);
export const Attributes = Type.Array(Attribute, { maxItems: 256 });

export const AgentInfo = as<model.AgentInfo>(Type.Object(
  { hostname: Name, httpAddress: Name, resources: Resources, attributes: Attributes, version: Name },
  closed,
));

export const Roles = Type.Array(Name, { maxItems: 256 });

export const FrameworkInfo = as<model.FrameworkInfo>(Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    frameworkId: Type.Optional(Id),
    roles: Type.Optional(Roles),
    failoverTimeout: Type.Optional(Seconds),
    user: Type.Optional(Name),
    hostname: Type.Optional(Name),
    webuiUrl: Type.Optional(Name),
    labels: Type.Optional(Pairs),
  },
  closed,
));

export const DemandEntry = as<model.Demand>(Type.Object(
  {
    name: Id,
    role: Type.Optional(Name),
    resources: Resources,
    ports: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
    count: Count,
    maxPerAgent: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e9 })),
  },
  closed,
));
export const DemandList = Type.Array(DemandEntry, { maxItems: DEMAND_ENTRIES_MAX });

export const Filters = as<model.Filters>(Type.Object({ refuseSeconds: Type.Optional(Type.Number()) }, closed));

export const Offer = as<model.Offer>(Type.Object(
  {
    offerId: Id,
    frameworkId: Id,
    agentId: Id,
    hostname: Name,
    role: Name,
    resources: Resources,
    attributes: Attributes,
    demand: Type.Array(Type.Object({ name: Id, count: Count }, closed)),
  },
  closed,
));

const Uri = Type.Object(
  {
    value: Text,
    extract: Type.Optional(Type.Boolean()),
    executable: Type.Optional(Type.Boolean()),
    cache: Type.Optional(Type.Boolean()),
    outputFile: Type.Optional(Name),
  },
  closed,
);

export const CommandInfo = as<model.CommandInfo>(Type.Object(
  {
    shell: Type.Boolean(),
    value: Type.String({ maxLength: TASK_BODY_BYTES_MAX }),
    arguments: Type.Optional(Type.Array(Type.String({ maxLength: TASK_BODY_BYTES_MAX }), { maxItems: 65536 })),
    environment: Type.Optional(Pairs),
    uris: Type.Optional(Type.Array(Uri, { maxItems: 1024 })),
    user: Type.Optional(Name),
  },
  closed,
));

const Limit = Type.Union([Thousandths, Type.Literal('unlimited')]);
export const ResourceLimits = as<model.ResourceLimits>(
  Type.Object({ cpus: Type.Optional(Limit), mem: Type.Optional(Limit) }, closed),
);

export const KillPolicy = as<model.KillPolicy>(Type.Object({ gracePeriodSeconds: Type.Optional(Seconds) }, closed));

export const HealthCheck = as<model.HealthCheck>(Type.Object(
  {
    type: literals(['COMMAND', 'HTTP', 'TCP']),
    command: Type.Optional(CommandInfo),
    http: Type.Optional(
      Type.Object({ scheme: Type.Optional(literals(['http', 'https'])), port: Port, path: Type.Optional(Text) }, closed),
    ),
    tcp: Type.Optional(Type.Object({ port: Port }, closed)),
    delaySeconds: Type.Optional(Seconds),
    intervalSeconds: Type.Optional(Seconds),
    timeoutSeconds: Type.Optional(Seconds),
    gracePeriodSeconds: Type.Optional(Seconds),
    consecutiveFailures: Type.Optional(Count),
  },
  closed,
));

export const DiscoveryInfo = as<model.DiscoveryInfo>(Type.Object(
  {
    name: Type.Optional(Name),
    ports: Type.Optional(
      Type.Array(
        Type.Object(
          { number: Port, name: Type.Optional(Name), protocol: Type.Optional(Name), labels: Type.Optional(Pairs) },
          closed,
        ),
        { maxItems: 1024 },
      ),
    ),
  },
  closed,
));

export const ExecutorInfo = as<model.ExecutorInfo>(Type.Object(
  {
    executorId: Id,
    name: Type.Optional(Name),
    command: CommandInfo,
    resources: Resources,
    data: Type.Optional(Bytes),
  },
  closed,
));

export const OnUnreachable = as<model.OnUnreachable>(
  Type.Union([Type.Literal('keep'), Type.Object({ stopAfterSeconds: Seconds }, closed)]),
);

/**
 * What only the agent reads of a task: packed once by the framework's driver, carried through the master as bytes,
 * unpacked and checked by the agent.
 */
export const TaskBody = Type.Object(
  {
    limits: Type.Optional(ResourceLimits),
    command: Type.Optional(CommandInfo),
    executor: Type.Optional(ExecutorInfo),
    container: Type.Optional(ContainerInfo),
    healthCheck: Type.Optional(HealthCheck),
    killPolicy: Type.Optional(KillPolicy),
    discovery: Type.Optional(DiscoveryInfo),
    onUnreachable: Type.Optional(OnUnreachable),
    data: Type.Optional(Bytes),
  },
  closed,
);

/** A task on its way: the header that the master reads, and the body that it does not. */
export const TaskLaunch = Type.Object(
  {
    taskId: Id,
    name: Name,
    agentId: Id,
    resources: Resources,
    /** The demand entry that it answers; none for `offers: 'all'`. */
    demand: Type.Optional(Id),
    /** The executor's id and what it needs itself, for tasks that have one. */
    executor: Type.Optional(Type.Object({ executorId: Id, resources: Resources }, closed)),
    labels: Type.Optional(Pairs),
    body: Body,
  },
  closed,
);

export const TaskState = literals(TASK_STATES);

export const TaskStatus = as<model.TaskStatus>(Type.Object(
  {
    taskId: Id,
    state: TaskState,
    source: literals(SOURCES),
    timestamp: Type.Number(),
    uuid: Type.Optional(Id),
    agentId: Type.Optional(Id),
    executorId: Type.Optional(Id),
    reason: Type.Optional(literals(REASONS)),
    message: Type.Optional(Text),
    healthy: Type.Optional(Type.Boolean()),
    exit: Type.Optional(Type.Object({ code: Type.Optional(Type.Integer()), signal: Type.Optional(Name) }, closed)),
    limitation: Type.Optional(Type.Object({ resources: Resources }, closed)),
    containerStatus: Type.Optional(
      Type.Object(
        { containerId: Id, pid: Type.Optional(Type.Integer()), ipAddresses: Type.Optional(Type.Array(Name, { maxItems: 64 })) },
        closed,
      ),
    ),
    labels: Type.Optional(Pairs),
    unreachableTime: Type.Optional(Type.Number()),
    data: Type.Optional(Bytes),
  },
  closed,
));

/** A message of this type with these fields. */
export function message<const T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object({ type: Type.Literal(type), ...fields }, closed);
}
