import { ownIds } from './plan.js';
import type { UserNamespaceSpec } from './types/index.js';

/**
 * The user namespace that a caller without privileges may make: its own uid and gid, under the same numbers. With it the
 * namespaces `mount`, `pid`, `uts` and `ipc` need no root.
 */
export function ownUserNamespace(): UserNamespaceSpec {
  const { uid, gid } = ownIds();
  return {
    uidMap: [{ inside: uid, outside: uid, count: 1 }],
    gidMap: [{ inside: gid, outside: gid, count: 1 }],
  };
}
