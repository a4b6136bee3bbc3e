import type { Pairs } from '@proffer/sdk/model';
import type { App } from './app.js';
import type { Instance } from './instance.js';

/** Longer labels are left out of the environment, as Marathon does; the whole of it has to fit the kernel's bounds. */
const LABEL_LENGTH_MAX = 512;

/** What a task finds in its environment: the app's own variables win over all others. */
export function environment(app: App, instance: Instance): Pairs {
  return Object.entries({ ...portVariables(app, instance), ...appVariables(app, instance), ...app.env });
}

function portVariables(app: App, { ports, hostname }: Instance): Record<string, string> {
  const variables: Record<string, string> = { HOST: hostname };
  ports.forEach((port, i) => {
    const definition = app.portDefinitions[i];
    if (i === 0) variables['PORT'] = String(port);
    variables[`PORT${i}`] = String(port);
    if (definition !== undefined && definition.port !== 0) variables[`PORT_${definition.port}`] = String(port);
    if (definition?.name !== undefined) variables[`PORT_${variableName(definition.name)}`] = String(port);
  });
  if (ports.length > 0) variables['PORTS'] = ports.join(',');
  return variables;
}

function appVariables(app: App, instance: Instance): Record<string, string> {
  const labels = Object.entries(app.labels).filter(
    ([key, value]) => key.length <= LABEL_LENGTH_MAX && value.length <= LABEL_LENGTH_MAX,
  );
  return {
    MARATHON_APP_ID: app.id,
    MARATHON_APP_VERSION: app.version,
    MARATHON_APP_RESOURCE_CPUS: String(app.cpus),
    MARATHON_APP_RESOURCE_MEM: String(app.mem),
    MARATHON_APP_RESOURCE_DISK: String(app.disk),
    MARATHON_APP_RESOURCE_GPUS: String(app.gpus),
    MARATHON_APP_LABELS: labels.map(([key]) => variableName(key)).join(' '),
    ...Object.fromEntries(labels.map(([key, value]) => [`MARATHON_APP_LABEL_${variableName(key)}`, value])),
    MESOS_TASK_ID: instance.taskId,
  };
}

/** A name as a variable: `http-api` is `HTTP_API`. */
function variableName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
}
