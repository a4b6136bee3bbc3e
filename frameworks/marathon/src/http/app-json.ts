import { compileSchema, Type, type Static, type TObject, type TSchema } from '@proffer/sdk/service';
import { CONSTRAINT_OPERATORS, HEALTH_PROTOCOLS, invalid, Refusal, type AppHealthCheck, type AppUpdate, type FieldFault } from '../core/index.js';
import { ignoredFaults, withoutEmpty } from './unsupported.js';

const Texts = Type.Record(Type.String(), Type.String());
const strict = { additionalProperties: false } as const;

/** The types of what users may give; bounds and what belongs together are checked by the core, on the whole definition. */
const AppJson = Type.Partial(
  Type.Object(
    {
      id: Type.String(),
      version: Type.String(),
      cmd: Type.String(),
      args: Type.Array(Type.String()),
      cpus: Type.Number(),
      mem: Type.Number(),
      disk: Type.Number(),
      gpus: Type.Number(),
      instances: Type.Number(),
      env: Texts,
      labels: Texts,
      user: Type.String(),
      fetch: Type.Array(
        Type.Object(
          {
            uri: Type.String(),
            extract: Type.Boolean({ default: true }),
            executable: Type.Boolean({ default: false }),
            cache: Type.Boolean({ default: false }),
            destPath: Type.Optional(Type.String()),
          },
          strict,
        ),
      ),
      uris: Type.Array(Type.String()),
      ports: Type.Array(Type.Number()),
      portDefinitions: Type.Array(
        Type.Object(
          {
            port: Type.Number({ default: 0 }),
            name: Type.Optional(Type.String()),
            protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('udp,tcp')], { default: 'tcp' }),
            labels: Type.Record(Type.String(), Type.String(), { default: {} }),
          },
          strict,
        ),
      ),
      requirePorts: Type.Boolean(),
      healthChecks: Type.Array(
        Type.Object(
          {
            protocol: Type.Union(HEALTH_PROTOCOLS.map((name) => Type.Literal(name)), { default: 'HTTP' }),
            path: Type.Optional(Type.String()),
            port: Type.Optional(Type.Integer()),
            portIndex: Type.Optional(Type.Integer()),
            command: Type.Optional(Type.Object({ value: Type.String() }, strict)),
            gracePeriodSeconds: Type.Number({ default: 300 }),
            intervalSeconds: Type.Number({ default: 60 }),
            timeoutSeconds: Type.Number({ default: 20 }),
            maxConsecutiveFailures: Type.Number({ default: 3 }),
            delaySeconds: Type.Optional(Type.Number()),
          },
          strict,
        ),
      ),
      backoffSeconds: Type.Number(),
      backoffFactor: Type.Number(),
      maxLaunchDelaySeconds: Type.Number(),
      upgradeStrategy: Type.Object(
        { minimumHealthCapacity: Type.Number({ default: 1 }), maximumOverCapacity: Type.Number({ default: 1 }) },
        strict,
      ),
      killSelection: Type.Union([Type.Literal('YOUNGEST_FIRST'), Type.Literal('OLDEST_FIRST')]),
      taskKillGracePeriodSeconds: Type.Number(),
      unreachableStrategy: Type.Union([
        Type.Literal('disabled'),
        Type.Object({ inactiveAfterSeconds: Type.Number({ default: 0 }), expungeAfterSeconds: Type.Number({ default: 0 }) }, strict),
      ]),
      constraints: Type.Array(
        Type.Union([
          Type.Tuple([Type.String(), Type.Union(CONSTRAINT_OPERATORS.map((name) => Type.Literal(name)))]),
          Type.Tuple([Type.String(), Type.Union(CONSTRAINT_OPERATORS.map((name) => Type.Literal(name))), Type.String()]),
        ]),
      ),
      acceptedResourceRoles: Type.Array(Type.String()),
      role: Type.String(),
    },
    strict,
  ),
);

const faultsOf = compileSchema(AppJson);

/** What a user gives of one app. */
export interface ParsedApp {
  readonly id?: string;
  /** Alone: go back to this version. */
  readonly version?: string;
  readonly update: AppUpdate;
}

/** Reads the JSON of an app. Throws a Refusal: 400 for a wrong shape, 422 for what this version does not do. */
export function parseApp(body: unknown): ParsedApp {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Refusal('badRequest', 'Invalid JSON', { faults: [{ path: '', errors: [`must be an object, got ${body === undefined ? 'nothing' : JSON.stringify(body)?.slice(0, 100)}`] }] });
  }
  const given = withoutEmpty(body as Record<string, unknown>);
  const unsupported = ignoredFaults(given, AppJson.properties);
  if (unsupported.length > 0) throw invalid(unsupported);
  const known = pick(given);
  const faults = faultsOf(known);
  if (faults.length > 0) throw new Refusal('badRequest', 'Invalid JSON', { faults: faults.map(({ path, expected, got }): FieldFault => ({ path, errors: [`must be ${expected}, got ${got}`] })) });
  const { id, version, ...fields } = known as Static<typeof AppJson>;
  return { ...(id === undefined ? {} : { id }), ...(version === undefined ? {} : { version }), update: toUpdate(fields) };
}

function pick(given: Record<string, unknown>): Record<string, unknown> {
  const known = Object.entries(given).filter(([key]) => key in AppJson.properties);
  return withDefaults(Object.fromEntries(known));
}

/** Defaults of nested objects; those of the app itself are the core's, since an update must not reset what it leaves out. */
function withDefaults(app: Record<string, unknown>): Record<string, unknown> {
  return { ...app, ...Object.fromEntries(NESTED.filter((key) => app[key] !== undefined).map((key) => [key, fill(key, app[key])])) };
}

const NESTED = ['fetch', 'portDefinitions', 'healthChecks', 'upgradeStrategy', 'unreachableStrategy'] as const;

function fill(key: (typeof NESTED)[number], value: unknown): unknown {
  const schema: TSchema = AppJson.properties[key];
  const object = (schema['items'] ?? schema['anyOf']?.at(-1) ?? schema) as TObject;
  const defaults = Object.fromEntries(
    Object.entries(object.properties).flatMap(([name, inner]) => ('default' in inner ? [[name, inner.default as unknown]] : [])),
  );
  const one = (item: unknown): unknown => (typeof item === 'object' && item !== null ? { ...defaults, ...withoutEmpty(item as Record<string, unknown>, true) } : item);
  return Array.isArray(value) ? value.map(one) : one(value);
}

function toUpdate(fields: Omit<Static<typeof AppJson>, 'id' | 'version'>): AppUpdate {
  const { ports, uris, healthChecks, ...rest } = fields;
  const faults: FieldFault[] = [];
  if (ports !== undefined && rest.portDefinitions !== undefined) faults.push({ path: '/ports', errors: ['must not be given together with portDefinitions'] });
  if (uris !== undefined && rest.fetch !== undefined) faults.push({ path: '/uris', errors: ['must not be given together with fetch'] });
  if (faults.length > 0) throw invalid(faults);
  return {
    ...(rest as AppUpdate),
    ...(ports === undefined ? {} : { portDefinitions: ports.map((port, i) => ({ port, ...(i === 0 ? { name: 'default' } : {}), protocol: 'tcp', labels: {} })) }),
    ...(uris === undefined ? {} : { fetch: uris.map((uri) => ({ uri, extract: true, executable: false, cache: false })) }),
    ...(healthChecks === undefined ? {} : { healthChecks: healthChecks.map((check) => toHealthCheck(check as AppHealthCheck)) }),
  };
}

/** Checks that Marathon itself made began at once; those that it left to the agent began after 15 s. */
function toHealthCheck(check: Omit<AppHealthCheck, 'delaySeconds'> & { readonly delaySeconds?: number }): AppHealthCheck {
  const http = /HTTP/.test(check.protocol);
  return {
    ...check,
    ...(http ? { path: check.path ?? '/' } : {}),
    ...(check.protocol === 'COMMAND' || check.port !== undefined ? {} : { portIndex: check.portIndex ?? 0 }),
    delaySeconds: check.delaySeconds ?? (check.protocol.startsWith('MESOS_') ? 15 : 0),
  };
}
