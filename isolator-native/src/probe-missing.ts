import { readFileSync } from 'node:fs';
import { native } from './native.js';
import type { CgroupLayout, ControllerName, MissingFeature, NamespaceName, ProbeResult } from './types/probe.js';

/** How far the set-up of a container came: errno 0 when all of it worked, -1 when it was not tried. */
export interface SetupTrial {
  readonly step: string;
  readonly errno: number;
}

/** Errno per namespace, 0 for one that works. */
export type NamespaceTrials = Readonly<Record<NamespaceName | 'overlay', number>> & { readonly setup: SetupTrial };

/** What the addon's trials gave: as the caller is, and together with a user namespace. */
export interface KernelTrials {
  readonly direct: NamespaceTrials;
  readonly user: NamespaceTrials;
  readonly unprivileged: SetupTrial;
  readonly raiseLimits: number;
  readonly shiftedMounts: number;
}

type Found = Omit<ProbeResult, 'missing'>;

/** What each controller gives, in the words of people. The others are conveniences. */
const CONTROLLER_FEATURES: readonly (readonly [ControllerName, string])[] = [
  ['cpu', 'cpu limits'],
  ['cpuacct', 'cpu accounting'],
  ['memory', 'memory limits'],
  ['pids', 'process limits'],
  ['devices', 'device limits'],
  ['cpuset', 'pinning to processor cores'],
  ['io', 'disk throttles and figures'],
  ['hugetlb', 'huge page limits'],
  ['net_cls', 'packet classes'],
  ['pressure', 'pressure figures'],
];

/** Switches of distributions that keep users from making namespaces: file, the value that does, how to undo it. */
const USER_NAMESPACE_SWITCHES = [
  { file: '/proc/sys/user/max_user_namespaces', off: '0', remedy: 'as root: sysctl user.max_user_namespaces=15000' },
  { file: '/proc/sys/kernel/unprivileged_userns_clone', off: '0', remedy: 'as root: sysctl kernel.unprivileged_userns_clone=1' },
  {
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    off: '1',
    remedy: 'as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows userns',
  },
];

/** Everything short of full isolation, each with its reason and its remedy. `trials` are those of the mode in force. */
export function listMissing(found: Found, trials: NamespaceTrials): MissingFeature[] {
  return [...missingNamespaces(found, trials), ...missingControllers(found), ...missingExtras(found, trials)];
}

function missingNamespaces(found: Found, trials: NamespaceTrials): MissingFeature[] {
  const remedy = namespaceRemedy(found);
  if (found.mode === 'plain') {
    return [{ feature: 'namespaces', reason: `${trials.setup.step}: ${explain(trials.setup.errno)}`, remedy }];
  }
  return (Object.keys(found.namespaces) as NamespaceName[])
    .filter((name) => !found.namespaces[name])
    .map((name) => ({
      feature: `${name} namespaces`, reason: explain(trials[name]), remedy: 'a kernel with this namespace built in',
    }));
}

function namespaceRemedy({ root }: Found): string {
  const blocking = USER_NAMESPACE_SWITCHES.find(({ file, off }) => read(file) === off);
  if (blocking !== undefined) return blocking.remedy;
  return root ? 'give this process CAP_SYS_ADMIN (it runs as root without it: docker run --privileged)' : 'run as root';
}

function missingControllers(found: Found): MissingFeature[] {
  return CONTROLLER_FEATURES.flatMap(([name, feature]) => {
    const reason = found.cgroups.unusable[name];
    return reason === undefined ? [] : [{ feature, reason, remedy: controllerRemedy(name, found, reason) }];
  });
}

function controllerRemedy(name: ControllerName, { cgroups, root }: Found, reason: string): string {
  if (name === 'net_cls') return netClassRemedy(cgroups.kind, reason);
  if (name === 'pressure' && reason.includes('psi')) return 'boot with psi=1 (a kernel with CONFIG_PSI)';
  if (cgroups.kind === 'none') return 'as root: mount -t cgroup2 none /sys/fs/cgroup';
  if (reason.includes('command line')) return `boot without cgroup_disable=${name}`;
  if (reason.includes('kernel')) return `a kernel with the ${name} controller built in`;
  if (root) return `/sys/fs/cgroup writable and with the ${name} controller (in a container: with its own cgroup namespace)`;
  return cgroups.kind === 'unified' ? 'run as root, or under: systemd-run --user --scope -p Delegate=yes' : 'run as root';
}

/** Whoever only has v2 misses little: there, filters match the cgroup's path (`iptables -m cgroup --path`). */
function netClassRemedy(kind: CgroupLayout['kind'], reason: string): string {
  if (reason.includes('not in this kernel')) return 'a kernel with CONFIG_CGROUP_NET_CLASSID';
  if (kind === 'unified') return 'packet filters that match the cgroup by its path, or a v1 mount of net_cls';
  return 'as root: mkdir /sys/fs/cgroup/net_cls && mount -t cgroup -o net_cls none /sys/fs/cgroup/net_cls';
}

function missingExtras(found: Found, { overlay }: NamespaceTrials): MissingFeature[] {
  const missing: MissingFeature[] = [];
  if (!found.overlay) {
    const kernel = 'a kernel with overlayfs (without root: 5.11 or later), or as root: modprobe overlay';
    const remedy = found.mode === 'plain' ? namespaceRemedy(found) : kernel;
    missing.push({ feature: 'overlay file systems', reason: explain(overlay), remedy });
  }
  if (!found.raiseLimits) {
    missing.push({
      feature: 'resource limits above our own',
      reason: 'raising a hard limit is refused (no CAP_SYS_RESOURCE)',
      remedy: found.root ? 'give this process CAP_SYS_RESOURCE' : 'run as root, or raise the limits of this user',
    });
  }
  return missing;
}

function explain(errno: number): string {
  if (errno < 0) return 'not tried: what it builds on does not work';
  const { code, text } = native().errnoName(errno);
  return `refused by the kernel (${code}, ${text})`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
