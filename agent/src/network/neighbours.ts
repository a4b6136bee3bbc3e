import type { Attachment, Attachments } from './attachments.js';
import { addressesOf } from './cni.js';
import type { HostsEntry, IdentityFiles } from './identity-files.js';

/** Changes of a burst of starts reach the neighbours' files together. */
const SETTLE_MS = 50;

/** Keeps in every container's hosts file who is in its networks on this agent. */
export class Neighbours {
  readonly files: IdentityFiles;
  readonly #attachments: Attachments;
  /** Networks in which somebody came or went; `all` after a start. */
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(attachments: Attachments, files: IdentityFiles) {
    this.#attachments = attachments;
    this.files = files;
  }

  /** The files of a container that was just attached, and, a moment later, its neighbours'. */
  introduce({ containerId, hostname }: { readonly containerId: string; readonly hostname: string }): void {
    const attachment = this.#attachments.ofContainer(containerId);
    if (attachment === undefined) return;
    this.files.make(containerId, hostname, this.#entries(attachment));
    this.#touch(attachment);
  }

  dismiss(containerId: string, attachment: Attachment): void {
    this.files.remove(containerId);
    this.#touch(attachment);
  }

  /** All files as they should be. */
  refresh(): void {
    for (const attachment of this.#attachments.all()) this.#touch(attachment);
    this.#write();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#write();
  }

  #touch({ networks }: Attachment): void {
    for (const { config } of networks) this.#changed.add(config.name);
    this.#timer ??= setTimeout(() => this.#write(), SETTLE_MS).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const attachment of this.#attachments.all()) {
      const { containerId, networks } = attachment;
      if (containerId === undefined || !networks.some(({ config }) => this.#changed.has(config.name))) continue;
      if (this.files.exists(containerId)) this.files.setHosts(containerId, this.#entries(attachment));
    }
    this.#changed.clear();
  }

  /** Its own names first: the first line that has a name is the answer. */
  #entries(own: Attachment): HostsEntry[] {
    const names = new Set(own.networks.map(({ config }) => config.name));
    const others = this.#attachments.all().filter(({ id, containerId }) => id !== own.id && containerId !== undefined);
    return [own, ...others].flatMap((attachment) => entriesOf(attachment).filter(({ network }) => names.has(network)));
  }
}

function entriesOf({ hostname, networks }: Attachment): (HostsEntry & { readonly network: string })[] {
  return networks.flatMap(({ config, result, aliases }) => {
    const names = [...new Set([...(hostname === undefined ? [] : [hostname]), ...aliases])];
    return addressesOf(result).map((address) => ({ address, names, network: config.name }));
  });
}
