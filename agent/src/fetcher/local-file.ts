import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './abort.js';
import type { FetchUser } from './types.js';

const READ = 4;
const SEARCH = 1;

/** What the operator lets tasks have beyond their user's own rights. */
export interface FilePolicy {
  readonly anyFile: boolean;
  readonly publicDirectories: readonly string[];
}

/**
 * Opens a file of the host for a task, only if the task's user could have opened it: an agent that is root must not hand out
 * what its tasks may not read.
 *
 * The file is opened first and judged by its descriptor, by its real path as the kernel tells it, so nothing can be exchanged
 * between check and use and no link can lead around the check. Judged are owner, group and mode bits of the file and of every
 * directory above it. (Access lists can only grant more than is seen here; where one denies a single user what
 * everybody else may do, that is not seen.)
 */
export async function openForUser(path: string, user: FetchUser, policy: FilePolicy): Promise<FileHandle> {
  await requireRegular(path);
  // Not blocking: should the file have become a pipe meanwhile, opening it must not hang.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path}: is not a regular file`);
    if (!policy.anyFile) await requireReadable(path, file, found, user, policy);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Whether the mode bits give this user the right: the owner's bits for the owner, the group's for a member, else the others'. */
export function allows(stats: Pick<Stats, 'mode' | 'uid' | 'gid'>, user: FetchUser, right: number): boolean {
  if (user.uid === 0) return true;
  if (stats.uid === user.uid) return (stats.mode & (right << 6)) !== 0;
  if ([user.gid, ...user.groups].includes(stats.gid)) return (stats.mode & (right << 3)) !== 0;
  return (stats.mode & right) !== 0;
}

/** Opening a device can have effects of its own, so it is not even tried. */
async function requireRegular(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? new Error(`${path}: there is no such file on this agent`, { cause: error }) : error;
  });
  if (!found.isFile()) throw new Error(`${path}: is not a regular file`);
}

async function requireReadable(path: string, file: FileHandle, found: Stats, user: FetchUser, policy: FilePolicy): Promise<void> {
  const real = await readlink(`/proc/self/fd/${file.fd}`);
  if (await isPublic(real, policy)) return;
  const refused = (what: string): Error =>
    new Error(`${path}: user "${user.name}" may not read it (${what}); make it readable, or let the agent hand out any file`);
  if (!allows(found, user, READ)) throw refused(`mode ${(found.mode & 0o777).toString(8)}`);
  for (let directory = dirname(real); ; directory = dirname(directory)) {
    const above = await stat(directory);
    if (!allows(above, user, SEARCH)) throw refused(`directory ${directory} has mode ${(above.mode & 0o777).toString(8)}`);
    if (directory === '/') return;
  }
}

async function isPublic(real: string, { publicDirectories }: FilePolicy): Promise<boolean> {
  for (const directory of publicDirectories) {
    const place = await realpath(directory).catch(() => undefined);
    if (place !== undefined && real.startsWith(`${place}/`)) return true;
  }
  return false;
}
