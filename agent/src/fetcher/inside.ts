import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What archives may set: no set-user-id, set-group-id or sticky bit. */
const MODE_BITS = 0o777;

/** An archive's longest path of one entry; the kernel's limit for a path is 4096 bytes. */
const NAME_MAX = 2048;

/**
 * Writes below one directory and nowhere else, whatever the names and links in an archive say. Every folder on the way is
 * looked at and must be a real one. This holds only while nobody else may write below the directory.
 */
export class Inside {
  readonly #root: string;
  /** Folders already looked at: archives name the same ones thousands of times. Nothing ever replaces a folder. */
  readonly #folders = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** A new file; one of that name, or a link, is replaced. The caller writes and closes it. */
  async createFile(name: string, mode: number): Promise<FileHandle> {
    const path = await this.#place(name);
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    // By descriptor, so that the agent's umask does not count.
    await file.chmod(mode & MODE_BITS);
    return file;
  }

  /** Folders are open to the owner and readable, whatever mode an archive gives them. `.` is the root itself. */
  async createFolder(name: string): Promise<void> {
    await this.#folder(segmentsOf(name));
  }

  /**
   * A symbolic link. Its target is relative, climbs (`..`) only at its beginning and not above the root: then whatever
   * links it goes through, each of the same kind, it ends below the root.
   */
  async createLink(name: string, target: string): Promise<void> {
    const depth = segmentsOf(name).length - 1;
    const steps = target.split('/').filter((step) => step !== '' && step !== '.');
    const climbs = steps.findIndex((step) => step !== '..');
    const leading = climbs === -1 ? steps.length : climbs;
    const relative = target !== '' && !target.startsWith('/') && !target.includes('\0');
    if (!relative || leading > depth || steps.slice(leading).includes('..')) {
      throw new Error(`link "${name}" -> "${target}" may lead out of the sandbox`);
    }
    await symlink(target, await this.#place(name));
  }

  /** A second name for a file that is there already. */
  async createHardLink(name: string, target: string): Promise<void> {
    const segments = segmentsOf(target);
    await this.#folder(segments.slice(0, -1));
    const existing = join(this.#root, ...segments);
    const found = await lstat(existing).catch(() => undefined);
    if (found?.isFile() !== true) throw new Error(`link "${name}" names "${target}", which is no file of the archive`);
    if (segments.join('/') === segmentsOf(name).join('/')) return;
    await link(existing, await this.#place(name));
  }

  /** Where a new entry can be made: its folder is there, nothing of its name is. */
  async #place(name: string): Promise<string> {
    const segments = segmentsOf(name);
    if (segments.length === 0) throw new Error(`an entry is named ${JSON.stringify(name)}, which is the sandbox itself`);
    await this.#folder(segments.slice(0, -1));
    const path = join(this.#root, ...segments);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true) throw new Error(`"${name}" is a folder already`);
    if (found !== undefined) await unlink(path);
    return path;
  }

  async #folder(segments: readonly string[]): Promise<void> {
    const path = join(this.#root, ...segments);
    if (segments.length === 0 || this.#folders.has(path)) return;
    await this.#folder(segments.slice(0, -1));
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) await mkdir(path, { mode: 0o755 });
    else if (!found.isDirectory()) throw new Error(`"${segments.join('/')}" is not a folder, but is to hold something`);
    this.#folders.add(path);
  }
}

function segmentsOf(name: string): string[] {
  if (name.startsWith('/') || name.includes('\0') || name.length > NAME_MAX) {
    const shown = JSON.stringify(name.slice(0, 200));
    throw new Error(`an entry is named ${shown}: names must be relative and at most ${NAME_MAX} characters`);
  }
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw new Error(`an entry is named ${JSON.stringify(name)}, which may lead out of the sandbox`);
  return segments;
}
