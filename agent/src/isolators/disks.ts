import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deviceNumbers } from './device-numbers.js';

/** Disks of memory: no work of a device to bound. */
const MEMORY_DISK = /^(ram|zram)\d+$/;

/** The machine's disks, by the names and numbers of the kernel. `sys` and `dev` are others in tests. */
export class Disks {
  readonly #sys: string;
  readonly #names = new Map<string, string>();

  constructor(sys = '/sys') {
    this.#sys = sys;
  }

  /** `major:minor` of all disks that have a size. */
  all(): string[] {
    const directory = join(this.#sys, 'block');
    const names = existsSync(directory) ? readdirSync(directory).sort() : [];
    return names
      .filter((name) => !MEMORY_DISK.test(name) && text(join(directory, name, 'size')) !== '0')
      .map((name) => text(join(directory, name, 'dev')));
  }

  /** `major:minor` of the whole disk that `path` is, or is a partition of. Undefined where it is no disk. */
  wholeOf(path: string): string | undefined {
    const numbers = deviceNumbers(path);
    if (numbers?.type !== 'block') return undefined;
    const device = `${numbers.major}:${numbers.minor}`;
    const entry = join(this.#sys, 'dev/block', device);
    if (!existsSync(join(entry, 'partition'))) return device;
    return text(join(dirname(realpathSync(entry)), 'dev'));
  }

  /** `vda` for `254:0`; the number itself for one that is gone. */
  nameOf(device: string): string {
    const known = this.#names.get(device);
    if (known !== undefined) return known;
    try {
      const name = basename(readlinkSync(join(this.#sys, 'dev/block', device)));
      this.#names.set(device, name);
      return name;
    } catch {
      return device;
    }
  }
}

function text(path: string): string {
  return readFileSync(path, 'utf8').trim();
}
