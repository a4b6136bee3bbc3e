import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One plugin's part of a network's description: what it reads is its own affair. */
export interface PluginConfig {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [field: string]: unknown;
}

/** A network as CNI describes it: plugins that are called one after the other. */
export interface NetworkConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly PluginConfig[];
}

/** What this agent can speak: results have a list of `ips` since 0.3.0, a chain can be checked and undone since 0.4.0. */
const VERSIONS = new Set(['0.4.0', '1.0.0']);

/** CNI's own rule for names of networks, which become names of directories. */
const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** A program's name, never a path. */
const PLUGIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * The network of this name, from the first file (in the order of their names) that describes it. Throws where no file
 * does, and says which files cannot be read.
 */
export function findNetwork(directory: string, name: string): NetworkConfig {
  const faults: string[] = [];
  for (const file of configFiles(directory)) {
    try {
      const config = parseNetwork(readFileSync(join(directory, file), 'utf8'));
      if (config.name === name) return config;
    } catch (error) {
      faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const unreadable = faults.length === 0 ? '' : ` (cannot be used: ${faults.join('; ')})`;
  throw new Error(`no network "${name}" is described in ${directory}${unreadable}; add a .conf or .conflist file there, or name another`);
}

function configFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => /\.(conf|conflist|json)$/.test(file)).sort();
  } catch {
    return [];
  }
}

/** A list of plugins, or a single one. Throws what is wrong with it. */
export function parseNetwork(text: string): NetworkConfig {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('expected a JSON object');
  const { cniVersion, name, plugins } = value;
  if (typeof name !== 'string' || !NETWORK_NAME.test(name)) throw new Error('name: expected letters, digits, "_", "." and "-"');
  if (typeof cniVersion !== 'string' || !VERSIONS.has(cniVersion)) {
    throw new Error(`cniVersion: expected one of ${[...VERSIONS].join(', ')}, got ${JSON.stringify(cniVersion)}`);
  }
  const list: unknown = plugins ?? [value];
  if (!Array.isArray(list) || list.length === 0 || !list.every(isPlugin)) {
    throw new Error('plugins: expected a list of objects with the name of a program as "type"');
  }
  return { cniVersion, name, plugins: list };
}

function isPlugin(value: unknown): value is PluginConfig {
  return isObject(value) && typeof value['type'] === 'string' && PLUGIN_NAME.test(value['type']);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
