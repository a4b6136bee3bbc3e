import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type { AppDefinition } from './api/marathon.js';
import { CliError } from './errors.js';

/** Reads app definitions from a file or, for `-`, from standard input. Throws CliError that names the file and the fault. */
export async function readAppFile(file: string): Promise<readonly AppDefinition[]> {
  const name = file === '-' ? 'standard input' : file;
  const text = file === '-' ? await readStandardInput() : await readText(file);
  const directory = file === '-' ? process.cwd() : dirname(resolve(file));
  return parseApps(text, name).map((app) => resolveFetch(app, directory));
}

/** App definitions in a JSON text: one object or a list of them. */
export function parseApps(text: string, name: string): readonly AppDefinition[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${name} is not valid JSON: ${(error as Error).message}`);
  }
  const apps: unknown[] = Array.isArray(json) ? json : [json];
  apps.forEach((app, i) => {
    const which = Array.isArray(json) ? `app ${i + 1} of ${name}` : name;
    if (typeof app !== 'object' || app === null) throw new CliError(`${which} must be an app definition (an object), got ${JSON.stringify(app)}`);
    const { id } = app as { readonly id?: unknown };
    if (typeof id !== 'string' || id === '') {
      throw new CliError(`${which} must have an "id" like "/hello", got ${id === undefined ? 'none' : JSON.stringify(id)}`);
    }
  });
  return apps as AppDefinition[];
}

/** Files that `fetch` names by a relative or absolute path become `file:` URIs; relative ones are looked up in `directory`. */
export function resolveFetch(app: AppDefinition, directory: string): AppDefinition {
  const fetch = app['fetch'];
  if (!Array.isArray(fetch)) return app;
  const resolved = fetch.map((entry: unknown) => {
    const uri = (entry as { readonly uri?: unknown } | null)?.uri;
    if (typeof uri !== 'string' || /^[a-z][a-z0-9+.-]*:/i.test(uri)) return entry;
    return { ...(entry as object), uri: pathToFileURL(resolve(directory, uri)).href };
  });
  return { ...app, fetch: resolved };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as Error).message}`, { hint: 'name a file with an app definition as JSON, or - for standard input' });
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
