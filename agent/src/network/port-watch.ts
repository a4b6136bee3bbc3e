import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { containsRanges, formatRanges, NO_RESOURCES, normalizeRanges } from '@proffer/sdk/model';
import type { IsolatedContainer, Limitation } from '../isolators/types.js';

/** Between two looks: what listens where it may not is found within this time. */
export const PORT_WATCH_MS = 10_000;

/** Files of one container that are looked at in one look; a program with more of them is looked at in part. */
const FILES_MAX = 100_000;

/** `0A` in /proc/net/tcp. */
const LISTENING = '0A';

export interface PortWatchOptions {
  /** `kill` ends a container that listens on a port it was not given. */
  readonly action: 'report' | 'kill';
  warn(message: string): void;
}

interface Watched {
  readonly container: IsolatedContainer;
  readonly onLimitation: (limitation: Limitation) => void;
  readonly told: Set<number>;
}

/**
 * Looks from time to time which TCP ports the processes of containers in the agent's own network listen on. Costs one
 * file while nobody begins to listen; only then are containers' open files looked at.
 */
export class PortWatch {
  readonly #options: PortWatchOptions;
  readonly #watched = new Set<Watched>();
  #known = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PortWatchOptions) {
    this.#options = options;
  }

  /** Watches a running container; one with a network of its own is left alone. Returns what stops it. */
  add(container: IsolatedContainer, onLimitation: (limitation: Limitation) => void): () => void {
    if (container.pid === undefined || container.cgroup === undefined || !sharesNetwork(container.pid)) return () => undefined;
    const watched: Watched = { container, onLimitation, told: new Set() };
    this.#watched.add(watched);
    this.#known = '';
    this.#timer ??= setInterval(() => this.look(), PORT_WATCH_MS).unref();
    return () => void this.#watched.delete(watched);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  /** One look at all of them. */
  look(): void {
    if (this.#watched.size === 0) return;
    const listening = listeningSockets();
    const known = [...listening.keys()].sort().join(' ');
    if (known === this.#known) return;
    this.#known = known;
    for (const watched of this.#watched) this.#judge(watched, listening);
  }

  #judge({ container, onLimitation, told }: Watched, listening: ReadonlyMap<string, number>): void {
    const own = container.resources.ports;
    const strange = portsOf(container, listening).filter((port) => !containsRanges(own, [port, port]) && !told.has(port));
    if (strange.length === 0) return;
    for (const port of strange) told.add(port);
    const given = own.length === 0 ? 'it was given none' : `it was given ${formatRanges(own)}`;
    const message = `listens on TCP port ${strange.join(', ')} of the agent, but ${given}`;
    this.#options.warn(`container ${container.containerId} ${message}`);
    if (this.#options.action === 'report') return;
    const resources = { ...NO_RESOURCES, ports: normalizeRanges(strange.flatMap((port) => [port, port])) };
    onLimitation({ reason: 'ports', message: `it ${message}`, resources });
  }
}

/** Whether the process is in this one's network namespace; one that is gone is not. */
export function sharesNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net');
  } catch {
    return false;
  }
}

/** By inode, as text. */
function listeningSockets(): Map<string, number> {
  return new Map(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseListening(read(file))));
}

/** `sl local_address rem_address st … inode`, addresses as `HEX:PORT`. */
export function parseListening(text: string): [inode: string, port: number][] {
  return text.split('\n').slice(1).flatMap((line): [string, number][] => {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state] = fields;
    const inode = fields[9];
    return state === LISTENING && inode !== undefined ? [[inode, Number.parseInt(local.split(':')[1] ?? '0', 16)]] : [];
  });
}

function portsOf({ cgroup }: IsolatedContainer, listening: ReadonlyMap<string, number>): number[] {
  const ports = new Set<number>();
  let budget = FILES_MAX;
  for (const pid of cgroup?.processes() ?? []) {
    for (const file of list(`/proc/${pid}/fd`)) {
      if (budget-- <= 0) return [...ports];
      const port = listening.get(/^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${file}`))?.[1] ?? '');
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].sort((a, b) => a - b);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
