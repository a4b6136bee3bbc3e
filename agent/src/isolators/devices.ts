import { normalize } from 'node:path';
import type { DeviceRule, MountSpec } from '@proffer/isolator-native';
import type { LinuxInfo } from '@proffer/sdk/model';
import { deviceNumbers } from './device-numbers.js';
import type { Gpus } from './gpus.js';
import type { Isolator } from './types.js';

/** Short names for what an operator most often allows. `dri` is all that is below it. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  tun: '/dev/net/tun', fuse: '/dev/fuse', kvm: '/dev/kvm', dri: '/dev/dri',
};

const ACCESS = /^(?!.*(.).*\1)[rwm]+$/;

export interface DevicesPolicy {
  /** What every container may use. */
  readonly rules: readonly DeviceRule[];
  /** False: tasks see the host's /dev, and nothing has to be shown. */
  readonly mountNamespace: boolean;
  /** What a task may ask for: short names, or paths of nodes and directories. */
  readonly allowed: readonly string[];
  readonly gpus: Gpus;
}

/**
 * The harmless devices may be used (null, zero, full, random, urandom, tty, pts); further ones on request as far as the
 * operator allows them, and the GPUs that the container was given. Every other is refused by the kernel.
 */
export function devicesIsolator(policy: DevicesPolicy): Isolator {
  const allowed = policy.allowed.map((entry) => SHORT_NAMES[entry] ?? entry);
  return {
    name: 'devices',
    handles: ['linux.devices'],
    prepare(spec) {
      const asked = (spec.container?.linux?.devices ?? []).map((wish) => granted(wish, allowed));
      const { devices: cards, environment } = policy.gpus.prepare(spec);
      const extra = [...asked, ...cards.map((path) => ({ path, access: 'rw' }))];
      const mounts = policy.mountNamespace ? extra.map(({ path }): MountSpec => ({ type: 'device', source: path })) : [];
      return {
        limits: { devices: [...policy.rules, ...extra.map(({ path, access }) => rule(path, access))] },
        ...(mounts.length === 0 ? {} : { mounts }),
        ...(environment === undefined ? {} : { environment }),
      };
    },
    isolate: ({ containerId }) => policy.gpus.claims.save(containerId),
    recover: ({ containerId }) => policy.gpus.claims.load(containerId),
    cleanup: async (containerId) => policy.gpus.claims.release(containerId),
  };
}

function granted(
  { path, access = 'rw' }: NonNullable<LinuxInfo['devices']>[number],
  allowed: readonly string[],
): { readonly path: string; readonly access: string } {
  if (path !== normalize(path) || !allowed.some((entry) => path === entry || path.startsWith(`${entry}/`))) {
    const may = allowed.length === 0 ? 'none' : allowed.join(', ');
    throw new Error(`container.linux.devices: ${path} is not among what this agent allows (${may})`);
  }
  if (!ACCESS.test(access)) throw new Error(`container.linux.devices: access must be any of r, w and m, got "${access}"`);
  return { path, access };
}

function rule(path: string, access: string): DeviceRule {
  const numbers = deviceNumbers(path);
  if (numbers === undefined) throw new Error(`container.linux.devices: there is no device ${path} on this agent`);
  return { ...numbers, access };
}
