import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defaultDeviceRules, launch, openCgroupTree, type LaunchSpec, type NamespaceSpec } from '@proffer/isolator-native';
import type { Contestant } from './types.js';
import { LIMITS, type Workplace } from './workplace.js';

/** Ours, through isolator-native alone: a cgroup with limits, namespaces, an own root, its own /proc and /dev. */
export function ours(workplace: Workplace): Contestant {
  const tree = openCgroupTree({ prefix: `${workplace.name}-ours` });
  const runtimeDir = join(workplace.memory, 'runtime');
  const namespaces: NamespaceSpec = { pid: true, mount: true, uts: true, ipc: true };
  const once = async (): Promise<{ readonly exited: number; readonly removed: number }> => {
    const begin = performance.now();
    const cgroup = tree.create('one', {
      cpu: { request: LIMITS.cpus, quota: LIMITS.cpus },
      memory: { limitBytes: LIMITS.memoryBytes },
      pids: { max: LIMITS.pids },
      devices: defaultDeviceRules,
    });
    mkdirSync(runtimeDir);
    const spec: LaunchSpec = {
      id: 'one', runtimeDir, argv: ['/bin/true'], cwd: '/', user: { uid: 65534, gid: 65534 },
      namespaces, root: { path: workplace.root }, mounts: [{ type: 'proc' }, { type: 'dev' }], cgroup,
    };
    const container = await launch(spec);
    container.ref();
    const status = await container.exited;
    const exited = performance.now();
    if (status.kind !== 'exited' || status.code !== 0) throw new Error(`our container ended with ${JSON.stringify(status)}`);
    await container.destroy();
    rmSync(runtimeDir, { recursive: true });
    return { exited: exited - begin, removed: performance.now() - begin };
  };
  const name = 'proffer';
  return {
    name,
    run: async (count) => {
      const times = [];
      for (let i = 0; i < count; i++) times.push(await once());
      return {
        [`${name}_p50_ms`]: times.map(({ exited }) => exited),
        [`${name}_removed_p50_ms`]: times.map(({ removed }) => removed),
      };
    },
    close: () => tree.removeAll(),
  };
}
