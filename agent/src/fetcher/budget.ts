import { statfs } from 'node:fs/promises';

/** Files, folders and links that the archives of one container may hold: a large source tree has some tens of thousands. */
export const ENTRIES_MAX = 200_000;

/** Left free on the disk whatever a task asks for: the agent's own store lives there too. */
export const DISK_RESERVE_BYTES = 256 * 1024 * 1024;

/** How much one container's fetch may still write. Charged with what really arrives, so no header can lie to it. */
export class Budget {
  readonly #bytes: number;
  readonly #reason: string;
  #bytesLeft: number;
  #entriesLeft = ENTRIES_MAX;

  constructor(bytes: number, reason: string) {
    this.#bytes = bytes;
    this.#bytesLeft = bytes;
    this.#reason = reason;
  }

  /** The smaller of the task's disk resource and what is free where `directory` is. */
  static async on(directory: string, maxBytes: number | undefined): Promise<Budget> {
    const { bavail, bsize } = await statfs(directory);
    const free = Math.max(bavail * bsize - DISK_RESERVE_BYTES, 0);
    if (maxBytes !== undefined && maxBytes <= free) return new Budget(maxBytes, "the task's disk resource");
    return new Budget(free, 'the free space on the disk');
  }

  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  /** Throws before more is written than may be. */
  chargeBytes(count: number): void {
    this.#bytesLeft -= count;
    if (this.#bytesLeft >= 0) return;
    throw new Error(`more than ${(this.#bytes / 1024 / 1024).toFixed(1)} MiB, ${this.#reason}; ask for more disk or fetch less`);
  }

  /** A file that was only on the way (an archive that is unpacked now) takes no room any more. */
  refundBytes(count: number): void {
    this.#bytesLeft += count;
  }

  chargeEntry(): void {
    this.#entriesLeft--;
    if (this.#entriesLeft < 0) throw new Error(`more than ${ENTRIES_MAX} files and folders in the archives of one task`);
  }
}
