import type { FieldFault } from '../core/index.js';

/** Fields of Marathon's that this version does not do. Refused, never left aside: the app would not be what was asked for. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  'check',
  'container',
  'dependencies',
  'executor',
  'executorResources',
  'ipAddress',
  'networks',
  'readinessChecks',
  'residency',
  'resourceLimits',
  'secrets',
  'storeUrls',
  'tty',
  'volumes',
]);

/** Fields of answers: who sends back what was read is not refused for them, and they change nothing. */
const READ_ONLY: ReadonlySet<string> = new Set([
  'deployments',
  'lastTaskFailure',
  'readinessCheckResults',
  'taskStats',
  'tasks',
  'tasksHealthy',
  'tasksRunning',
  'tasksStaged',
  'tasksUnhealthy',
  'versionInfo',
]);

/** Without what says nothing: null, and for fields that are not supported also empty lists, objects and texts. */
export function withoutEmpty(object: Readonly<Record<string, unknown>>, onlyNull = false): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([key, value]) => value !== null && (onlyNull || !UNSUPPORTED.has(key) || !saysNothing(key, value)),
    ),
  );
}

function saysNothing(key: string, value: unknown): boolean {
  if (value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0 || (key === 'networks' && value.every(isHostNetwork));
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** What every task has anyway. */
function isHostNetwork(network: unknown): boolean {
  return typeof network === 'object' && network !== null && 'mode' in network && network.mode === 'host';
}

/** What would have to be left aside, by field: not supported, or not known at all. */
export function ignoredFaults(given: Readonly<Record<string, unknown>>, known: Readonly<Record<string, unknown>>): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const key of Object.keys(given)) {
    if (UNSUPPORTED.has(key)) faults.push({ path: `/${key}`, errors: ['is not supported by this version'] });
    else if (!READ_ONLY.has(key) && !(key in known)) faults.push({ path: `/${key}`, errors: ['is not a known field'] });
  }
  return [...faults, ...secretFaults(given['env']), ...healthFaults(given['healthChecks'])];
}

function secretFaults(env: unknown): FieldFault[] {
  if (typeof env !== 'object' || env === null) return [];
  return Object.entries(env)
    .filter(([, value]: [string, unknown]) => typeof value === 'object' && value !== null && 'secret' in value)
    .map(([name]) => ({ path: `/env/${name}`, errors: ['is a secret, which is not supported by this version'] }));
}

/** `ipProtocol` IPv4 and `ignoreHttp1xx` false are how checks are made anyway. */
function healthFaults(checks: unknown): FieldFault[] {
  if (!Array.isArray(checks)) return [];
  return checks.flatMap((check: unknown, i) => {
    if (typeof check !== 'object' || check === null) return [];
    const faults: FieldFault[] = [];
    const drop = (key: 'ipProtocol' | 'ignoreHttp1xx', allowed: unknown): void => {
      const value: unknown = Reflect.get(check, key);
      if (value !== undefined && value !== allowed)
        faults.push({ path: `/healthChecks/${i}/${key}`, errors: ['is not supported by this version'] });
      else Reflect.deleteProperty(check, key);
    };
    drop('ipProtocol', 'IPv4');
    drop('ignoreHttp1xx', false);
    return faults;
  });
}
