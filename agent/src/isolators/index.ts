import { existsSync } from 'node:fs';
import type { CgroupTree, NamespaceName, ProbeResult } from '@proffer/isolator-native';
import type { NativeLayer } from '../containerizer/native.js';
import { capabilitiesIsolator } from './capabilities.js';
import { cpuIsolator } from './cpu.js';
import { devicesIsolator } from './devices.js';
import { filesystemIsolator } from './filesystem.js';
import { memoryIsolator } from './memory.js';
import { namespacesIsolator } from './namespaces.js';
import { noNewPrivilegesIsolator } from './no-new-privileges.js';
import { pidsIsolator } from './pids.js';
import { ISOLATORS, type Isolator, type IsolatorName } from './types.js';
import { userIsolator, type UserPolicy } from './user.js';

export { combine } from './combine.js';
export * from './types.js';

/** What an agent's isolators depend on: the operator's wishes and what the machine has. */
export interface IsolatorsOptions {
  /** Default: all. `user` always works, and without `filesystem` the task still gets its sandbox. */
  readonly isolation?: readonly IsolatorName[];
  readonly probe: ProbeResult;
  readonly native: Pick<NativeLayer, 'defaultCapabilities' | 'defaultDeviceRules' | 'ownUserNamespace'>;
  /** Absent where no controller is usable. */
  readonly tree?: CgroupTree;
  readonly userPolicy: UserPolicy;
  readonly hiddenPaths: readonly string[];
  readonly writableRoot: boolean;
  readonly hardCpuQuota: boolean;
}

/** The isolators that are configured and that work here, in the order in which they work. */
export function createIsolators(options: IsolatorsOptions): Isolator[] {
  const { probe, tree, userPolicy, native } = options;
  const wanted = new Set<IsolatorName>(options.isolation ?? ISOLATORS);
  const has = (name: NamespaceName): boolean => probe.mode !== 'plain' && probe.namespaces[name];
  const mountNamespace = wanted.has('filesystem') && has('mount');
  const make: Record<IsolatorName, () => Isolator | undefined> = {
    user: () => userIsolator(userPolicy),
    // A process namespace without a /proc of its own would show wrong processes: the two go together.
    namespaces: () => namespacesIsolator({
      pid: mountNamespace && has('pid'),
      uts: has('uts'),
      ipc: has('ipc'),
      cgroup: has('cgroup'),
      ...(probe.mode === 'user-namespaces' ? { user: native.ownUserNamespace() } : {}),
    }),
    filesystem: () => filesystemIsolator({
      mountNamespace,
      writableRoot: options.writableRoot,
      hiddenPaths: options.hiddenPaths,
      privateDirectories: ['/tmp', '/var/tmp'].filter((path) => existsSync(path)),
    }),
    capabilities: () => capabilitiesIsolator(userPolicy, native.defaultCapabilities),
    'no-new-privileges': noNewPrivilegesIsolator,
    cpu: () => (tree?.controllers.cpu === undefined ? undefined : cpuIsolator(options.hardCpuQuota)),
    memory: () => (tree?.controllers.memory === undefined ? undefined : memoryIsolator()),
    pids: () => (tree?.controllers.pids === undefined ? undefined : pidsIsolator()),
    devices: () => (tree?.controllers.devices === undefined ? undefined : devicesIsolator(native.defaultDeviceRules)),
  };
  const always = new Set<IsolatorName>(['user', 'filesystem']);
  const isolators = ISOLATORS.filter((name) => wanted.has(name) || always.has(name)).map((name) => make[name]());
  return isolators.filter((isolator) => isolator !== undefined);
}
