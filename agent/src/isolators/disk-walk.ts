import type { Stats } from 'node:fs';
import { constants, lstat, open, opendir } from 'node:fs/promises';

/** How many entries are looked at before the walk makes a pause. */
const ENTRIES_BETWEEN_PAUSES = 200;
/** A walk ends here: at the pace of the pauses that is two minutes, and what was found by then is told. */
const ENTRIES_MAX = 1_000_000;
/** One open directory per level. Programs' own trees have some thirty levels. */
const DEPTH_MAX = 200;
/** Of st_blocks, whatever the file system's own blocks are. */
const BLOCK_BYTES = 512;

export interface DiskWalkOptions {
  /** Called every so many entries, so that a large sandbox does not keep the disk and this process busy. */
  pause(): Promise<void>;
  /** Nobody wants the figure any more: rejects with its reason. */
  readonly signal: AbortSignal;
}

/**
 * The bytes that a directory and all below take on its disk; a file with several names counts once, what is mounted there
 * does not count. Its owner may hide, swap and nest what he likes meanwhile: directories are held open while they are
 * looked through, links are not followed, names are bytes. Rejects where it is nested too deeply to be measured.
 */
export async function measureDirectory(path: string, options: DiskWalkOptions): Promise<number> {
  const walk: Walk = { ...options, bytes: 0, entries: 0, counted: new Set(), device: (await lstat(path)).dev };
  await measure(Buffer.from(path), 0, walk);
  return walk.bytes;
}

interface Walk extends DiskWalkOptions {
  bytes: number;
  entries: number;
  readonly counted: Set<string>;
  readonly device: number;
}

async function measure(path: Buffer, depth: number, walk: Walk): Promise<void> {
  if (depth > DEPTH_MAX) throw new Error(`directories are nested more than ${DEPTH_MAX} deep`);
  const handle = await orGone(open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW));
  if (handle === undefined) return;
  try {
    const status = await handle.stat();
    if (status.dev !== walk.device) return;
    walk.bytes += status.blocks * BLOCK_BYTES;
    const here = `/proc/self/fd/${handle.fd}`;
    for await (const { name } of await opendir(here, { encoding: 'latin1' })) {
      if (walk.entries >= ENTRIES_MAX) return;
      await measureEntry(Buffer.from(`${here}/${name}`, 'latin1'), depth, walk);
    }
  } finally {
    await handle.close();
  }
}

async function measureEntry(path: Buffer, depth: number, walk: Walk): Promise<void> {
  walk.signal.throwIfAborted();
  if (++walk.entries % ENTRIES_BETWEEN_PAUSES === 0) await walk.pause();
  const status = await orGone(lstat(path));
  if (status === undefined) return;
  if (status.isDirectory()) await measure(path, depth + 1, walk);
  else if (isFirst(status, walk)) walk.bytes += status.blocks * BLOCK_BYTES;
}

function isFirst({ nlink, ino, dev }: Stats, { counted, device }: Walk): boolean {
  if (dev !== device) return false;
  if (nlink === 1) return true;
  const key = String(ino);
  return !counted.has(key) && counted.add(key) !== undefined;
}

/** Removed, or swapped for a link, between one look and the next. */
async function orGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}
