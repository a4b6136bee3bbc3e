import { constants } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fieldError, HttpError } from '@proffer/sdk/service';

/** Names a file without opening it: no fifo waits, no device does anything. Linux' O_PATH, which Node does not name. */
const O_PATH = 0o10000000;

/** Longest path inside a sandbox that is looked at. */
const PATH_LENGTH_MAX = 4096;

/** A file or directory inside a sandbox, named and not opened. */
export interface NamedFile {
  /** Path of the object itself, whatever its name leads to by now. */
  readonly self: string;
  readonly kind: 'file' | 'directory';
  readonly size: number;
  readonly inode: number;
  close(): Promise<void>;
}

/**
 * Finds a path inside a sandbox whose content is hostile: its owner may swap files for links at any moment.
 *
 * The object is first named by descriptor, then it is checked where that object really is, and what is read later is
 * that very object. Links are followed as long as they stay inside. Throws HttpError: 400 for a path that is no relative
 * path or leaves the sandbox, 404 where there is nothing, 409 for what is neither file nor directory.
 */
export async function nameFile(root: string, path: string): Promise<NamedFile> {
  checkPath(path);
  const handle = await openPath(root, path);
  try {
    const self = `/proc/self/fd/${handle.fd}`;
    if (!isInside(root, await readlink(self))) throw leaves(path);
    const stat = await handle.stat();
    if (!stat.isFile() && !stat.isDirectory()) {
      throw new HttpError(409, `path ${JSON.stringify(path)} is neither a file nor a directory`, { field: 'path' });
    }
    const kind = stat.isFile() ? 'file' : 'directory';
    return { self, kind, size: stat.size, inode: stat.ino, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Opens a named file for reading. */
export function openNamed(file: NamedFile): Promise<FileHandle> {
  return open(file.self, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

function checkPath(path: string): void {
  const wellFormed = path.length <= PATH_LENGTH_MAX && !path.includes('\0') && !path.startsWith('/');
  if (!wellFormed || path.split('/').includes('..')) {
    throw fieldError('path', 'a path relative to the sandbox, without ".."', path, 400);
  }
}

async function openPath(root: string, path: string): Promise<FileHandle> {
  try {
    const real = await realpath(join(root, path));
    if (!isInside(root, real)) throw leaves(path);
    return await open(real, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof HttpError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
      throw new HttpError(404, `there is nothing at ${JSON.stringify(path)} in this sandbox`, { field: 'path', cause: error });
    }
    throw error;
  }
}

function leaves(path: string): HttpError {
  return new HttpError(400, `path ${JSON.stringify(path)} leads out of the sandbox`, { code: 'OUTSIDE_SANDBOX', field: 'path' });
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
