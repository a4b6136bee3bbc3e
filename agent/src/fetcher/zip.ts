import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type Entry, open, type Options, type ZipFile } from 'yauzl';
import type { Unpacking } from './archives.js';
import { writeAll } from './http.js';

/** A zip made on Unix has the file's mode in the upper half of its attributes. */
const UNIX = 3;
const TYPE_BITS = 0o170000;
const LINK = 0o120000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;

/** A link's target is its content; the kernel's limit for a path. */
const TARGET_MAX = 4096;

const openZip: (path: string, options: Options) => Promise<ZipFile> = promisify(open);

/** Unpacks a zip. yauzl checks sizes against the directory, and names for `..`, absolute paths and backslashes, before we do. */
export async function unpackZip(unpacking: Unpacking): Promise<void> {
  const zip = await openZip(unpacking.archive, { lazyEntries: true, autoClose: false, strictFileNames: false });
  const abort = (): void => zip.close();
  try {
    for await (const entry of entriesOf(zip)) {
      unpacking.signal.throwIfAborted();
      await unpackEntry(zip, entry, unpacking);
    }
  } finally {
    abort();
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  for (let read = 0; read < zip.entryCount; read++) {
    yield await new Promise<Entry>((resolve, reject) => {
      const settle = (): void => {
        zip.removeListener('entry', onEntry);
        zip.removeListener('error', onError);
      };
      const onEntry = (entry: Entry): void => {
        settle();
        resolve(entry);
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      zip.once('entry', onEntry);
      zip.once('error', onError);
      zip.readEntry();
    });
  }
}

async function unpackEntry(zip: ZipFile, entry: Entry, { into, budget }: Unpacking): Promise<void> {
  budget.chargeEntry();
  const attributes = entry.versionMadeBy >>> 8 === UNIX ? entry.externalFileAttributes >>> 16 : 0;
  const type = attributes & TYPE_BITS;
  if (entry.fileName.endsWith('/') || type === FOLDER) return into.createFolder(entry.fileName);
  if (type === LINK) return into.createLink(entry.fileName, await targetOf(zip, entry));
  if (type !== REGULAR && type !== 0) throw new Error(`"${entry.fileName}" is neither file, folder nor link`);
  const mode = (attributes & 0o777) === 0 ? 0o644 : attributes;
  const file = await into.createFile(entry.fileName, mode);
  try {
    for await (const piece of await contentOf(zip, entry)) {
      budget.chargeBytes(piece.length);
      await writeAll(file, piece);
    }
  } finally {
    await file.close();
  }
}

async function targetOf(zip: ZipFile, entry: Entry): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of await contentOf(zip, entry)) {
    length += piece.length;
    if (length > TARGET_MAX) throw new Error(`link "${entry.fileName}" has a target of more than ${TARGET_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function contentOf(zip: ZipFile, entry: Entry): Promise<Readable & AsyncIterable<Uint8Array>> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
  });
}
