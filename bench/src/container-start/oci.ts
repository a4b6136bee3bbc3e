import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultMaskedPaths, defaultReadonlyPaths } from '@proffer/isolator-native';
import { outputOf, program } from '../programs.js';
import type { Contestant } from './types.js';
import { LIMITS, type Workplace } from './workplace.js';

/** Where a hybrid machine has its v2 hierarchy; crun refuses to work while it sees it. */
const UNIFIED = '/sys/fs/cgroup/unified';
const PERIOD_US = 100_000;

/** An OCI runtime on the same root with the same namespaces, mounts and limits. */
export function ociPeer(workplace: Workplace, runtime: 'crun' | 'runc'): Contestant {
  const metricName = `${runtime}_p50_ms`;
  const found = spawnSync(runtime, ['--version']);
  const unavailable = found.error === undefined ? {} : { unavailable: 'it is not installed (as root on Debian: npm run setup:test)' };
  const bundle = join(workplace.path, runtime);
  const state = join(workplace.memory, runtime);
  mkdirSync(bundle);
  mkdirSync(state);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config(workplace, runtime)));
  const hidden = runtime === 'crun' && existsSync(UNIFIED) ? UNIFIED : '-';
  return {
    name: runtime,
    slow: true,
    ...unavailable,
    run: async (count) => {
      const timer = await program('time-command');
      const id = `${workplace.name}-${runtime}`;
      const printed = await outputOf(timer, String(count), hidden, runtime, '--root', state, 'run', '-b', bundle, id);
      return { [metricName]: (printed ?? '').trim().split('\n').map((us) => Number(us) / 1000) };
    },
  };
}

function config(workplace: Workplace, runtime: string): object {
  const devices = [[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 2], [136]].map(([major, minor]) => ({
    allow: true, type: 'c', access: 'rwm', major, ...(minor === undefined ? {} : { minor }),
  }));
  return {
    ociVersion: '1.0.2',
    process: { terminal: false, user: { uid: 65534, gid: 65534 }, args: ['/bin/true'], env: [], cwd: '/', noNewPrivileges: true },
    root: { path: workplace.root, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666'] },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64m'] },
    ],
    linux: {
      cgroupsPath: `/${workplace.name}/${runtime}`,
      namespaces: ['pid', 'mount', 'uts', 'ipc'].map((type) => ({ type })),
      resources: {
        cpu: { shares: 1024 * LIMITS.cpus, quota: PERIOD_US * LIMITS.cpus, period: PERIOD_US },
        memory: { limit: LIMITS.memoryBytes },
        pids: { limit: LIMITS.pids },
        devices: [{ allow: false, access: 'rwm' }, ...devices],
      },
      maskedPaths: defaultMaskedPaths,
      readonlyPaths: defaultReadonlyPaths,
    },
  };
}
