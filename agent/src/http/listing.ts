import { lstat, readdir } from 'node:fs/promises';
import { HttpError } from '@proffer/sdk/service';
import { nameFile } from './safe-path.js';

/** Entries of one directory that are listed: a page with more helps nobody. */
export const LISTING_MAX = 10_000;

export interface ListedFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** As `ls` shows it: `-rw-r--r--`. */
  readonly mode: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly directory: boolean;
}

/** What is in a directory of a sandbox, by name. Links are listed as links and not followed. */
export async function listDirectory(root: string, path: string): Promise<ListedFile[]> {
  const named = await nameFile(root, path);
  try {
    if (named.kind !== 'directory') {
      throw new HttpError(409, `path ${JSON.stringify(path)} is a file: read it with /files/content?path=…`, { field: 'path' });
    }
    const names = (await readdir(named.self)).sort().slice(0, LISTING_MAX);
    const files: ListedFile[] = [];
    for (const name of names) {
      const stat = await lstat(`${named.self}/${name}`).catch(() => undefined);
      if (stat === undefined) continue;
      files.push({ name, size: stat.size, mode: modeText(stat.mode), mtime: stat.mtimeMs / 1000, directory: stat.isDirectory() });
    }
    return files;
  } finally {
    await named.close();
  }
}

const KINDS: Readonly<Record<number, string>> = {
  0o140000: 's', 0o120000: 'l', 0o100000: '-', 0o060000: 'b', 0o040000: 'd', 0o020000: 'c', 0o010000: 'p',
};

function modeText(mode: number): string {
  const bits = [0o400, 0o200, 0o100, 0o040, 0o020, 0o010, 0o004, 0o002, 0o001];
  return (KINDS[mode & 0o170000] ?? '?') + bits.map((bit, i) => ((mode & bit) === 0 ? '-' : 'rwx'[i % 3]!)).join('');
}
