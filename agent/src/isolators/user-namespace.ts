import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator } from './types.js';
import { taskUser, type UserPolicy } from './user.js';
import type { UserRanges } from './user-ranges.js';

/** Whether this container is to have ids of its own: on request, and with an image unless it says no. */
export function wantsOwnRange(spec: ContainerSpec): boolean {
  return spec.container?.linux?.userNamespace ?? spec.container?.image !== undefined;
}

/**
 * A namespace of users with host ids that no other container has: root inside is nobody outside. The range is taken when
 * the container is prepared, found again when it is recovered, and given back at its end.
 */
export function userNamespaceIsolator(ranges: UserRanges, users: UserPolicy): Isolator {
  return {
    name: 'user-namespace',
    handles: ['linux.userNamespace'],
    prepare(spec) {
      if (!wantsOwnRange(spec)) return {};
      const { first, size } = ranges.take(spec.containerId);
      const map = [{ inside: 0, outside: first, count: size }];
      if (spec.container?.image === undefined) checkUser(spec, users, size);
      return { namespaces: { user: { uidMap: map, gidMap: map } } };
    },
    async cleanup(containerId) {
      ranges.giveBack(containerId);
    },
    async retain(containerIds) {
      ranges.retain(containerIds);
    },
  };
}

function checkUser(spec: ContainerSpec, users: UserPolicy, size: number): void {
  const { name, uid, gid, groups } = taskUser(spec, users);
  const outside = [uid, gid, ...groups].find((id) => id >= size);
  if (outside === undefined) return;
  throw new Error(`command.user: "${name}" has the id ${outside}, and a container has ${size} ids of its own on this agent; name another ` +
    'user, or give the agent larger ranges');
}
