import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { reasonOf } from './abort.js';
import type { Unpacking } from './archives.js';
import { writeAll } from './http.js';

/** Bits of a mode with which a file's owner can write; so that an archive's read-only files can still be replaced and removed. */
const OWNER_READ = 0o400;

/** One entry's content. */
interface Source extends AsyncIterable<unknown> {
  /** Skips what was not read. */
  resume(): unknown;
}

/** Unpacks a stream of tar, whatever compressed it before. */
export async function unpackTar(packed: Readable, unpacking: Unpacking): Promise<void> {
  const entries = extract();
  const abort = (): void => {
    packed.destroy();
    entries.destroy();
  };
  packed.on('error', (error) => entries.destroy(error));
  unpacking.signal.addEventListener('abort', abort, { once: true });
  packed.pipe(entries);
  try {
    for await (const entry of entries) await unpackEntry(entry.header, entry, unpacking);
    unpacking.signal.throwIfAborted();
  } catch (error) {
    throw unpacking.signal.aborted ? reasonOf(unpacking.signal) : error;
  } finally {
    unpacking.signal.removeEventListener('abort', abort);
    abort();
  }
}

async function unpackEntry(header: Header, content: Source, unpacking: Unpacking): Promise<void> {
  const { into, budget } = unpacking;
  budget.chargeEntry();
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return writeFile(header, content, unpacking);
    case 'directory':
      await into.createFolder(header.name);
      break;
    case 'symlink':
      await into.createLink(header.name, header.linkname);
      break;
    case 'link':
      await into.createHardLink(header.name, header.linkname);
      break;
    case 'block-device':
    case 'character-device':
    case 'fifo':
      throw new Error(`"${header.name}" is a ${header.type}, which archives for tasks may not hold`);
  }
  content.resume();
}

async function writeFile(header: Header, content: Source, { into, budget }: Unpacking): Promise<void> {
  const file = await into.createFile(header.name, header.mode | OWNER_READ);
  try {
    for await (const piece of content) {
      if (!(piece instanceof Uint8Array)) throw new TypeError('the tar reader gave something else than bytes');
      budget.chargeBytes(piece.length);
      await writeAll(file, piece);
    }
  } finally {
    await file.close();
  }
}
