import { realpathSync } from 'node:fs';
import type { MountSpec } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import { interfaceUsage } from '../network/figures.js';
import { IDENTITY_FILES } from '../network/identity-files.js';
import type { Networks } from '../network/networks.js';
import { sharesNetwork, type PortWatch } from '../network/port-watch.js';
import { extraNames, networkWish } from '../network/wish.js';
import { hostnameOf } from './namespaces.js';
import type { Isolator, Preparation } from './types.js';

/** What there is for networks here. */
export interface NetworkParts {
  /** Absent: only the agent's own network and namespaces with a loopback. */
  readonly networks?: Networks;
  /** Absent: nobody looks which ports a task listens on. */
  readonly portWatch?: PortWatch;
  readonly mountNamespace: boolean;
}

/** A network namespace with the networks a task asks for, its own files about itself, and its figures. */
export function networkIsolator({ networks, portWatch, mountNamespace }: NetworkParts): Isolator {
  return {
    name: 'network',
    handles: ['networks', 'portMappings'],
    prepare(spec): Preparation {
      const wish = networkWish(spec);
      if (wish.kind === 'host') return {};
      if (wish.kind === 'loopback') return { namespaces: { network: true }, ipAddresses: [] };
      if (networks === undefined) {
        throw new Error('container.networks: this agent is not root and has only "host" and "none"; name one of them, or start it as root');
      }
      const known = networks.addresses(spec.containerId);
      return known === undefined ? {} : { ipAddresses: known };
    },
    async provide(spec): Promise<Preparation> {
      const wish = networkWish(spec);
      if (wish.kind === 'host' || networks === undefined) return {};
      const member = { containerId: spec.containerId, hostname: hostnameOf(spec), names: extraNames(spec) };
      if (wish.kind === 'loopback') {
        networks.introduce(member);
        return { mounts: mountNamespace ? identityMounts(spec, networks) : [] };
      }
      await networks.attach(member, wish);
      const path = networks.namespaceOf(spec.containerId);
      return {
        ...(path === undefined ? {} : { namespaces: { network: { path } } }),
        ipAddresses: networks.addresses(spec.containerId) ?? [],
        mounts: mountNamespace ? identityMounts(spec, networks) : [],
      };
    },
    usage(_reading, { pid }) {
      const interfaces = pid === undefined || sharesNetwork(pid) ? undefined : interfaceUsage(pid);
      return interfaces === undefined ? {} : { interfaces };
    },
    ...(portWatch === undefined ? {} : {
      watch: (container, onLimitation) => portWatch.add(container, onLimitation),
    }),
    async cleanup(containerId) {
      networks?.detach(containerId);
      await Promise.resolve();
    },
    ...(networks === undefined ? {} : {
      retain: (containerIds) => networks.retain(containerIds),
    }),
    async close() {
      portWatch?.close();
      await networks?.close();
    },
  };
}

/** Over what the root file system has there; the host's own root is read-only, and a place it does not have stays so. */
function identityMounts(spec: ContainerSpec, networks: Networks): MountSpec[] {
  return (Object.keys(IDENTITY_FILES) as (keyof typeof IDENTITY_FILES)[]).flatMap((name) => {
    const target = spec.container?.image === undefined ? real(IDENTITY_FILES[name]) : IDENTITY_FILES[name];
    return target === undefined ? [] : [{ type: 'bind', source: networks.files.path(spec.containerId, name), target }];
  });
}

/** Where a link leads: a mount over a link would not be seen. */
function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
