import {
  NO_RANGES,
  normalizeRanges,
  pairs,
  resources,
  type CommandInfo,
  type Demand,
  type HealthCheck,
  type Ranges,
  type Resources,
  type TaskInfo,
} from '@proffer/sdk/model';
import type { App, AppHealthCheck } from './app.js';
import { environment } from './environment.js';
import type { Instance } from './instance.js';
import { dynamicPortCount, fixedPorts } from './ports.js';

/** What the agent is asked to run for an instance. */
export function taskInfo(app: App, instance: Instance): TaskInfo {
  const healthCheck = app.healthChecks[0];
  const ports = normalizeRanges(instance.ports.flatMap((port) => [port, port]));
  return {
    taskId: instance.taskId,
    name: app.id.slice(1).split('/').reverse().join('.'),
    agentId: instance.agentId,
    resources: taskResources(app, ports),
    command: command(app, instance),
    ...(healthCheck === undefined ? {} : { healthCheck: check(healthCheck, instance) }),
    ...(app.taskKillGracePeriodSeconds === undefined
      ? {}
      : { killPolicy: { gracePeriodSeconds: app.taskKillGracePeriodSeconds } }),
    labels: pairs(app.labels),
    discovery: {
      name: app.id,
      ports: app.portDefinitions.map(({ name, protocol, labels }, i) => ({
        number: instance.ports[i] ?? 0,
        ...(name === undefined ? {} : { name }),
        protocol,
        labels: pairs(labels),
      })),
    },
  };
}

/** What one instance of the app needs, as the master is told: any ports are a count beside the resources. */
export function appDemand(app: App, count: number): Demand {
  const unique = app.constraints.some(([field, operator]) => /^@?hostname$/.test(field) && operator === 'UNIQUE');
  const ports = dynamicPortCount(app);
  return {
    name: demandName(app),
    role: app.role,
    resources: taskResources(app, fixedPorts(app)),
    ...(ports === 0 ? {} : { ports }),
    count,
    ...(unique || fixedPorts(app).length > 0 ? { maxPerAgent: 1 } : {}),
  };
}

/** One entry for each configuration of an app. */
export function demandName(app: App): string {
  return `${app.id}@${app.versionInfo.lastConfigChangeAt}`;
}

/** The app that an entry of the demand is for. */
export function appOfDemand(name: string): string {
  return name.slice(0, name.lastIndexOf('@'));
}

export function taskResources(app: App, ports: Ranges = NO_RANGES): Resources {
  return resources({ cpus: app.cpus, mem: app.mem, disk: app.disk, gpus: app.gpus, ports });
}

function command(app: App, instance: Instance): CommandInfo {
  const args = app.args ?? [];
  return {
    shell: app.cmd !== undefined,
    value: app.cmd ?? args[0] ?? '',
    ...(app.cmd === undefined ? { arguments: args } : {}),
    environment: environment(app, instance),
    uris: app.fetch.map(({ uri, extract, executable, cache, destPath }) => ({
      value: uri,
      extract,
      executable,
      cache,
      ...(destPath === undefined ? {} : { outputFile: destPath }),
    })),
    ...(app.user === undefined ? {} : { user: app.user }),
  };
}

function check(definition: AppHealthCheck, instance: Instance): HealthCheck {
  const port = definition.port ?? instance.ports[definition.portIndex ?? 0] ?? 0;
  const times = {
    delaySeconds: definition.delaySeconds,
    intervalSeconds: definition.intervalSeconds,
    timeoutSeconds: definition.timeoutSeconds,
    gracePeriodSeconds: definition.gracePeriodSeconds,
    consecutiveFailures: definition.maxConsecutiveFailures,
  };
  switch (definition.protocol) {
    case 'COMMAND':
      return { type: 'COMMAND', command: { shell: true, value: definition.command?.value ?? '' }, ...times };
    case 'TCP':
    case 'MESOS_TCP':
      return { type: 'TCP', tcp: { port }, ...times };
    case 'HTTP':
    case 'MESOS_HTTP':
      return { type: 'HTTP', http: { scheme: 'http', port, path: definition.path ?? '/' }, ...times };
    case 'HTTPS':
    case 'MESOS_HTTPS':
      return { type: 'HTTP', http: { scheme: 'https', port, path: definition.path ?? '/' }, ...times };
    default:
      return definition.protocol satisfies never;
  }
}
