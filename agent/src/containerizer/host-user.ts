import type { IdMapping } from '@proffer/isolator-native';
import type { Preparation } from '../isolators/types.js';
import type { TaskUser } from '../isolators/users.js';

/** Who a container's user is outside of it: owner of its sandbox, reader of what is fetched for it. */
export function hostUser({ user, namespaces }: Preparation): TaskUser | undefined {
  const maps = namespaces?.user;
  if (user === undefined || maps === undefined) return user;
  return {
    name: user.name,
    uid: outside(maps.uidMap, user.uid),
    gid: outside(maps.gidMap, user.gid),
    groups: user.groups.map((group) => outside(maps.gidMap, group)),
  };
}

function outside(map: readonly IdMapping[], id: number): number {
  const row = map.find(({ inside, count }) => id >= inside && id < inside + count);
  return row === undefined ? id : row.outside + id - row.inside;
}
