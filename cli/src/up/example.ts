import { realpathSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findApp, putApp, type AppDefinition, type AppJson } from '../api/marathon.js';
import type { Service } from '../api/request.js';
import { readAppFile } from '../app-file.js';
import { isExecutableByAll } from './node-binary.js';
import { waitUntil } from './wait-until.js';

const EXAMPLE_FILE = fileURLToPath(new URL('../../../examples/hello/app.json', import.meta.url));

/** The first start fetches the app's files and waits for health checks; on a busy machine that takes its time. */
const HEALTHY_WITHIN_MS = 120_000;

/** Deploys the example unless there is an app of its id, and returns that id. */
export async function deployExample(marathon: Service): Promise<string> {
  const [app] = await readAppFile(EXAMPLE_FILE);
  if (app === undefined) throw new Error(`${EXAMPLE_FILE} holds no app`);
  if ((await findApp(marathon, app.id)) === undefined) await putApp(marathon, withNode(app, realpathSync(process.execPath)), false);
  return app.id;
}

/**
 * The app with the Node that runs this command in its environment as NODE. Where the tasks' unprivileged user cannot
 * execute that (one under /root, say), the app brings a copy along in its sandbox.
 */
export function withNode(app: AppDefinition, node: string, executable: boolean = isExecutableByAll(node)): AppDefinition {
  const env = { ...(app['env'] as object | undefined), NODE: executable ? node : './node' };
  if (executable) return { ...app, env };
  const copy = { uri: pathToFileURL(node).href, executable: true, extract: false, cache: true, destPath: 'node' };
  return { ...app, env, fetch: [...((app['fetch'] as unknown[] | undefined) ?? []), copy] };
}

/** Waits until all instances of an app are healthy. Returns the app as it is then, or as it is when the time is over. */
export async function waitForHealthy(marathon: Service, id: string, signal: AbortSignal): Promise<{ readonly app: AppJson | undefined; readonly healthy: boolean }> {
  let app: AppJson | undefined;
  const healthy = await waitUntil(
    async () => {
      app = await findApp(marathon, id);
      return app !== undefined && isHealthy(app) ? true : undefined;
    },
    HEALTHY_WITHIN_MS,
    signal,
  );
  return { app, healthy: healthy === true };
}

function isHealthy(app: AppJson): boolean {
  return (app.tasksHealthy ?? 0) >= app.instances && (app.deployments ?? []).length === 0;
}
