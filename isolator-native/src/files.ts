import { native } from './native.js';

/** Calls on files that Node lacks. Every one is synchronous, does not follow a link at the end of `path`, and throws `IsolatorError`. */
interface FileFunctions {
  setAttribute(path: string, name: string, value: Uint8Array): void;
  attributes(path: string): readonly (readonly [string, Uint8Array])[];
  makeNode(path: string, mode: number): void;
  changeRoot(path: string): void;
}

const FIFO = 0o010_000;
const CHARACTER_DEVICE = 0o020_000;

/** Sets an extended attribute, e.g. `security.capability`. */
export function setAttribute(path: string, name: string, value: Uint8Array): void {
  native<FileFunctions>().setAttribute(path, name, value);
}

/** Extended attributes that this process may see; none where the file system has none. */
export function attributes(path: string): readonly (readonly [name: string, value: Uint8Array])[] {
  return native<FileFunctions>().attributes(path);
}

/** Makes overlayfs' mark of a removed file. Takes no rights since Linux 5.8. */
export function makeWhiteout(path: string): void {
  native<FileFunctions>().makeNode(path, CHARACTER_DEVICE);
}

export function makeFifo(path: string, mode: number): void {
  native<FileFunctions>().makeNode(path, FIFO | (mode & 0o7777));
}

/** Makes this directory the root of the whole process: for helper processes. Takes CAP_SYS_CHROOT. */
export function changeRoot(path: string): void {
  native<FileFunctions>().changeRoot(path);
}
