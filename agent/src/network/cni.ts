import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkConfig, PluginConfig } from './cni-config.js';
import { runProgram } from './run-program.js';

/** What plugins answer to ADD; fields that nobody here reads are kept for CHECK and DEL. */
export interface CniResult {
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
  readonly [field: string]: unknown;
}

/** What a container asks of the plugins that have the capability. */
export interface RuntimeConfig {
  readonly portMappings?: readonly {
    readonly hostPort: number;
    readonly containerPort: number;
    readonly protocol: 'tcp' | 'udp';
    readonly hostIP?: string;
  }[];
  /** Bits a second, and bits of a burst. */
  readonly bandwidth?: {
    readonly ingressRate?: number;
    readonly ingressBurst?: number;
    readonly egressRate?: number;
    readonly egressBurst?: number;
  };
  readonly ips?: readonly string[];
}

/** One interface of one network namespace. */
export interface Interface {
  readonly config: NetworkConfig;
  readonly runtime: RuntimeConfig;
  /** What plugins know the container by. */
  readonly cniId: string;
  /** File of the namespace; DEL works without it where it is gone. */
  readonly namespace: string;
  readonly name: string;
}

/** Plugins wait for one another's locks: many containers at once must not time out. */
const PLUGIN_TIMEOUT_MS = 60_000;

/** iptables and sysctl are found by name. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Calls the standard plugins as CNI 0.4 and 1.0 say. */
export class Cni {
  readonly #pluginPath: string;

  /** `pluginPath`: directories, separated by colons. */
  constructor(pluginPath: string) {
    this.#pluginPath = pluginPath;
  }

  has(type: string): boolean {
    return this.#find(type) !== undefined;
  }

  /** Calls the plugins from `from` on, each with the result of the one before. */
  async add(link: Interface, from = 0, previous?: CniResult): Promise<CniResult> {
    let result = previous;
    for (const plugin of link.config.plugins.slice(from)) {
      const output = await this.#call('ADD', link, plugin, result);
      const answer = parse(output);
      if (answer === undefined) throw new Error(`${describe('ADD', link, plugin)}: expected a result in JSON, got ${JSON.stringify(output.slice(0, 200))}`);
      result = answer;
    }
    return result ?? {};
  }

  /** Rejects with what is not as ADD left it. */
  async check(link: Interface, result: CniResult): Promise<void> {
    for (const plugin of link.config.plugins) await this.#call('CHECK', link, plugin, result);
  }

  /** Undoes ADD, also one that never ended; may be called again. Every plugin is called; the first failure is thrown. */
  async remove(link: Interface, result: CniResult | undefined): Promise<void> {
    let failure: unknown;
    for (const plugin of link.config.plugins.toReversed()) {
      try {
        await this.#call('DEL', link, plugin, result);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  async #call(command: string, link: Interface, plugin: PluginConfig, previous: CniResult | undefined): Promise<string> {
    const what = describe(command, link, plugin);
    const file = this.#find(plugin.type);
    if (file === undefined) {
      throw new Error(`${what}: there is no such plugin in ${this.#pluginPath}; install it (Debian, Ubuntu: containernetworking-plugins)`);
    }
    const { config, runtime, cniId, namespace, name } = link;
    const wanted = Object.entries(runtime).filter(([capability]) => plugin.capabilities?.[capability] === true);
    const input = {
      ...plugin,
      cniVersion: config.cniVersion,
      name: config.name,
      ...(wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) }),
      ...(previous === undefined ? {} : { prevResult: previous }),
    };
    const environment = {
      PATH,
      CNI_COMMAND: command,
      CNI_CONTAINERID: cniId,
      CNI_NETNS: existsSync(namespace) || command !== 'DEL' ? namespace : '',
      CNI_IFNAME: name,
      CNI_PATH: this.#pluginPath,
    };
    let answer;
    try {
      answer = await runProgram({ file, environment, input: JSON.stringify(input), timeoutMs: PLUGIN_TIMEOUT_MS });
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    if (answer.code === 0) return answer.output;
    throw new Error(`${what}: ${complaint(answer)}`);
  }

  #find(type: string): string | undefined {
    return this.#pluginPath.split(':').map((directory) => join(directory, type)).find((file) => existsSync(file));
  }
}

/** Addresses without their prefix lengths. */
export function addressesOf(result: CniResult | undefined): string[] {
  return (result?.ips ?? []).map(({ address }) => address.split('/')[0] ?? address);
}

function describe(command: string, link: Interface, plugin: PluginConfig): string {
  return `network ${link.config.name}: plugin ${plugin.type} ${command}`;
}

/** The plugin's own message. */
function complaint(answer: { readonly code: number | null; readonly output: string; readonly errors: string }): string {
  const error = parse(answer.output);
  if (typeof error?.['msg'] === 'string') {
    return typeof error['details'] === 'string' && error['details'] !== '' ? `${error['msg']} (${error['details']})` : error['msg'];
  }
  const text = (answer.errors.trim() || answer.output.trim()).slice(0, 500);
  return `exit code ${answer.code ?? 'none'}${text === '' ? '' : `, ${text}`}`;
}

function parse(text: string): CniResult | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as CniResult) : undefined;
  } catch {
    return undefined;
  }
}
