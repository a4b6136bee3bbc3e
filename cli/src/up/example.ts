import { copyFileSync, existsSync, linkSync, realpathSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findApp, putApp, type AppDefinition, type AppJson } from '../api/marathon.js';
import type { Service } from '../api/request.js';
import { readAppFile } from '../app-file.js';
import { isExecutableByAll } from './node-binary.js';
import { waitUntil } from './wait-until.js';

/** The example app and its files. */
export const EXAMPLE_DIRECTORY: string = fileURLToPath(new URL('../../../examples/hello', import.meta.url));

/** The first start fetches the app's files and waits for health checks; on a busy machine that takes its time. */
const HEALTHY_WITHIN_MS = 60_000;

/** Deploys the example unless there is an app of its id, and returns that id. `publicDirectory` is where tasks may fetch from. */
export async function deployExample(marathon: Service, publicDirectory: string): Promise<string> {
  const file = join(EXAMPLE_DIRECTORY, 'app.json');
  const [app] = await readAppFile(file);
  if (app === undefined) throw new Error(`${file} holds no app`);
  const node = realpathSync(process.execPath);
  const executable = isExecutableByAll(node);
  const offered = executable ? node : offerNode(node, publicDirectory);
  if ((await findApp(marathon, app.id)) === undefined) await putApp(marathon, withNode(app, offered, executable), false);
  return app.id;
}

/**
 * The app with a Node in its environment as NODE: this one, where every user can execute it, or else one that its tasks
 * fetch into their sandboxes.
 */
export function withNode(app: AppDefinition, node: string, executable: boolean): AppDefinition {
  const env = { ...(app['env'] as object | undefined), NODE: executable ? node : './node' };
  if (executable) return { ...app, env };
  const copy = { uri: pathToFileURL(node).href, executable: true, extract: false, cache: true, destPath: 'node' };
  return { ...app, env, fetch: [...((app['fetch'] as unknown[] | undefined) ?? []), copy] };
}

/** Puts a Node that only its owner can reach (one under /root, say) where tasks may fetch it, and returns its path there. */
export function offerNode(node: string, publicDirectory: string): string {
  const path = join(publicDirectory, `node-${process.version}`);
  if (existsSync(path)) return path;
  try {
    linkSync(node, path);
  } catch {
    // On another file system there are no links; the copy gets its name once it is whole.
    copyFileSync(node, `${path}.new`);
    renameSync(`${path}.new`, path);
  }
  return path;
}

/**
 * Waits until all instances of an app are healthy. Returns the app as it is then, or as it is when the time is over.
 * `onFailure` is told why an instance failed, once for each reason.
 */
export async function waitForHealthy(
  marathon: Service,
  id: string,
  signal: AbortSignal,
  onFailure: (text: string) => void,
): Promise<{ readonly app: AppJson | undefined; readonly healthy: boolean }> {
  let app: AppJson | undefined;
  const told = new Set<string>();
  const healthy = await waitUntil(
    async () => {
      app = await findApp(marathon, id);
      if (app !== undefined && isHealthy(app)) return true;
      const failure = app?.lastTaskFailure?.message;
      if (failure !== undefined && !told.has(failure)) {
        told.add(failure);
        onFailure(`an instance of ${id} failed: ${failure}`);
      }
      return undefined;
    },
    HEALTHY_WITHIN_MS,
    signal,
  );
  return { app, healthy: healthy === true };
}

function isHealthy(app: AppJson): boolean {
  return (app.tasksHealthy ?? 0) >= app.instances && (app.deployments ?? []).length === 0;
}
