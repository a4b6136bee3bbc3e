import type { CapabilityName } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator } from './types.js';
import { taskUser, type UserPolicy } from './user.js';

/** Which rights tasks may have. */
export interface CapabilityPolicy {
  /** What root in a container has unless it says otherwise. */
  readonly defaults: readonly CapabilityName[];
  /** What the operator lets tasks add beyond. */
  readonly allowed: readonly CapabilityName[];
  /** All that there are. */
  readonly known: readonly CapabilityName[];
}

/**
 * Root in a container keeps the usual small set of capabilities, everybody else has none; a task adds and drops by name. What
 * may be added is what the operator allows, and the usual set for those to whom it gives nothing on the host: root, and
 * users of a namespace of their own. An agent that is not root has nothing to give or take: the launcher's default holds.
 */
export function capabilitiesIsolator(users: UserPolicy, policy: CapabilityPolicy): Isolator {
  return {
    name: 'capabilities',
    handles: ['linux.capabilities'],
    prepare(spec) {
      const capabilities = taskCapabilities(spec, users, policy);
      return capabilities === undefined ? {} : { capabilities };
    },
  };
}

/** What this container's task will have; undefined where the launcher decides. Throws where the task asks for too much. */
export function taskCapabilities(spec: ContainerSpec, users: UserPolicy, policy: CapabilityPolicy): CapabilityName[] | undefined {
  const wish = spec.container?.linux?.capabilities;
  const add = names('add', wish?.add, policy);
  const drop = names('drop', wish?.drop, policy);
  if (users.own.uid !== 0) {
    if (add.length === 0) return undefined;
    throw new Error('container.linux.capabilities.add: this agent is not root and has no capabilities to give; leave it out');
  }
  const isRoot = taskUser(spec, users).uid === 0;
  const ownUsers = users.hasOwnRange?.(spec) === true;
  const mayAdd = new Set([...policy.allowed, ...(isRoot || ownUsers ? policy.defaults : [])]);
  const refused = add.find((name) => name !== 'ALL' && !mayAdd.has(name));
  if (refused !== undefined) {
    throw new Error(`container.linux.capabilities.add: "${refused}" is not among what this agent gives ` +
      `(${[...mayAdd].sort().join(', ') || 'none'}); leave it out, or have the operator allow it`);
  }
  const granted = new Set([
    ...(isRoot && !drop.includes('ALL') ? policy.defaults : []),
    ...(add.includes('ALL') ? mayAdd : add),
  ]);
  return [...granted].filter((name) => !drop.includes(name));
}

/** Known names in capitals; `CAP_` before them is taken off. */
function names(list: 'add' | 'drop', wish: readonly string[] | undefined, { known }: CapabilityPolicy): string[] {
  return (wish ?? []).map((text) => {
    const name = text.toUpperCase().replace(/^CAP_/, '');
    if (name === 'ALL' || known.includes(name)) return name;
    throw new Error(`container.linux.capabilities.${list}: there is no capability "${text}"; name one such as NET_BIND_SERVICE, or ALL`);
  });
}
