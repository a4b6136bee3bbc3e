import type { MountSpec, NamespaceSpec, UserNamespaceSpec } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator, Preparation } from './types.js';

/** The namespaces that this machine and the operator's configuration allow. */
export interface AvailableNamespaces {
  readonly pid: boolean;
  readonly uts: boolean;
  readonly ipc: boolean;
  readonly cgroup: boolean;
  /** Where only users' own namespaces are to be had: the map to go with each. */
  readonly user?: UserNamespaceSpec;
  /** Whether tasks may share the agent's processes and IPC objects. */
  readonly mayShare?: boolean;
}

/** Characters of the container id that become its host name: Docker's habit, unique enough to tell containers apart. */
const HOSTNAME_CHARACTERS = 12;

/** A label of letters, digits and hyphens, or several with dots between; at most what the kernel stores. */
const HOSTNAME = /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Own processes, host name, System V objects and cgroup root for every container. */
export function namespacesIsolator(available: AvailableNamespaces): Isolator {
  const { user, mayShare = false, ...flags } = available;
  const namespaces: NamespaceSpec = { ...flags, ...(user === undefined ? {} : { user }) };
  return {
    name: 'namespaces',
    handles: ['linux.sharePid', 'linux.shareIpc', ...(available.uts ? ['hostname' as const] : [])],
    prepare(spec: ContainerSpec): Preparation {
      const hostname = hostnameOf(spec);
      const { sharePid = false, shareIpc = false } = spec.container?.linux ?? {};
      if ((sharePid || shareIpc) && !mayShare) {
        throw new Error(`container.linux.${sharePid ? 'sharePid' : 'shareIpc'}: this agent shares its namespaces with no task; ` +
          'leave it out, or have the operator allow it');
      }
      const own = { ...namespaces, pid: available.pid && !sharePid, ipc: available.ipc && !shareIpc };
      const mounts: readonly MountSpec[] = own.pid ? [{ type: 'proc' }] : [];
      return { namespaces: own, mounts, ...(available.uts ? { hostname } : {}) };
    },
  };
}

/** The host name of a container with its own. Throws for one that cannot be. */
export function hostnameOf(spec: ContainerSpec): string {
  const asked = spec.container?.hostname;
  if (asked === undefined) {
    const short = spec.containerId.slice(0, HOSTNAME_CHARACTERS);
    return short.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'container';
  }
  if (HOSTNAME.test(asked)) return asked;
  throw new Error('container.hostname: must be labels of letters, digits and hyphens with dots between, at most 64 characters, ' +
    `got ${JSON.stringify(asked)}`);
}
