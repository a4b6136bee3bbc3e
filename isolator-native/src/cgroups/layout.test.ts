import process from 'node:process';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CgroupFixture } from '../testing/cgroup-fixture.js';
import { detectLayout } from './layout.js';
import { readCgroupFacts } from './mounts.js';

function fixture(t: ExecutionContext): CgroupFixture {
  const files = new CgroupFixture();
  t.teardown(() => files.removeFixture());
  return files;
}

const names = ['cpu', 'cpuacct', 'cpuset', 'memory', 'io', 'pids', 'devices', 'hugetlb', 'net_cls', 'freezer', 'pressure'];

test('v1: every controller in its own place, two of them on one hierarchy, a path with a space', (t) => {
  const files = fixture(t);
  const [both, memory] = [files.mountV1('cpu', 'cpuacct'), files.mountV1('memory')];
  const proc = files.proc(['2:cpu,cpuacct:/', '3:memory:/user', '1:name=systemd:/'], [
    [both, 'cgroup', 'cpu,cpuacct'], [memory, 'cgroup', 'memory'], [`${files.root}/systemd`, 'cgroup', 'name=systemd'],
    ['/a path', 'tmpfs', ''],
  ], ['cpu\t2\t1\t1', 'pids\t0\t1\t1', 'freezer\t0\t1\t0', 'blkio\t0\t1\t1']);
  const layout = detectLayout(readCgroupFacts(proc), files);
  t.is(layout.kind, 'v1');
  t.deepEqual(layout.controllers, {
    cpu: { version: 1, directory: both }, cpuacct: { version: 1, directory: both }, memory: { version: 1, directory: memory },
  });
  t.deepEqual(layout.unusable, {
    pids: 'compiled in, but not mounted or not handed down to this cgroup',
    devices: 'not in this kernel',
    freezer: 'switched off on the kernel command line',
    io: 'compiled in, but not mounted or not handed down to this cgroup',
    cpuset: 'not in this kernel',
    hugetlb: 'not in this kernel',
    net_cls: 'not in this kernel',
    pressure: 'no cgroup v2 file system is mounted',
  });
  t.deepEqual([files.list(both), files.list(memory)], [[], []], 'nothing is left behind');
});

test('hybrid: limits on v1, a v2 hierarchy beside them that lends what v1 lacks', (t) => {
  const files = fixture(t);
  const [memory, blkio, unified] = [files.mountV1('memory'), files.mountV1('blkio'), files.mountV2(['hugetlb', 'pids'])];
  const proc = files.proc(['4:memory:/', '5:blkio:/', '0::/'], [
    [memory, 'cgroup', 'memory'], [blkio, 'cgroup', 'blkio'], [unified, 'cgroup2', ''],
  ]);
  const layout = detectLayout(readCgroupFacts(proc), files);
  t.is(layout.kind, 'hybrid');
  t.is(layout.unified, unified);
  t.deepEqual(layout.controllers.memory, { version: 1, directory: memory });
  t.deepEqual(layout.controllers.io, { version: 1, directory: blkio }, 'v1 calls it blkio');
  for (const name of ['pids', 'hugetlb', 'pressure'] as const) t.deepEqual(layout.controllers[name], { version: 2, directory: unified });
  t.is(files.value(`${unified}/cgroup.subtree_control`), '', 'what was enabled to try it is disabled again');
});

test('v1 without rights at the top: the cgroup this process was given', (t) => {
  const files = fixture(t);
  const memory = files.mountV1('memory');
  files.apply([{ make: `${memory}/user` }]);
  files.refuse.set(`memory/isolator-probe-${process.pid}`, 'EACCES');
  const proc = files.proc(['4:memory:/user'], [[memory, 'cgroup', 'memory']]);
  t.is(detectLayout(readCgroupFacts(proc), files).controllers.memory?.directory, `${memory}/user`);
  files.refuse.set(`user/isolator-probe-${process.pid}`, 'EACCES');
  t.is(detectLayout(readCgroupFacts(proc), files).unusable.memory, `no cgroup can be made in ${memory}/user (EACCES)`);
});

test('a container: only a part of the hierarchy is mounted, or the own cgroup lies outside of it', (t) => {
  const files = fixture(t);
  const memory = files.mountV1('memory');
  const facts = (own: string) => readCgroupFacts(files.proc([`4:memory:${own}`], [[memory, 'cgroup', 'memory', '/docker/abc']]));
  t.is(facts('/docker/abc').hierarchies[0]?.own, memory);
  t.is(facts('/docker/abc/inner').hierarchies[0]?.own, `${memory}/inner`);
  t.is(facts('/docker/abcd').hierarchies[0]?.own, undefined);
  t.is(facts('/../elsewhere').hierarchies[0]?.own, undefined);
});

test('v2: what is handed down or can be; devices by trying a program; cpuacct is no loss', (t) => {
  const files = fixture(t);
  const unified = files.mountV2(['cpu', 'memory', 'io']);
  const proc = files.proc(['0::/'], [[unified, 'cgroup2', '']]);
  const layout = detectLayout(readCgroupFacts(proc), files);
  t.is(layout.kind, 'unified');
  t.deepEqual(Object.keys(layout.controllers).sort(), ['cpu', 'devices', 'freezer', 'io', 'memory', 'pressure']);
  const absent = 'not in this kernel';
  t.deepEqual(layout.unusable, { pids: absent, cpuset: absent, hugetlb: absent, net_cls: absent });
  files.measuresPressure = false;
  t.regex(detectLayout(readCgroupFacts(proc), files).unusable.pressure ?? '', /psi=1/);
  files.refuse.set('/bpf', 'EPERM');
  t.regex(detectLayout(readCgroupFacts(proc), files).unusable.devices ?? '', /device program.*EPERM/);
  t.deepEqual(files.list(unified), []);
});

test('v2, delegated: usable when the cgroup holds only this program, not when it holds others', (t) => {
  const files = fixture(t);
  const unified = files.mountV2(['cpu', 'memory', 'pids']);
  files.apply([{ write: `${unified}/cgroup.subtree_control`, text: '+cpu +memory +pids' }, { make: `${unified}/mine` }]);
  files.refuse.set(`unified/isolator-probe-${process.pid}`, 'EACCES');
  const proc = files.proc(['0::/mine'], [[unified, 'cgroup2', '']]);
  files.set(`${unified}/mine/cgroup.procs`, `${process.pid}\n${process.ppid}\n`);
  const { controllers } = detectLayout(readCgroupFacts(proc), files);
  t.deepEqual(controllers.memory, { version: 2, directory: `${unified}/mine` });
  files.set(`${unified}/mine/cgroup.procs`, `${process.pid}\n999999999\n`);
  t.regex(detectLayout(readCgroupFacts(proc), files).unusable.memory ?? '', /holds processes of other programs/);
  // Later programs are started from the leaf that the first one moved into.
  const fromLeaf = files.proc(['0::/mine/isolator-callers'], [[unified, 'cgroup2', '']]);
  files.set(`${unified}/mine/cgroup.procs`, '');
  t.is(detectLayout(readCgroupFacts(fromLeaf), files).controllers.memory?.directory, `${unified}/mine`);
});

test('nothing mounted, and no /proc at all', (t) => {
  const files = fixture(t);
  const none = detectLayout(readCgroupFacts(files.proc([], [], ['memory\t0\t1\t1'])), files);
  t.is(none.kind, 'none');
  t.deepEqual(none.controllers, {});
  t.deepEqual(Object.keys(none.unusable).sort(), [...names].sort());
  t.is(none.unusable.memory, 'no cgroup file system is mounted');
  t.is(detectLayout(readCgroupFacts('/nowhere'), files).kind, 'none');
});
