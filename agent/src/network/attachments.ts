import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PortMapping } from '@proffer/sdk/model';
import type { NetworkConfig } from './cni-config.js';
import type { CniResult, RuntimeConfig } from './cni.js';

/** One network that a namespace is, or may be, attached to. */
export interface AttachedNetwork {
  /** The description it was attached with: it may have changed since. */
  readonly config: NetworkConfig;
  readonly runtime: RuntimeConfig;
  readonly interfaceName: string;
  /** Absent while ADD has not ended. */
  readonly result?: CniResult;
  /** Further names of the container in this network. */
  readonly aliases: readonly string[];
}

/** A network namespace and all that was taken for it outside. */
export interface Attachment {
  /** Names the namespace's file, and is what plugins know it by. */
  readonly id: string;
  readonly bootId: string;
  /** Absent: kept ready, or given back. */
  readonly containerId?: string;
  readonly hostname?: string;
  readonly networks: readonly AttachedNetwork[];
  /** On the agent's own bridge. */
  readonly ports: readonly PortMapping[];
}

/**
 * What namespaces there are, on disk before anything is made for them: whatever a crash leaves behind is found here by
 * the next run. In memory as well; one file each.
 */
export class Attachments {
  readonly #directory: string;
  readonly #all = new Map<string, Attachment>();
  readonly #byContainer = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
    for (const file of this.#files()) {
      const attachment = read(join(directory, file));
      if (attachment !== undefined) this.#remember(attachment);
    }
  }

  all(): Attachment[] {
    return [...this.#all.values()];
  }

  get(id: string): Attachment | undefined {
    return this.#all.get(id);
  }

  ofContainer(containerId: string): Attachment | undefined {
    const id = this.#byContainer.get(containerId);
    return id === undefined ? undefined : this.#all.get(id);
  }

  /** Written to another name first, so that a crash leaves the old or the new one. */
  save(attachment: Attachment): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const file = join(this.#directory, `${attachment.id}.json`);
    writeFileSync(`${file}.new`, JSON.stringify(attachment), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.#forget(attachment.id);
    this.#remember(attachment);
  }

  remove(id: string): void {
    rmSync(join(this.#directory, `${id}.json`), { force: true });
    this.#forget(id);
  }

  #remember(attachment: Attachment): void {
    this.#all.set(attachment.id, attachment);
    if (attachment.containerId !== undefined) this.#byContainer.set(attachment.containerId, attachment.id);
  }

  #forget(id: string): void {
    const containerId = this.#all.get(id)?.containerId;
    if (containerId !== undefined) this.#byContainer.delete(containerId);
    this.#all.delete(id);
  }

  /** What a crash left half-written says nothing that was acted upon. */
  #files(): string[] {
    let files;
    try {
      files = readdirSync(this.#directory);
    } catch {
      return [];
    }
    for (const file of files.filter((name) => name.endsWith('.new'))) rmSync(join(this.#directory, file), { force: true });
    return files.filter((file) => file.endsWith('.json'));
  }
}

/** A file that a crash of the machine tore says nothing; nothing of that boot is left anyway but a lease. */
function read(file: string): Attachment | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Attachment;
  } catch {
    return undefined;
  }
}
