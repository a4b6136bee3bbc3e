import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A row of host user ids (and group ids of the same numbers), one container's own. */
export interface UserRange {
  readonly first: number;
  readonly size: number;
}

/** From which ids ranges are cut. */
export interface UserPool extends UserRange {
  /** Ids of one container. */
  readonly each: number;
}

/** Images use `nobody`, which is 65534. */
export const IDS_EACH = 65_536;

/** 0x10000000 and up: above what accounts, directory services and other engines use, below what 32-bit programs mistake. */
const DEFAULT_POOL: UserPool = { first: 0x1000_0000, size: 0x1000_0000, each: IDS_EACH };

const ID_MAX = 0xffff_fffe;

/** What the operator says, else what /etc/subuid gives to root, else a row of high ids. Throws where that holds no range. */
export function userPool(wish: Partial<UserPool> = {}, subordinate = readOr('/etc/subuid')): UserPool {
  const [, first, size] = /^(?:root|0):(\d+):(\d+)$/m.exec(subordinate) ?? [];
  const given = first === undefined ? DEFAULT_POOL : { first: Number(first), size: Number(size), each: IDS_EACH };
  const base = wish.first === undefined ? given : DEFAULT_POOL;
  const pool = { ...base, ...wish };
  const whole = [pool.first, pool.size, pool.each].every((value) => Number.isSafeInteger(value) && value > 0);
  if (!whole || pool.first + pool.size - 1 > ID_MAX || pool.size < pool.each) {
    throw new Error('userNamespaces: must be a first id above 0, a size and the ids of each container, whole numbers, at least one ' +
      `container's worth and all below ${ID_MAX + 1}, got ${JSON.stringify(pool)}`);
  }
  return pool;
}

/**
 * Which container has which range. Written down in one small file per range, named by its place in the pool and made
 * exclusively: two containers never have the same, and a restarted agent finds who had what.
 */
export class UserRanges {
  readonly #pool: UserPool;
  readonly #directory: string;
  readonly #owners = new Map<string, number>();
  readonly #taken = new Set<number>();
  /** Below it nothing is free. */
  #lowestFree = 0;

  constructor(pool: UserPool, directory: string) {
    this.#pool = pool;
    this.#directory = directory;
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const place = Number(name);
      if (!Number.isInteger(place)) continue;
      this.#owners.set(readFileSync(join(directory, name), 'utf8'), place);
      this.#taken.add(place);
    }
  }

  /** This container's range: the one it has, else the lowest free one. Throws where all are taken. */
  take(containerId: string): UserRange {
    const place = this.#owners.get(containerId) ?? this.#free();
    if (!this.#taken.has(place)) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(this.#directory, String(place)), containerId, { flag: 'wx', mode: 0o600 });
      this.#owners.set(containerId, place);
      this.#taken.add(place);
    }
    const { first, each } = this.#pool;
    return { first: first + place * each, size: each };
  }

  /** The container is over. */
  giveBack(containerId: string): void {
    const place = this.#owners.get(containerId);
    if (place === undefined) return;
    rmSync(join(this.#directory, String(place)), { force: true });
    this.#owners.delete(containerId);
    this.#taken.delete(place);
    if (this.#taken.size === 0) rmSync(this.#directory, { recursive: true, force: true });
    this.#lowestFree = Math.min(this.#lowestFree, place);
  }

  /** Gives back what containers had that are not among these. */
  retain(containerIds: ReadonlySet<string>): void {
    for (const owner of [...this.#owners.keys()]) if (!containerIds.has(owner)) this.giveBack(owner);
  }

  #free(): number {
    while (this.#taken.has(this.#lowestFree)) this.#lowestFree++;
    const count = Math.floor(this.#pool.size / this.#pool.each);
    if (this.#lowestFree < count) return this.#lowestFree;
    throw new Error(`all ${count} ranges of user ids of this agent are taken; wait for a container to end, or give the agent more ids`);
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
