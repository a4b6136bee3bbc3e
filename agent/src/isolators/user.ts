import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator, Preparation } from './types.js';
import type { TaskUser, UserDatabase } from './users.js';

/** What decides who a task may run as. */
export interface UserPolicy {
  /** The agent's own identity. */
  readonly own: { readonly uid: number; readonly gid: number };
  readonly defaultUser: string;
  readonly allowRoot: boolean;
  /** Whether this container has user ids of its own, so that its root is nobody on the host. */
  readonly hasOwnRange?: (spec: ContainerSpec) => boolean;
  readonly users: UserDatabase;
}

/**
 * Gives every task an identity: the one it names, else an unprivileged one. An agent that is not root has only its own
 * to give. Nothing that belongs to root's user or group runs unless the operator allowed it.
 */
export function userIsolator(policy: UserPolicy): Isolator {
  return {
    name: 'user',
    prepare(spec: ContainerSpec): Preparation {
      const user = taskUser(spec, policy);
      return { user, environment: { USER: user.name, LOGNAME: user.name } };
    },
  };
}

/** Who this container's task runs as. Throws where that may not be. */
export function taskUser(spec: ContainerSpec, policy: UserPolicy): TaskUser {
  return policy.own.uid === 0 ? chosen(spec, policy) : ownOnly(spec, policy);
}

function chosen(spec: ContainerSpec, policy: UserPolicy): TaskUser {
  const name = spec.command.user ?? policy.defaultUser;
  const user = policy.users.find(name);
  if (user === undefined) {
    throw new Error(`command.user: there is no user "${name}" on this agent; name one from its /etc/passwd, or give a number`);
  }
  const root = user.uid === 0 ? 'root' : [user.gid, ...user.groups].includes(0) ? 'a member of group 0' : undefined;
  if (root !== undefined && !policy.allowRoot && policy.hasOwnRange?.(spec) !== true) {
    throw new Error(`command.user: "${name}" is ${root}, and this agent does not run tasks as root on the host's files; ` +
      'name another user, set container.linux.userNamespace, or start the agent with root allowed');
  }
  return user;
}

function ownOnly(spec: ContainerSpec, policy: UserPolicy): TaskUser {
  const { uid, gid } = policy.own;
  const name = policy.users.find(String(uid))?.name ?? String(uid);
  const wanted = spec.command.user;
  if (wanted !== undefined && policy.users.find(wanted)?.uid !== uid) {
    throw new Error(`command.user: this agent is not root and runs every task as its own user "${name}", not as "${wanted}"; ` +
      'leave the user out, or start the agent as root');
  }
  return { name, uid, gid, groups: [] };
}
