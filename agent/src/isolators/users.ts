import { readFileSync, statSync } from 'node:fs';

/** Who a task runs as: a name for people, numbers for the kernel. */
export interface TaskUser {
  /** The name in the user database, or the number as text where it has none. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, without the primary one. */
  readonly groups: readonly number[];
}

/** The machine's users, as files say: accounts that exist only in a directory service are given as numbers. */
export interface UserDatabase {
  /** By name, or by number. A number that no account has is a user of its own with the group of the same number. */
  find(nameOrId: string): TaskUser | undefined;
}

/** The largest number that is a user: one more is the kernel's "no user". */
const ID_MAX = 0xfffffffe;

/** Follows the files: accounts come and go while an agent runs. */
export function userDatabase(passwdFile = '/etc/passwd', groupFile = '/etc/group'): UserDatabase {
  const [accounts, groups] = [entriesOf(passwdFile), entriesOf(groupFile)];
  return {
    find(nameOrId) {
      const id = /^\d{1,10}$/.test(nameOrId) ? Number(nameOrId) : undefined;
      const account = accounts().find(([name, , uid]) => (id === undefined ? name === nameOrId : Number(uid) === id));
      if (account === undefined) {
        return id === undefined || id > ID_MAX ? undefined : { name: nameOrId, uid: id, gid: id, groups: [] };
      }
      const [name = '', , uid, gid] = account;
      return { name, uid: Number(uid), gid: Number(gid), groups: groupsOf(name, Number(gid), groups()) };
    },
  };
}

function groupsOf(name: string, primary: number, groups: readonly string[][]): number[] {
  const gids = groups.filter(([, , , members = '']) => members.split(',').includes(name)).map(([, , gid]) => Number(gid));
  return [...new Set(gids)].filter((gid) => gid !== primary);
}

/** A file's well-formed entries, read again when the file has changed. */
function entriesOf(file: string): () => readonly string[][] {
  let read: { readonly version: string; readonly entries: readonly string[][] } | undefined;
  return () => {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    const version = `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
    if (read?.version !== version) read = { version, entries: parse(readFileSync(file, 'utf8')) };
    return read.entries;
  };
}

/** Numbers are where they belong; anything else in a line is left alone. */
function parse(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', , id = '']) => name !== '' && !name.startsWith('#') && /^\d+$/.test(id));
}
