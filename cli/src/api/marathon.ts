import { CliError, EXIT } from '../errors.js';
import { requestJson, type Service } from './request.js';

export interface AppTaskJson {
  readonly id: string;
  readonly host: string;
  readonly ports: readonly number[];
  readonly state: string;
  readonly healthCheckResults?: readonly { readonly alive: boolean }[];
}

/** An app as Marathon's API answers it, as far as the command line reads it. */
export interface AppJson {
  readonly id: string;
  readonly cmd?: string | null;
  readonly args?: readonly string[] | null;
  readonly cpus: number;
  readonly mem: number;
  readonly instances: number;
  readonly healthChecks?: readonly unknown[];
  readonly tasksStaged?: number;
  readonly tasksRunning?: number;
  readonly tasksHealthy?: number;
  readonly tasksUnhealthy?: number;
  readonly deployments?: readonly unknown[];
  readonly tasks?: readonly AppTaskJson[];
  readonly lastTaskFailure?: { readonly message?: string; readonly state?: string };
}

/** An app definition as a user writes it: Marathon checks it, the command line only needs its id. */
export interface AppDefinition {
  readonly id: string;
  readonly [field: string]: unknown;
}

export interface DeploymentJson {
  readonly version: string;
  readonly deploymentId: string;
}

export async function listApps(marathon: Service): Promise<readonly AppJson[]> {
  return ((await requestJson(marathon, 'GET', '/v2/apps')) as { readonly apps: readonly AppJson[] }).apps;
}

/** The app with its tasks, or undefined if there is none of this id. */
export async function findApp(marathon: Service, id: string): Promise<AppJson | undefined> {
  try {
    return ((await requestJson(marathon, 'GET', `/v2/apps${pathOf(id)}`)) as { readonly app: AppJson }).app;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.NOT_FOUND) return undefined;
    throw error;
  }
}

/** Makes the app what the definition says, whatever it was before. */
export async function putApp(marathon: Service, app: AppDefinition, force: boolean): Promise<DeploymentJson> {
  const path = `/v2/apps${pathOf(app.id)}?partialUpdate=false${force ? '&force=true' : ''}`;
  return (await requestJson(marathon, 'PUT', path, app)) as DeploymentJson;
}

/** Changes the number of instances and nothing else. Throws CliError if there is no such app. */
export async function scaleApp(marathon: Service, id: string, instances: number, force: boolean): Promise<DeploymentJson> {
  // A PUT for an unknown id would try to create the app, and complain of fields that nobody asked for.
  await requestJson(marathon, 'GET', `/v2/apps${pathOf(id)}`);
  return (await requestJson(marathon, 'PUT', `/v2/apps${pathOf(id)}${query(force)}`, { instances })) as DeploymentJson;
}

export async function restartApp(marathon: Service, id: string, force: boolean): Promise<DeploymentJson> {
  return (await requestJson(marathon, 'POST', `/v2/apps${pathOf(id)}/restart${query(force)}`)) as DeploymentJson;
}

export async function removeApp(marathon: Service, id: string): Promise<DeploymentJson> {
  return (await requestJson(marathon, 'DELETE', `/v2/apps${pathOf(id)}`)) as DeploymentJson;
}

/** An app's id as the rest of a URL: its slashes stay, everything else is escaped. */
function pathOf(id: string): string {
  const path = id.startsWith('/') ? id : `/${id}`;
  return path.split('/').map(encodeURIComponent).join('/');
}

function query(force: boolean): string {
  return force ? '?force=true' : '';
}
