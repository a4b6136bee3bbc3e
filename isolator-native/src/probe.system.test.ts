import { spawnSync } from 'node:child_process';
import type { SpawnSyncOptions } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';
import test from 'ava';
import { probe } from './index.js';
import type { ProbeResult } from './types/index.js';

const root = process.getuid?.() === 0;
const asRoot = root ? test : (title: string) => test.skip(`${title} (skipped: needs root)`, () => {});

const library = JSON.stringify(new URL('index.js', import.meta.url).href);
const program = `import { probe } from ${library}; console.log(JSON.stringify(probe()));`;
const nodeArguments = ['--input-type=module', '-e', program];

function probeBy(command: string, args: readonly string[], options: SpawnSyncOptions = {}): ProbeResult {
  const { stdout, stderr } = spawnSync(command, args, { ...options, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as ProbeResult;
}

function explained({ missing }: ProbeResult): boolean {
  return missing.every(({ feature, reason, remedy }) => feature !== '' && reason !== '' && remedy !== '');
}

function features({ missing }: ProbeResult): string[] {
  return missing.map(({ feature }) => feature);
}

test('a probe changes nothing: same namespaces, mounts, limits, processes and cgroups before and after', (t) => {
  const state = () => ({
    namespaces: readdirSync('/proc/self/ns').map((name) => readlinkSync(`/proc/self/ns/${name}`)),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    limits: readFileSync('/proc/self/limits', 'utf8'),
    cgroups: readFileSync('/proc/self/cgroup', 'utf8'),
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8'),
    descriptors: readdirSync('/proc/self/fd').length,
    ids: /^Uid:.*\nGid:.*\n/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[0],
  });
  const first = probe();
  const before = state();
  t.deepEqual(probe(), first);
  t.deepEqual(state(), before);
  t.is(first.uid, process.geteuid?.() ?? 0);
  t.true(explained(first), JSON.stringify(first.missing));
  for (const { directory } of Object.values(first.cgroups.controllers)) {
    t.false(existsSync(`${directory}/isolator-probe-${process.pid}`));
  }
});

asRoot('root has all namespaces, and sees what a user without rights could do', (t) => {
  const found = probe();
  t.is(found.mode, 'namespaces');
  t.like(found.namespaces, { pid: true, mount: true, uts: true, ipc: true, cgroup: true, user: true, net: true });
  const user65534 = probeBy(process.execPath, nodeArguments, { uid: 65534, gid: 65534 });
  t.is(user65534.root, false);
  t.is(user65534.uid, 65534);
  t.is(user65534.mode, found.unprivilegedUserNamespaces ? 'user-namespaces' : 'plain');
  t.deepEqual(user65534.cgroups.controllers, {});
  t.true(['cpu limits', 'memory limits', 'process limits'].every((feature) => features(user65534).includes(feature)));
  t.true(explained(user65534), JSON.stringify(user65534.missing));
});

asRoot('where no namespace can be made, tasks are plain processes, and the reason is the kernel\'s', (t) => {
  // In a user namespace of its own the number of further ones can be set to none, and no capability is left.
  const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$0" "$@"';
  const found = probeBy('unshare', ['-Ur', 'sh', '-c', script, process.execPath, ...nodeArguments]);
  t.is(found.mode, 'plain');
  t.true(Object.values(found.namespaces).every((possible) => !possible), JSON.stringify(found.namespaces));
  t.false(found.overlay);
  t.deepEqual(found.missing.find(({ feature }) => feature === 'namespaces'), {
    feature: 'namespaces',
    reason: 'clone: refused by the kernel (ENOSPC, No space left on device)',
    remedy: 'as root: sysctl user.max_user_namespaces=15000',
  });
});
