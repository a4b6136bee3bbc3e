import { readFileSync } from 'node:fs';

/** One mounted cgroup hierarchy, and where the caller is in it. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** v1: the controllers mounted on it. v2: empty, they are in `cgroup.controllers`. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** The directory of the caller's own cgroup; undefined where that lies outside of what is mounted. */
  readonly own?: string;
}

/** What the kernel tells about cgroups. */
export interface CgroupFacts {
  readonly hierarchies: readonly Hierarchy[];
  /** Controllers compiled in, and whether they are switched on. */
  readonly builtIn: ReadonlyMap<string, boolean>;
}

/** Reads `/proc/self/mountinfo`, `/proc/self/cgroup` and `/proc/cgroups`, below another `proc` in tests. */
export function readCgroupFacts(proc = '/proc'): CgroupFacts {
  const own = parseOwnCgroups(textOr(`${proc}/self/cgroup`));
  const mounts = textOr(`${proc}/self/mountinfo`).split('\n').flatMap((line) => parseMount(line, own));
  return { hierarchies: firstOfEach(mounts), builtIn: parseBuiltIn(textOr(`${proc}/cgroups`)) };
}

/** A line of mountinfo: `36 31 0:33 ROOT MOUNTPOINT OPTIONS [FIELDS] - TYPE SOURCE SUPEROPTIONS`. */
function parseMount(line: string, own: ReadonlyMap<string, string>): Hierarchy[] {
  const [left = '', right = ''] = line.split(' - ');
  const [type, , superOptions = ''] = right.split(' ');
  if (type !== 'cgroup' && type !== 'cgroup2') return [];
  const [, , , root = '/', mountPoint = ''] = left.split(' ').map(unescapeOctal);
  const version = type === 'cgroup2' ? 2 : 1;
  const controllers = version === 2 ? [] : superOptions.split(',').filter((option) => own.has(option));
  const path = own.get(version === 2 ? '' : (controllers[0] ?? ''));
  const directory = path === undefined ? undefined : below(mountPoint, root, path);
  return [{ version, controllers, mountPoint, ...(directory === undefined ? {} : { own: directory }) }];
}

/** `4:memory:/a/b` and `0::/c`, by controller; v2 under the empty name. */
function parseOwnCgroups(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    for (const name of names.split(',')) paths.set(name, path);
  }
  return paths;
}

/** Where a path of the hierarchy shows up, when `root` of it is mounted. A `..` means outside of our cgroup namespace. */
function below(mountPoint: string, root: string, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/') return path === '/' ? mountPoint : mountPoint + path;
  if (path === root) return mountPoint;
  return path.startsWith(`${root}/`) ? mountPoint + path.slice(root.length) : undefined;
}

/** A hierarchy may be mounted in several places: the first is as good as the others. */
function firstOfEach(mounts: readonly Hierarchy[]): Hierarchy[] {
  const seen = new Set<string>();
  return mounts.filter(({ version, controllers }) => {
    const key = `${version} ${[...controllers].sort().join(',')}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** `/proc/cgroups`: name, hierarchy, number of cgroups, enabled. */
function parseBuiltIn(text: string): Map<string, boolean> {
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s+/));
  return new Map(rows.map(([name = '', , , enabled]) => [name, enabled === '1']));
}

function unescapeOctal(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function textOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
