/** The part of yauzl 3 that is used here; the package brings no types. */
declare module 'yauzl' {
  import type { Readable } from 'node:stream';

  export interface Options {
    readonly lazyEntries: boolean;
    readonly autoClose: boolean;
    readonly strictFileNames: boolean;
  }

  export interface Entry {
    readonly fileName: string;
    readonly versionMadeBy: number;
    readonly externalFileAttributes: number;
    readonly uncompressedSize: number;
  }

  export interface ZipFile extends NodeJS.EventEmitter {
    readonly entryCount: number;
    readEntry(): void;
    openReadStream(entry: Entry, callback: (error: Error | null, stream: Readable) => void): void;
    close(): void;
  }

  export function open(path: string, options: Options, callback: (error: Error | null, zip: ZipFile) => void): void;
}
