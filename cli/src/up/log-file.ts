import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

/** A log that has grown past this is moved to `<name>.1`, so that one part never takes more than twice as much. */
export const LOG_BYTES_MAX = 10 * 1024 * 1024;

/** How much of a log's end is looked at for its last lines. */
const TAIL_BYTES = 16 * 1024;

/** Moves what is in a log that has grown too large aside. Its writers append, so they go on at its new end. */
export function rotateLog(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= LOG_BYTES_MAX) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/** The last lines of a log from the byte `from` on; empty if there is none. */
export function lastLines(path: string, count: number, from = 0): string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const begin = Math.max(from <= size ? from : 0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - begin);
    readSync(file, bytes, 0, bytes.length, begin);
    return bytes.toString('utf8').split('\n').filter((line) => line !== '').slice(-count);
  } finally {
    closeSync(file);
  }
}
