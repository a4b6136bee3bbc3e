import { compileSchema, type Static, type TObject, type TSchema } from '@proffer/sdk/service';
import { invalid, Refusal, type AppHealthCheck, type AppUpdate, type FieldFault } from '../core/index.js';
import { AppJson } from './app-schema.js';
import { ignoredFaults, withoutEmpty } from './unsupported.js';

/** What a user gives of one app. */
export interface ParsedApp {
  readonly id?: string;
  /** Alone: go back to this version. */
  readonly version?: string;
  readonly update: AppUpdate;
}

type Fields = Omit<Static<typeof AppJson>, 'id' | 'version'>;

const faultsOf = compileSchema(AppJson);

/** Reads the JSON of an app. Throws a Refusal: 400 for a wrong shape, 422 for what this version does not do. */
export function parseApp(body: unknown): ParsedApp {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw wrongShape('', `must be an object, got ${shown(body)}`);
  const given = withoutEmpty(body as Record<string, unknown>);
  const ignored = ignoredFaults(given, AppJson.properties);
  if (ignored.length > 0) throw invalid(ignored);
  const known = withDefaults(Object.fromEntries(Object.entries(given).filter(([key]) => key in AppJson.properties)));
  const faults = faultsOf(known).map(({ path, expected, got }): FieldFault => ({
    path,
    errors: [`must be ${expected}, got ${got}`],
  }));
  if (faults.length > 0) throw new Refusal('badRequest', 'Invalid JSON', { faults });
  const { id, version, ...fields } = known as Static<typeof AppJson>;
  return { ...(id === undefined ? {} : { id }), ...(version === undefined ? {} : { version }), update: toUpdate(fields) };
}

/** A body that is not even of the right kind. */
export function wrongShape(path: string, error: string): Refusal {
  return new Refusal('badRequest', 'Invalid JSON', { faults: [{ path, errors: [error] }] });
}

function shown(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : JSON.stringify(value).slice(0, 100);
}

/** Fields whose objects have defaults of their own. */
const NESTED = ['fetch', 'portDefinitions', 'healthChecks', 'upgradeStrategy', 'unreachableStrategy'] as const;

/** Fills in defaults of nested objects. Those of the app are the core's: an update must not reset what it leaves out. */
function withDefaults(app: Record<string, unknown>): Record<string, unknown> {
  const filled = { ...app };
  for (const key of NESTED) if (app[key] !== undefined) filled[key] = fill(AppJson.properties[key], app[key]);
  return filled;
}

function fill(schema: TSchema, value: unknown): unknown {
  const object = (schema['items'] ?? schema['anyOf']?.at(-1) ?? schema) as TObject;
  const defaults = Object.fromEntries(
    Object.entries(object.properties).flatMap(([name, inner]) => ('default' in inner ? [[name, inner.default as unknown]] : [])),
  );
  const one = (item: unknown): unknown =>
    typeof item === 'object' && item !== null ? { ...defaults, ...withoutEmpty(item as Record<string, unknown>, true) } : item;
  return Array.isArray(value) ? value.map(one) : one(value);
}

function toUpdate({ ports, uris, healthChecks, ...rest }: Fields): AppUpdate {
  const faults: FieldFault[] = [];
  if (ports !== undefined && rest.portDefinitions !== undefined) faults.push(notBoth('/ports', 'portDefinitions'));
  if (uris !== undefined && rest.fetch !== undefined) faults.push(notBoth('/uris', 'fetch'));
  if (faults.length > 0) throw invalid(faults);
  return {
    ...(rest as AppUpdate),
    ...(ports === undefined ? {} : { portDefinitions: ports.map(fromOldPort) }),
    ...(uris === undefined ? {} : { fetch: uris.map((uri) => ({ uri, extract: true, executable: false, cache: false })) }),
    ...(healthChecks === undefined ? {} : { healthChecks: healthChecks.map(toHealthCheck) }),
  };
}

function notBoth(path: string, other: string): FieldFault {
  return { path, errors: [`must not be given together with ${other}`] };
}

function fromOldPort(port: number, index: number): NonNullable<AppUpdate['portDefinitions']>[number] {
  return { port, ...(index === 0 ? { name: 'default' } : {}), protocol: 'tcp', labels: {} };
}

/** Checks that Marathon itself made began at once; those that it left to the agent began after 15 s. */
function toHealthCheck(check: NonNullable<Fields['healthChecks']>[number]): AppHealthCheck {
  const { path, portIndex, delaySeconds, ...rest } = check as Omit<AppHealthCheck, 'delaySeconds'> & { delaySeconds?: number };
  const hasPort = rest.protocol === 'COMMAND' || rest.port !== undefined;
  return {
    ...rest,
    ...(/HTTP/.test(rest.protocol) ? { path: path ?? '/' } : {}),
    ...(hasPort ? {} : { portIndex: portIndex ?? 0 }),
    delaySeconds: delaySeconds ?? (rest.protocol.startsWith('MESOS_') ? 15 : 0),
  };
}
