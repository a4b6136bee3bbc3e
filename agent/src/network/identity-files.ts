import { closeSync, constants, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A container's own files about itself and its neighbours, by the paths at which every program looks for them. */
export const IDENTITY_FILES = { hosts: '/etc/hosts', hostname: '/etc/hostname', resolv: '/etc/resolv.conf' } as const;

/** One line of a hosts file. */
export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/** `<directory>/<container id>/{hosts,hostname,resolv}`. */
export class IdentityFiles {
  readonly #directory: string;
  readonly #resolvFile: string;

  constructor(directory: string, resolvFile = '/etc/resolv.conf') {
    this.#directory = directory;
    this.#resolvFile = resolvFile;
  }

  path(containerId: string, name: keyof typeof IDENTITY_FILES): string {
    return join(this.#directory, containerId, name);
  }

  exists(containerId: string): boolean {
    return existsSync(this.path(containerId, 'hosts'));
  }

  make(containerId: string, hostname: string, entries: readonly HostsEntry[]): void {
    mkdirSync(join(this.#directory, containerId), { recursive: true, mode: 0o755 });
    writeInPlace(this.path(containerId, 'hostname'), `${hostname}\n`);
    writeInPlace(this.path(containerId, 'resolv'), this.#resolv());
    this.setHosts(containerId, entries);
  }

  /** The file that is mounted stays the same one: containers that run see the change. */
  setHosts(containerId: string, entries: readonly HostsEntry[]): void {
    const lines = entries.filter(({ names }) => names.length > 0).map(({ address, names }) => `${address}\t${names.join(' ')}\n`);
    writeInPlace(this.path(containerId, 'hosts'), `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${lines.join('')}`);
  }

  remove(containerId: string): void {
    rmSync(join(this.#directory, containerId), { recursive: true, force: true });
  }

  /** The machine's, without servers on the machine's own loopback, which nobody in another network reaches. */
  #resolv(): string {
    let text;
    try {
      text = readFileSync(this.#resolvFile, 'utf8');
    } catch {
      return '';
    }
    const lines = text.split('\n').filter((line) => line !== '' && !/^\s*nameserver\s+(127\.|::1)/.test(line));
    return lines.map((line) => `${line}\n`).join('');
  }
}

/** One write, then the length: a reader in between sees an old tail at worst, never an empty file. */
function writeInPlace(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    writeSync(file, text, 0);
    ftruncateSync(file, Buffer.byteLength(text));
  } finally {
    closeSync(file);
  }
}
