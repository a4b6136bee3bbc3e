import { existsSync } from 'node:fs';
import type { CgroupTree, ControllerName, NamespaceName, ProbeResult } from '@proffer/isolator-native';
import type { Clock } from '@proffer/sdk/transport';
import type { NativeLayer } from '../containerizer/native.js';
import type { ContainerSpec } from '../containerizer/types.js';
import { capabilitiesIsolator, taskCapabilities, type CapabilityPolicy } from './capabilities.js';
import { Claims } from './claims.js';
import { cpuIsolator } from './cpu.js';
import { cpusetIsolator } from './cpuset.js';
import { devicesIsolator } from './devices.js';
import { diskIsolator } from './disk.js';
import { DiskSampler } from './disk-sampler.js';
import { measureDirectory } from './disk-walk.js';
import { Disks } from './disks.js';
import type { ContainerField } from './fields.js';
import { filesystemIsolator } from './filesystem.js';
import { Gpus } from './gpus.js';
import { hugepagesIsolator } from './hugepages.js';
import type { Networks, PortWatch } from '../network/index.js';
import { ioIsolator } from './io.js';
import { memoryIsolator } from './memory.js';
import { namespacesIsolator } from './namespaces.js';
import { netClassIsolator } from './net-class.js';
import { networkIsolator } from './network.js';
import { noNewPrivilegesIsolator } from './no-new-privileges.js';
import { pidsIsolator } from './pids.js';
import { rlimitsIsolator } from './rlimits.js';
import { seccompIsolator } from './seccomp.js';
import { timeIsolator } from './time.js';
import { ISOLATORS, type Isolator, type IsolatorName } from './types.js';
import { userNamespaceIsolator, wantsOwnRange } from './user-namespace.js';
import { UserRanges, type UserPool } from './user-ranges.js';
import { userIsolator, type UserPolicy } from './user.js';
import { unavailable } from './unavailable.js';

export { combine } from './combine.js';
export { refuseUnhandled, type ContainerField } from './fields.js';
export * from './types.js';

/** What an agent's isolators depend on: the operator's wishes and what the machine has. */
export interface IsolatorsOptions {
  /** Default: all. `user` always works, and without `filesystem` the task still gets its sandbox. */
  readonly isolation?: readonly IsolatorName[];
  readonly probe: ProbeResult;
  readonly native: Pick<
    NativeLayer,
    'capabilityNames' | 'compileSeccomp' | 'defaultCapabilities' | 'defaultDeviceRules' | 'defaultSeccomp' | 'ownUserNamespace'
  >;
  /** Absent where no controller is usable. */
  readonly tree?: CgroupTree;
  readonly userPolicy: UserPolicy;
  readonly hiddenPaths: readonly string[];
  readonly writableRoot: boolean;
  readonly hardCpuQuota: boolean;
  readonly privileges?: PrivilegesPolicy;
  /** Holds the containers' runtime directories, and in them what each was given whole. */
  readonly runDir: string;
  readonly clock: Clock;
  readonly devices?: DevicesOptions;
  /** Default: {@link DISK_CHECK_SECONDS}. */
  readonly diskCheckSeconds?: number;
  /** Made only where the machine can, and the isolator is wanted. */
  readonly networks?: () => Networks;
  readonly portWatch?: PortWatch;
  /** Where it is written down who has which user ids; absent: nobody gets ids of their own. */
  readonly userRanges?: { readonly pool: UserPool; readonly directory: string };
}

/** Which devices of this machine tasks may have; none where absent. */
export interface DevicesOptions {
  /** What tasks may ask for: `tun`, `fuse`, `kvm`, `dri`, or paths of nodes and directories. */
  readonly allowed?: readonly string[];
  /** One node per GPU, and control nodes that go with any of them. */
  readonly gpus?: readonly string[];
  readonly gpuControl?: readonly string[];
}

/** A sandbox is measured so often, as in Mesos. */
export const DISK_CHECK_SECONDS = 15;

/** What tasks may ask for; nothing where absent. */
export interface PrivilegesPolicy {
  readonly capabilities?: readonly string[];
  readonly newPrivileges?: boolean;
  readonly unconfined?: boolean;
  readonly sharedNamespaces?: boolean;
}

/** The isolators that are configured and that work here, in the order in which they work. */
export function createIsolators(options: IsolatorsOptions): Isolator[] {
  const { probe, tree, native, privileges = {} } = options;
  const wanted = new Set<IsolatorName>(options.isolation ?? ISOLATORS);
  const has = (name: NamespaceName): boolean => probe.mode !== 'plain' && probe.namespaces[name];
  const mountNamespace = wanted.has('filesystem') && has('mount');
  const ownRanges = options.userRanges !== undefined && wanted.has('user-namespace') && mountNamespace && probe.mode === 'namespaces' &&
    has('user');
  const hasOwnRange = (spec: ContainerSpec): boolean => ownRanges && wantsOwnRange(spec);
  const userPolicy: UserPolicy = { ...options.userPolicy, hasOwnRange };
  const capabilities: CapabilityPolicy = {
    defaults: native.defaultCapabilities,
    allowed: privileges.capabilities ?? [],
    known: native.capabilityNames,
  };
  const make: Record<IsolatorName, () => Isolator | undefined> = {
    user: () => userIsolator(userPolicy),
    // A process namespace without a /proc of its own would show wrong processes: the two go together.
    namespaces: () => namespacesIsolator({
      pid: mountNamespace && has('pid'),
      uts: has('uts'),
      ipc: has('ipc'),
      cgroup: has('cgroup'),
      mayShare: privileges.sharedNamespaces ?? false,
      ...(probe.mode === 'user-namespaces' ? { user: native.ownUserNamespace() } : {}),
    }),
    filesystem: () => filesystemIsolator({
      mountNamespace,
      writableRoot: options.writableRoot,
      hiddenPaths: options.hiddenPaths,
      privateDirectories: ['/tmp', '/var/tmp'].filter((path) => existsSync(path)),
    }),
    network: () => (has('net') ? networkIsolator({
      mountNamespace,
      ...(probe.mode === 'namespaces' && options.networks !== undefined ? { networks: options.networks() } : {}),
      ...(options.portWatch === undefined ? {} : { portWatch: options.portWatch }),
    }) : undefined),
    'user-namespace': () => (ownRanges ? ownRange(options, userPolicy) : undefined),
    time: () => (probe.mode === 'namespaces' && has('time') ? timeIsolator() : undefined),
    capabilities: () => capabilitiesIsolator(userPolicy, capabilities),
    'no-new-privileges': () => noNewPrivilegesIsolator(privileges.newPrivileges ?? false),
    seccomp: () => (hasDefaultFilter(native) ? seccompIsolator({
      native,
      allowUnconfined: privileges.unconfined ?? false,
      capabilitiesOf: (spec) => taskCapabilities(spec, userPolicy, capabilities) ?? [],
    }) : undefined),
    // Over its own ids a container's root has no say about the machine's limits.
    rlimits: () => rlimitsIsolator({ mayRaise: (spec) => probe.raiseLimits && !hasOwnRange(spec) }),
    cpu: () => (tree?.controllers.cpu === undefined ? undefined : cpuIsolator(options.hardCpuQuota)),
    memory: () => (tree?.controllers.memory === undefined ? undefined : memoryIsolator()),
    pids: () => (tree?.controllers.pids === undefined ? undefined : pidsIsolator()),
    devices: () => (tree?.controllers.devices === undefined ? undefined : devicesIsolator({
      rules: native.defaultDeviceRules,
      mountNamespace,
      allowed: options.devices?.allowed ?? [],
      gpus: new Gpus(options.devices?.gpus ?? [], options.devices?.gpuControl ?? [], new Claims('gpus', options.runDir)),
    })),
    cpuset: () => whereThere('cpuset', ['linux.cpuset'], options, 'cpuset', (there) =>
      cpusetIsolator(() => there.cores(), new Claims('cores', options.runDir))),
    io: () => whereThere('io', ['linux.io'], options, 'io', () => ioIsolator(new Disks())),
    hugepages: () => whereThere('hugepages', ['linux.hugepages'], options, 'hugetlb', hugepagesIsolator),
    'net-class': () => whereThere('net-class', ['linux.netClassId'], options, 'net_cls', netClassIsolator),
    disk: () => diskIsolator(new DiskSampler({
      clock: options.clock, intervalMs: (options.diskCheckSeconds ?? DISK_CHECK_SECONDS) * 1000, measure: measureDirectory,
    })),
  };
  const always = new Set<IsolatorName>(['user', 'filesystem']);
  const isolators = ISOLATORS.filter((name) => wanted.has(name) || always.has(name)).map((name) => make[name]());
  return isolators.filter((isolator) => isolator !== undefined);
}

function ownRange({ userRanges }: IsolatorsOptions, users: UserPolicy): Isolator | undefined {
  return userRanges && userNamespaceIsolator(new UserRanges(userRanges.pool, userRanges.directory), users);
}

/** Not on every kind of processor. */
function hasDefaultFilter(native: Pick<NativeLayer, 'defaultSeccomp'>): boolean {
  try {
    return native.defaultSeccomp({ capabilities: [] }).length > 0;
  } catch {
    return false;
  }
}

/** The isolator on its controller; without that, one that refuses its wishes with the reason. */
function whereThere(
  name: IsolatorName,
  handles: readonly ContainerField[],
  { tree, probe }: IsolatorsOptions,
  controller: ControllerName,
  make: (tree: CgroupTree) => Isolator,
): Isolator {
  if (tree?.controllers[controller] !== undefined) return make(tree);
  const reason = probe.cgroups.unusable[controller] ?? 'there are no cgroups here that this agent may use';
  return unavailable(name, handles, `the cgroup controller ${controller} is missing (${reason})`);
}
