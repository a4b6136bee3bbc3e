import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupTree, ProbeResult } from '@proffer/isolator-native';
import { systemClock } from '@proffer/sdk/transport';
import { createFetcher } from '../fetcher/index.js';
import { createIsolators } from '../isolators/index.js';
import { runtimeSockets } from '../isolators/runtime-sockets.js';
import { userPool } from '../isolators/user-ranges.js';
import { userDatabase } from '../isolators/users.js';
import { Networks, PortWatch, systemIptables } from '../network/index.js';
import { LocalContainerizer } from './containerizer.js';
import { DEFAULT_PATH } from './launch-spec.js';
import { untilDone } from './machine.js';
import type { NativeLayer } from './native.js';
import type { ContainerizerOptions, MachineContainerizer } from './options.js';
import { machineBootId, RuntimeDirectories } from './runtime-directory.js';

const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The containerizer on a given native layer: `createContainerizer` with the machine's own, tests with a stand-in. */
export function assemble(options: ContainerizerOptions, native: NativeLayer): MachineContainerizer {
  if (!AGENT_NAME.test(options.agentName)) {
    throw new Error(`agentName: must be letters, digits, ".", "_" and "-", at most 64, got ${JSON.stringify(options.agentName)}`);
  }
  const probe = native.probe();
  const tree = openTree(options, probe, native);
  const runDir = options.runDir ?? join(options.workDir, 'run');
  const clock = options.clock ?? systemClock;
  const warn = options.onWarning ?? (() => undefined);
  const isolators = createIsolators({
    probe,
    native,
    ...(tree === undefined ? {} : { tree }),
    ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
    userPolicy: {
      own: { uid: probe.uid, gid: process.getgid?.() ?? probe.uid },
      defaultUser: options.defaultUser ?? 'nobody',
      allowRoot: options.allowRoot ?? false,
      users: userDatabase(),
    },
    hiddenPaths: [...new Set([options.workDir, runDir, ...(options.hiddenPaths ?? [])].map(real)), ...runtimeSockets()],
    writableRoot: options.writableRoot ?? false,
    hardCpuQuota: options.hardCpuQuota ?? true,
    privileges: {
      capabilities: options.allowedCapabilities ?? [],
      newPrivileges: options.allowNewPrivileges ?? false,
      unconfined: options.allowUnconfined ?? false,
      sharedNamespaces: options.allowSharedNamespaces ?? false,
    },
    networks: () => new Networks({
      directory: join(options.workDir, 'network'),
      agentName: options.agentName,
      options: options.network ?? {},
      native,
      iptables: systemIptables,
      bootId: machineBootId(),
      newId: () => randomBytes(6).toString('hex'),
      warn,
    }),
    ...portWatch(options, warn),
    runDir,
    clock,
    devices: { allowed: options.devices ?? [], gpus: options.gpus ?? [], gpuControl: options.gpuControl ?? [] },
    ...(options.diskCheckSeconds === undefined ? {} : { diskCheckSeconds: options.diskCheckSeconds }),
    userRanges: { pool: userPool(options.userNamespaces), directory: join(runDir, '.user-ranges') },
  });
  return new LocalContainerizer(
    {
      native,
      isolators,
      clock,
      warn,
      root: probe.root,
      path: options.path ?? DEFAULT_PATH,
      fetcher: createFetcher({
        ...options.fetcher,
        cacheDir: options.fetcher?.cacheDir ?? join(options.workDir, 'fetcher'),
        now: () => clock.now(),
      }),
      directories: new RuntimeDirectories(runDir, machineBootId()),
      ...(tree === undefined ? {} : { tree }),
      untilDone: (what, action, isClosed) =>
        untilDone(action, clock, (error) => warn(`${what}: ${error instanceof Error ? error.message : String(error)}`), isClosed),
    },
    options.handlers,
    probe,
  );
}

function portWatch({ network = {} }: ContainerizerOptions, warn: (message: string) => void): { portWatch?: PortWatch } {
  const action = network.portEnforcement ?? 'report';
  return action === 'off' ? {} : { portWatch: new PortWatch({ action, warn }) };
}

function openTree(options: ContainerizerOptions, probe: ProbeResult, native: NativeLayer): CgroupTree | undefined {
  if (Object.keys(probe.cgroups.controllers).length === 0) return undefined;
  return native.openCgroupTree({ prefix: `proffer/${options.agentName}` });
}

/** Where a path really is: hiding a link would leave what it points at in sight. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
