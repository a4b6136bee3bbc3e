import { basename, dirname } from 'node:path';
import type { MountSpec } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator, Preparation } from './types.js';

/** How tasks see the host's files. */
export interface FilesystemPolicy {
  /** False: no mount namespaces here, the task sees what its user may see. */
  readonly mountNamespace: boolean;
  readonly writableRoot: boolean;
  /** Directories for temporary files, empty and writable in each container: /tmp and /var/tmp where the host has them. */
  readonly privateDirectories: readonly string[];
  /** The agent's own directories, runtime sockets, and the operator's list. */
  readonly hiddenPaths: readonly string[];
}

/** Where a task with its own mount namespace finds its sandbox. Mesos' path: scripts know it. */
export const SANDBOX_INSIDE = '/mnt/mesos/sandbox';

/** Where an executor with its own mount namespace finds the directory of its agent's socket. */
const AGENT_SOCKET_DIRECTORY = '/mnt/mesos/agent';

const MIB = 1024 * 1024;

/** 16 TiB: more than a machine has. */
const SHM_MIB_MAX = 16 * 1024 * 1024;

/** The private /mnt holds only mount points. */
const MNT_BYTES = 64 * 1024;

/**
 * The host's root, read-only, with the agent's own files and runtime sockets hidden, private /tmp, /var/tmp and /dev, and
 * the sandbox on a /mnt of the container's own: reachable even where the real one lies below a private home directory.
 */
export function filesystemIsolator(policy: FilesystemPolicy): Isolator {
  return {
    name: 'filesystem',
    handles: policy.mountNamespace ? ['linux.readOnlyRoot', 'linux.shmMib'] : [],
    prepare: (spec) => (policy.mountNamespace ? mounted(spec, policy) : plain(spec)),
  };
}

function mounted(spec: ContainerSpec, policy: FilesystemPolicy): Preparation {
  const socket = spec.executorSocket;
  const mounts: readonly MountSpec[] = [
    { type: 'dev', ...shmSize(spec) },
    ...policy.privateDirectories.map((target) => ({ type: 'tmpfs' as const, target, mode: 0o1777 })),
    { type: 'tmpfs', target: '/mnt', mode: 0o755, sizeBytes: MNT_BYTES },
    { type: 'bind', source: spec.sandbox, target: SANDBOX_INSIDE, writable: true },
    ...(socket === undefined ? [] : [{ type: 'bind' as const, source: dirname(socket), target: AGENT_SOCKET_DIRECTORY }]),
  ];
  return {
    namespaces: { mount: true },
    root: { path: '/', writable: policy.writableRoot && spec.container?.linux?.readOnlyRoot !== true },
    mounts,
    hiddenPaths: policy.hiddenPaths,
    ...places(SANDBOX_INSIDE, socket === undefined ? undefined : `${AGENT_SOCKET_DIRECTORY}/${basename(socket)}`),
  };
}

/** Shared memory counts as the container's memory anyway: the size only keeps one file system from being all of it. */
function shmSize(spec: ContainerSpec): { readonly shmSizeBytes?: number } {
  const mib = spec.container?.linux?.shmMib;
  if (mib === undefined) return {};
  if (Number.isInteger(mib) && mib > 0 && mib <= SHM_MIB_MAX) return { shmSizeBytes: mib * MIB };
  throw new Error(`container.linux.shmMib: must be a whole number from 1 to ${SHM_MIB_MAX}, got ${mib}`);
}

function plain(spec: ContainerSpec): Preparation {
  return places(spec.sandbox, spec.executorSocket);
}

function places(sandbox: string, socket: string | undefined): Preparation {
  const environment = { MESOS_SANDBOX: sandbox, HOME: sandbox, ...(socket === undefined ? {} : { MESOS_DOMAIN_SOCKET: socket }) };
  return { workingDirectory: sandbox, environment };
}
