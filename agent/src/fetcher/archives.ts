import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import type { Budget } from './budget.js';
import { writeAll } from './http.js';
import type { Inside } from './inside.js';
import { unpackTar } from './tar.js';
import { unpackZip } from './zip.js';

/** What unpacking works on. */
export interface Unpacking {
  /** The archive's file: the agent's own, which nobody changes meanwhile. */
  readonly archive: string;
  /** Where its entries go. */
  readonly into: Inside;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

type Format = 'tar' | 'tar.gz' | 'zip' | 'gz';

const SUFFIXES: readonly (readonly [suffix: string, format: Format])[] = [
  ['.tar', 'tar'],
  ['.tar.gz', 'tar.gz'],
  ['.tgz', 'tar.gz'],
  ['.zip', 'zip'],
  ['.gz', 'gz'],
];

/** Packed in ways this agent does not unpack; said, so that nobody waits for it in vain. */
const OTHER_SUFFIXES = ['.bz2', '.tbz2', '.xz', '.txz', '.zst', '.7z', '.rar'];

/** The archive format that a file's name tells, or undefined: then it is left as it is. */
export function formatOf(name: string): Format | undefined {
  const lower = name.toLowerCase();
  return SUFFIXES.find(([suffix]) => lower.endsWith(suffix) && lower !== suffix)?.[1];
}

/** Whether a file looks like an archive of a kind that is not unpacked here. */
export function isOtherArchive(name: string): boolean {
  return OTHER_SUFFIXES.some((suffix) => name.toLowerCase().endsWith(suffix));
}

/** Unpacks into the folder of `output`. Hostile entries (outside the folder, devices, too much) end it with an error. */
export async function unpack(format: Format, output: string, unpacking: Unpacking): Promise<void> {
  switch (format) {
    case 'tar':
      return unpackTar(createReadStream(unpacking.archive), unpacking);
    case 'tar.gz':
      return unpackTar(gunzipped(unpacking), unpacking);
    case 'zip':
      return unpackZip(unpacking);
    case 'gz':
      return unpackGzip(posix.basename(output).slice(0, -'.gz'.length), unpacking);
  }
}

async function unpackGzip(name: string, unpacking: Unpacking): Promise<void> {
  const { into, budget, signal } = unpacking;
  budget.chargeEntry();
  const file = await into.createFile(name, 0o644);
  try {
    for await (const piece of gunzipped(unpacking) as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      budget.chargeBytes(piece.length);
      await writeAll(file, piece);
    }
  } finally {
    await file.close();
  }
}

/** Both streams end together, whichever fails or is left first. */
function gunzipped({ archive }: Unpacking): Readable {
  const packed = createReadStream(archive);
  const gunzip = createGunzip();
  packed.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => packed.destroy());
  return packed.pipe(gunzip);
}
