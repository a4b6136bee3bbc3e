import type { FileHandle } from 'node:fs/promises';
import { HttpError } from '@proffer/sdk/service';
import type { Clock } from '@proffer/sdk/transport';
import { nameFile, openNamed } from './safe-path.js';

/** Read at once; what a slow reader has not taken is not read ahead of it. */
const CHUNK_BYTES = 64 * 1024;

/** How often a followed file is looked at. */
const FOLLOW_INTERVAL_MS = 200;

const EMPTY = Buffer.alloc(0);

interface OpenedFile {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly size: number;
}

export interface ContentRequest {
  /** The sandbox. */
  readonly root: string;
  readonly path: string;
  /** First byte; negative: so many bytes before the end. */
  readonly offset: number;
  /** Most bytes; none: to the end. */
  readonly length?: number;
  readonly follow: boolean;
  /** Whether anything may still be written: following ends when nothing can. */
  isAlive(): boolean;
}

export interface Content {
  /** Size of the file when it was opened, and where reading begins. */
  readonly size: number;
  readonly offset: number;
  readonly chunks: AsyncGenerator<Buffer>;
}

/**
 * A file of a sandbox as a stream. The file is opened before this resolves, so that errors come as errors. A file that
 * is followed may still have to appear.
 */
export async function readContent(request: ContentRequest, clock: Clock): Promise<Content> {
  const opened = request.follow && request.isAlive() ? await openIfThere(request) : await openFile(request);
  const size = opened?.size ?? 0;
  const offset = request.offset < 0 ? Math.max(0, size + request.offset) : Math.min(request.offset, size);
  return { size, offset, chunks: stream(request, clock, opened, offset) };
}

async function* stream(
  request: ContentRequest,
  clock: Clock,
  opened: OpenedFile | undefined,
  offset: number,
): AsyncGenerator<Buffer> {
  let file = opened;
  let position = offset;
  let left = request.length ?? Infinity;
  try {
    while (left > 0) {
      // Asked before reading: what was written before the end is still read.
      const alive = request.follow && request.isAlive();
      const next = request.follow ? await rotated(request, file) : undefined;
      // Also where there is a new file already: the last bytes of the old one come first.
      const chunk = file === undefined ? EMPTY : await readAt(file.handle, position, Math.min(left, CHUNK_BYTES));
      if (chunk.length > 0) {
        await next?.handle.close();
        position += chunk.length;
        left -= chunk.length;
        yield chunk;
      } else if (next !== undefined) {
        await file?.handle.close();
        file = next;
        position = 0;
      } else if (!alive) {
        return;
      } else {
        // A file that was cut short is read from its begin, as `tail -f` does.
        if (file !== undefined && (await file.handle.stat()).size < position) position = 0;
        await new Promise<void>((resolve) => clock.after(FOLLOW_INTERVAL_MS, resolve));
      }
    }
  } finally {
    await file?.handle.close();
  }
}

/** The file that is there under this name now, if it is another one. */
async function rotated(request: ContentRequest, file: OpenedFile | undefined): Promise<OpenedFile | undefined> {
  const now = await openIfThere(request);
  if (now === undefined || now.inode !== file?.inode) return now;
  await now.handle.close();
  return undefined;
}

/** Between the two steps of a rotation there is no file of this name, nor before the task has written anything. */
async function openIfThere(request: ContentRequest): Promise<OpenedFile | undefined> {
  try {
    return await openFile(request);
  } catch (error) {
    if (error instanceof HttpError && error.statusCode === 404) return undefined;
    throw error;
  }
}

async function openFile({ root, path }: ContentRequest): Promise<OpenedFile> {
  const named = await nameFile(root, path);
  try {
    if (named.kind !== 'file') {
      throw new HttpError(409, `path ${JSON.stringify(path)} is a directory: list it with /files?path=…`, { field: 'path' });
    }
    return { handle: await openNamed(named), inode: named.inode, size: named.size };
  } finally {
    await named.close();
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
