import type { App, AppHealthCheck } from './app.js';
import { invalidConstraint } from './constraints.js';
import type { FieldFault } from './refusal.js';

/** An app with more instances than this is a slip of the keyboard; the whole framework is built for fewer. */
export const INSTANCES_MAX = 100_000;

/** Instances of such an app never run beside one another. */
const SINGLE_INSTANCE_LABEL = 'MARATHON_SINGLE_INSTANCE_APP';

/** All that is wrong with a definition, each by its field. */
export function appFaults(app: App, role: string): FieldFault[] {
  const faults = new Map<string, string[]>();
  const fault = (path: string, error: string): void => void faults.set(path, [...(faults.get(path) ?? []), error]);
  checkCommand(app, fault);
  checkNumbers(app, fault);
  checkPorts(app, fault);
  checkPlacement(app, role, fault);
  checkHealth(app, fault);
  checkStrategies(app, fault);
  checkTexts(app, fault);
  return Array.from(faults, ([path, errors]) => ({ path, errors }));
}

type Report = (path: string, error: string) => void;

function checkCommand(app: App, fault: Report): void {
  if (app.cmd !== undefined && app.args !== undefined) fault('/cmd', 'must not be given together with args');
  if (app.cmd === undefined && app.args === undefined) fault('/cmd', 'must be given, or args instead');
  if (app.cmd?.trim() === '') fault('/cmd', 'must not be empty');
  if (app.args !== undefined && (app.args[0] ?? '') === '') fault('/args', 'must begin with the program to run');
}

function checkNumbers(app: App, fault: Report): void {
  const bounds = [
    ['cpus', 0.001, 1e6],
    ['mem', 0, 1e9],
    ['disk', 0, 1e9],
    ['gpus', 0, 1e6],
    ['instances', 0, INSTANCES_MAX],
    ['backoffSeconds', 0, 86_400],
    ['backoffFactor', 1, 1000],
    ['maxLaunchDelaySeconds', 0, 86_400],
    ['taskKillGracePeriodSeconds', 0, 86_400],
  ] as const;
  for (const [field, min, max] of bounds) {
    const value = app[field];
    if (value !== undefined) within(`/${field}`, value, min, max, fault);
  }
  for (const field of ['instances', 'gpus'] as const) {
    if (!Number.isInteger(app[field])) fault(`/${field}`, `must be a whole number, got ${app[field]}`);
  }
}

function within(path: string, value: number, min: number, max: number, fault: Report): void {
  if (value < min) fault(path, `must be greater than or equal to ${min}, got ${value}`);
  if (!(value <= max)) fault(path, `must be less than or equal to ${max}, got ${value}`);
}

function checkPorts(app: App, fault: Report): void {
  if (app.portDefinitions.length > 100)
    fault('/portDefinitions', `must have at most 100 entries, got ${app.portDefinitions.length}`);
  const ports = new Set<number>();
  const names = new Set<string>();
  app.portDefinitions.forEach(({ port, name }, i) => {
    const path = `/portDefinitions/${i}`;
    if (!Number.isInteger(port)) fault(`${path}/port`, `must be a whole number, got ${port}`);
    within(`${path}/port`, port, 0, 65_535, fault);
    if (port !== 0 && ports.has(port)) fault(`${path}/port`, `must be unique in the app, got ${port} twice`);
    if (name !== undefined && !/^[A-Za-z0-9_-]{1,63}$/.test(name))
      fault(`${path}/name`, `must be letters, digits, "-" and "_", got "${name}"`);
    if (name !== undefined && names.has(name)) fault(`${path}/name`, `must be unique in the app, got "${name}" twice`);
    ports.add(port);
    if (name !== undefined) names.add(name);
  });
}

function checkPlacement(app: App, role: string, fault: Report): void {
  app.constraints.forEach((constraint, i) => {
    if (constraint[0] === '') fault(`/constraints/${i}`, 'must name a field');
    const problem = invalidConstraint(constraint);
    if (problem !== undefined) fault(`/constraints/${i}`, problem);
  });
  if (app.role !== role) fault('/role', `must be "${role}", the role of this framework, got "${app.role}"`);
  const accepted = app.acceptedResourceRoles;
  if (accepted !== undefined && (accepted.length === 0 || accepted.some((one) => one !== '*' && one !== role))) {
    fault('/acceptedResourceRoles', `must be of "*" and "${role}", got ${JSON.stringify(accepted)}`);
  }
}

function checkHealth(app: App, fault: Report): void {
  if (app.healthChecks.length > 1)
    fault('/healthChecks', `must have at most one entry in this version, got ${app.healthChecks.length}`);
  app.healthChecks.forEach((check, i) => checkOneHealthCheck(app, check, `/healthChecks/${i}`, fault));
}

function checkOneHealthCheck(app: App, check: AppHealthCheck, path: string, fault: Report): void {
  within(`${path}/intervalSeconds`, check.intervalSeconds, 0.1, 86_400, fault);
  within(`${path}/timeoutSeconds`, check.timeoutSeconds, 0.1, 86_400, fault);
  within(`${path}/gracePeriodSeconds`, check.gracePeriodSeconds, 0, 86_400, fault);
  within(`${path}/delaySeconds`, check.delaySeconds, 0, 86_400, fault);
  within(`${path}/maxConsecutiveFailures`, check.maxConsecutiveFailures, 0, 1e6, fault);
  if (!Number.isInteger(check.maxConsecutiveFailures)) fault(`${path}/maxConsecutiveFailures`, 'must be a whole number');
  if (check.protocol === 'COMMAND') {
    if ((check.command?.value ?? '').trim() === '') fault(`${path}/command`, 'must be given for the protocol COMMAND');
    return;
  }
  if (check.command !== undefined) fault(`${path}/command`, `must not be given for the protocol ${check.protocol}`);
  if (check.path !== undefined && !check.path.startsWith('/')) fault(`${path}/path`, `must begin with "/", got "${check.path}"`);
  if (check.port !== undefined) within(`${path}/port`, check.port, 1, 65_535, fault);
  else if (!((check.portIndex ?? 0) in app.portDefinitions)) {
    fault(
      `${path}/portIndex`,
      `must be the index of one of the app's ${app.portDefinitions.length} ports, got ${check.portIndex ?? 0}`,
    );
  }
}

function checkStrategies(app: App, fault: Report): void {
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  within('/upgradeStrategy/minimumHealthCapacity', minimumHealthCapacity, 0, 1, fault);
  within('/upgradeStrategy/maximumOverCapacity', maximumOverCapacity, 0, 1, fault);
  if (app.labels[SINGLE_INSTANCE_LABEL] === 'true') {
    if (app.instances > 1) fault('/instances', `must be 0 or 1 with the label ${SINGLE_INSTANCE_LABEL}, got ${app.instances}`);
    if (minimumHealthCapacity !== 0 || maximumOverCapacity !== 0) {
      fault('/upgradeStrategy', `must be 0 and 0 with the label ${SINGLE_INSTANCE_LABEL}`);
    }
  }
  if (app.unreachableStrategy === 'disabled') return;
  const { inactiveAfterSeconds, expungeAfterSeconds } = app.unreachableStrategy;
  within('/unreachableStrategy/inactiveAfterSeconds', inactiveAfterSeconds, 0, 1e9, fault);
  if (expungeAfterSeconds < inactiveAfterSeconds) {
    fault(
      '/unreachableStrategy/expungeAfterSeconds',
      `must not be below inactiveAfterSeconds (${inactiveAfterSeconds}), got ${expungeAfterSeconds}`,
    );
  }
}

/** Bytes that environment, labels and command may have together: what travels with every task. */
const TEXT_LENGTH_MAX = 256 * 1024;

function checkTexts(app: App, fault: Report): void {
  for (const [field, value] of Object.entries(app)) {
    if (hasZeroByte(value)) fault(`/${field}`, 'must hold no zero byte: no program could be started with it');
  }
  for (const name of Object.keys(app.env)) {
    if (name === '' || name.includes('=') || name.includes('\u0000'))
      fault('/env', `must have names without "=", got ${JSON.stringify(name)}`);
  }
  app.fetch.forEach(({ uri, destPath }, i) => {
    if (!/^(file|https?):\/\//.test(uri)) fault(`/fetch/${i}/uri`, `must be a URI with file:, http: or https:, got "${uri}"`);
    if (destPath !== undefined && (destPath.startsWith('/') || destPath.split('/').includes('..'))) {
      fault(`/fetch/${i}/destPath`, `must be a path inside the sandbox, got "${destPath}"`);
    }
  });
  const size = JSON.stringify([app.cmd, app.args, app.env, app.labels, app.fetch]).length;
  if (size > TEXT_LENGTH_MAX)
    fault('/env', `must fit with command, labels and fetch in ${TEXT_LENGTH_MAX} characters, got ${size}`);
}

function hasZeroByte(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000');
  return typeof value === 'object' && value !== null && Object.values(value).some(hasZeroByte);
}
