import process from 'node:process';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CgroupFixture } from '../testing/cgroup-fixture.js';
import type { CgroupLimits, CgroupTree, DeviceRule } from '../types/cgroups.js';
import type { IsolatorError } from '../types/errors.js';
import type { CgroupLayout, ControllerName } from '../types/probe.js';
import { openTreeIn } from './tree.js';

const MIB = 1 << 20;
const V1: readonly ControllerName[] = ['cpu', 'cpuacct', 'memory', 'pids', 'devices'];
const V2: readonly ControllerName[] = ['cpu', 'memory', 'pids', 'devices', 'freezer'];
const nullDevice: DeviceRule = { type: 'char', major: 1, minor: 3, access: 'rwm' };

interface Opened {
  readonly files: CgroupFixture;
  readonly layout: CgroupLayout;
  readonly tree: CgroupTree;
}

function openV1(t: ExecutionContext, controllers: readonly ControllerName[] = V1): Opened {
  const files = new CgroupFixture();
  t.teardown(() => files.removeFixture());
  const places = Object.fromEntries(controllers.map((name) => [name, { version: 1 as const, directory: files.mountV1(name) }]));
  const layout: CgroupLayout = { kind: 'v1', controllers: places, unusable: { freezer: 'not mounted' } };
  return { files, layout, tree: openTreeIn(layout, { prefix: 'demo/one', controllers }, files) };
}

function allAt(directory: string): CgroupLayout['controllers'] {
  return Object.fromEntries(V2.map((name) => [name, { version: 2 as const, directory }]));
}

function openV2(t: ExecutionContext): Opened {
  const files = new CgroupFixture();
  t.teardown(() => files.removeFixture());
  const directory = files.mountV2(['cpu', 'memory', 'pids', 'io']);
  const layout: CgroupLayout = { kind: 'unified', controllers: allAt(directory), unusable: {}, unified: directory };
  return { files, layout, tree: openTreeIn(layout, { prefix: 'demo/one' }, files) };
}

test('v1: limits become the right files, usage is read back from them', (t) => {
  const { files, tree } = openV1(t);
  const cgroup = tree.create('web', {
    cpu: { request: 0.5, quota: 1.5 },
    memory: { limitBytes: 64 * MIB, softLimitBytes: 32 * MIB },
    pids: { max: 7 },
    devices: [nullDevice],
  });
  t.deepEqual(files.writes, [
    'memory/demo/one/web/memory.limit_in_bytes: 67108864',
    'memory/demo/one/web/memory.memsw.limit_in_bytes: 67108864',
    'memory/demo/one/web/memory.soft_limit_in_bytes: 33554432',
    'cpu/demo/one/web/cpu.shares: 512',
    'cpu/demo/one/web/cpu.cfs_quota_us: 150000',
    'pids/demo/one/web/pids.max: 7',
    'devices/demo/one/web/devices.deny: a',
    'devices/demo/one/web/devices.allow: c 1:3 rwm',
  ]);
  files.set('cpuacct/demo/one/web/cpuacct.usage', '3000000\n');
  files.set('cpuacct/demo/one/web/cpuacct.usage_user', '2000000\n');
  files.set('cpu/demo/one/web/cpu.stat', 'nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n');
  files.set('memory/demo/one/web/memory.stat', [
    'cache 1', 'active_anon 1', 'total_cache 4096', 'total_rss 8192',
    'total_active_anon 10', 'total_active_file 20', 'total_inactive_anon 1', 'total_inactive_file 2', '',
  ].join('\n'));
  files.set('memory/demo/one/web/memory.oom_control', 'oom_kill_disable 0\nunder_oom 1\noom_kill 3\n');
  files.set('pids/demo/one/web/pids.events', 'max 12\n');
  t.deepEqual(cgroup.usage(), {
    cpu: { usageUs: 3000, userUs: 2000, systemUs: 0, periods: 10, throttledPeriods: 4, throttledUs: 5 },
    memory: {
      usageBytes: 0, peakBytes: 0, limitBytes: 64 * MIB,
      fileBytes: 4096, anonBytes: 8192, activeBytes: 30, inactiveBytes: 3, kernelBytes: 0, oomKills: 3,
    },
    pids: { current: 0, max: 7, refusedForks: 12 },
  });
});

test('v1: the order of memory writes follows the direction; a refused one takes the first back', (t) => {
  const { files, tree } = openV1(t);
  const cgroup = tree.create('web', { memory: { limitBytes: 10 * MIB } });
  const writesOf = (limits: CgroupLimits) => {
    files.writes.length = 0;
    cgroup.update(limits);
    return files.writes.map((line) => line.slice('memory/demo/one/web/'.length));
  };
  t.deepEqual(writesOf({ memory: { limitBytes: 20 } }), ['memory.limit_in_bytes: 20', 'memory.memsw.limit_in_bytes: 20']);
  t.deepEqual(writesOf({ memory: { limitBytes: 30 } }), ['memory.memsw.limit_in_bytes: 30', 'memory.limit_in_bytes: 30']);
  t.deepEqual(writesOf({ memory: { limitBytes: null } }), ['memory.memsw.limit_in_bytes: -1', 'memory.limit_in_bytes: -1']);
  cgroup.update({ memory: { limitBytes: 50 } });
  files.refuse.set('memsw.limit_in_bytes', 'EBUSY');
  t.throws(() => cgroup.update({ memory: { limitBytes: 40 } }), { code: 'EBUSY' });
  t.is(cgroup.usage().memory?.limitBytes, 50);
});

test('v1: a device list is changed by its difference, new access before old access goes', (t) => {
  const { files, tree } = openV1(t);
  const cgroup = tree.create('web', { devices: [nullDevice] });
  const list = 'devices/demo/one/web/devices.list';
  files.set(list, 'c 1:3 rwm\nc 1:5 rw\nb *:* m\n');
  files.writes.length = 0;
  cgroup.update({
    devices: [
      { ...nullDevice, access: 'wr' },
      { type: 'char', major: 1, minor: 5, access: 'rwm' },
      { type: 'char', major: 136, minor: null, access: 'r' },
    ],
  });
  t.deepEqual(files.writes.map((line) => line.slice('devices/demo/one/web/devices.'.length)), [
    'allow: c 1:5 m', 'allow: c 136:* r', 'deny: c 1:3 m', 'deny: b *:* m',
  ]);
});

test('v2: controllers are handed down along the prefix, limits become the right files, usage is read back', (t) => {
  const { files, tree } = openV2(t);
  const cgroup = tree.create('web', {
    cpu: { request: 2, quota: 0.5 },
    memory: { limitBytes: 64 * MIB, softLimitBytes: 32 * MIB },
    pids: { max: 7 },
    devices: [nullDevice, { type: 'block', major: 8, minor: null, access: 'r' }],
  });
  t.deepEqual(files.writes, [
    'unified/cgroup.subtree_control: +memory +cpu +pids',
    'unified/demo/cgroup.subtree_control: +memory +cpu +pids',
    'unified/demo/one/cgroup.subtree_control: +memory +cpu +pids',
    'unified/demo/one/web/memory.swap.max: 0',
    'unified/demo/one/web/memory.max: 67108864',
    'unified/demo/one/web/memory.low: 33554432',
    'unified/demo/one/web/cpu.weight: 200',
    'unified/demo/one/web/cpu.max: 50000 100000',
    'unified/demo/one/web/pids.max: 7',
    'unified/demo/one/memory.low: 33554432',
    'unified/demo/memory.low: 33554432',
  ]);
  t.deepEqual(cgroup.directories, [`${files.root}/unified/demo/one/web`]);
  t.deepEqual(files.devicePrograms.get(cgroup.directories[0]!), [2, 1, 3, 7, 1, 8, -1, 2]);
  files.set('unified/demo/one/web/cpu.stat', [
    'usage_usec 9', 'user_usec 5', 'system_usec 4', 'nr_periods 3', 'nr_throttled 2', 'throttled_usec 1', '',
  ].join('\n'));
  files.set('unified/demo/one/web/memory.stat', [
    'anon 8192', 'file 4096', 'file_mapped 7', 'active_anon 1', 'active_file 2', 'inactive_anon 3', 'inactive_file 4', '',
  ].join('\n'));
  files.set('unified/demo/one/web/memory.events', 'low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n');
  t.deepEqual(cgroup.usage(), {
    cpu: { usageUs: 9, userUs: 5, systemUs: 4, periods: 3, throttledPeriods: 2, throttledUs: 1 },
    memory: {
      usageBytes: 0, peakBytes: 0, limitBytes: 64 * MIB,
      fileBytes: 4096, anonBytes: 8192, activeBytes: 3, inactiveBytes: 7, kernelBytes: 0, oomKills: 1,
    },
    pids: { current: 0, max: 7, refusedForks: 0 },
  });
});

test('v2: lowering memory below what stays is refused before the kernel could kill', (t) => {
  const { files, tree } = openV2(t);
  const cgroup = tree.create('web', { memory: { limitBytes: 100 } });
  files.set('unified/demo/one/web/memory.current', '80\n');
  files.writes.length = 0;
  const error = t.throws(() => cgroup.update({ memory: { limitBytes: 50 } })) as IsolatorError;
  t.like(error, { code: 'EBUSY', errno: 16, path: `${files.root}/unified/demo/one/web/memory.max` });
  t.deepEqual(files.writes.map((line) => line.split('/').at(-1)), ['memory.high: 50', 'memory.high: max']);
  t.is(cgroup.usage().memory?.limitBytes, 100);
  cgroup.update({ memory: { limitBytes: 90 } });
  cgroup.update({ memory: { limitBytes: null } });
  t.is(files.value('unified/demo/one/web/memory.swap.max'), 'max');
});

test('v2: soft limits of children add up along the prefix and go with them', async (t) => {
  const { files, tree } = openV2(t);
  const first = tree.create('a', { memory: { softLimitBytes: 10 } });
  const second = tree.create('b', { memory: { softLimitBytes: 5 } });
  t.is(files.value('unified/demo/one/memory.low'), '15');
  second.update({ memory: { softLimitBytes: 7 } });
  await first.remove();
  t.deepEqual([files.value('unified/demo/one/memory.low'), files.value('unified/demo/memory.low')], ['7', '7']);
});

test('v2: a delegated cgroup is emptied into a leaf, but only of our own processes', (t) => {
  const { files, layout } = openV2(t);
  const own = `${files.root}/unified/own`;
  files.apply([{ write: `${files.root}/unified/cgroup.subtree_control`, text: '+cpu +memory +pids' }, { make: own }]);
  const delegated = { ...layout, controllers: allAt(own) };
  files.set(`${own}/cgroup.procs`, `${process.pid}\n999999999\n`);
  const stranger = openTreeIn(delegated, { prefix: 'demo' }, files);
  t.throws(() => stranger.create('web'), { code: 'EBUSY' });
  t.deepEqual([files.list(own), files.value(`${own}/cgroup.procs`)], [[], `${process.pid}\n999999999`]);
  files.set(`${own}/cgroup.procs`, `${process.pid}\n${process.ppid}\n`);
  openTreeIn(delegated, { prefix: 'demo' }, files).create('web');
  t.is(files.value(`${own}/isolator-callers/cgroup.procs`), `${process.pid}\n${process.ppid}`);
  t.is(files.value(`${own}/cgroup.procs`), '');
});

test('create is all or nothing, whichever step fails', (t) => {
  for (const [open, limits] of [[openV1, { pids: { max: 3 } }], [openV2, { pids: { max: 3 }, devices: [nullDevice] }]] as const) {
    const { files, tree } = open(t);
    for (const end of ['one/web/pids.max', open === openV1 ? 'devices/demo/one/web' : '/bpf']) {
      files.refuse.set(end, 'EPERM');
      t.throws(() => tree.create('web', limits), { code: 'EPERM' });
      t.deepEqual(tree.list(), []);
      files.refuse.clear();
    }
    t.is(tree.create('web', limits).name, 'web');
    t.throws(() => tree.create('web', limits), { code: 'EEXIST' });
    t.deepEqual(tree.list(), ['web']);
  }
});

test('bad names, prefixes, controllers and limits are refused with what was expected, and change nothing', (t) => {
  const { files, layout, tree } = openV1(t, ['memory', 'pids', 'devices']);
  const refused = (action: () => unknown, message: RegExp) => t.throws(action, { code: 'INVALID_SPEC', message });
  for (const name of ['', '.', '..', 'a/b', 'a b', 'ü', 'a\n', 'x'.repeat(256)]) {
    refused(() => tree.create(name), /cgroup name: expected/);
  }
  refused(() => tree.open('../x'), /cgroup name/);
  for (const prefix of ['', '/demo', 'demo/', 'demo//one', 'demo/../..', 'a b', 'isolator-callers/x']) {
    refused(() => openTreeIn(layout, { prefix }, files), /prefix: expected/);
  }
  const open = (controllers: readonly ControllerName[], at = layout) => openTreeIn(at, { prefix: 'demo', controllers }, files);
  refused(() => open(['freezer']), /"freezer" is not usable: not mounted; usable here: memory, pids, devices/);
  refused(() => open([]), /no controller to use/);
  const none: CgroupLayout = { kind: 'none', controllers: {}, unusable: { cpu: 'not mounted' } };
  refused(() => openTreeIn(none, { prefix: 'demo' }, files), /cgroups here: none; cpu: not mounted/);
  const bad: readonly (readonly [CgroupLimits, RegExp])[] = [
    [{ cpu: { request: 1 } }, /limits\.cpu: the tree has no "cpu" controller/],
    [{ memory: { limitBytes: 0 } }, /limits\.memory\.limitBytes/],
    [{ memory: { limitBytes: 1.5 } }, /limits\.memory\.limitBytes: expected a whole number of bytes above 0, or null, got 1\.5/],
    [{ memory: { softLimitBytes: -1 } }, /softLimitBytes/],
    [{ pids: { max: 0 } }, /limits\.pids\.max/],
    [{ devices: [nullDevice, { ...nullDevice, access: 'rx' }] }, /limits\.devices\[1\]\.access: expected any of r, w and m/],
    [{ devices: [{ ...nullDevice, access: 'rr' }] }, /access/],
    [{ devices: [{ ...nullDevice, minor: 1 << 20 }] }, /devices\[0\]\.minor/],
    [{ devices: Array.from({ length: 257 }, () => nullDevice) }, /at most 256 rules/],
  ];
  const cgroup = tree.create('fine');
  files.writes.length = 0;
  for (const [limits, message] of bad) {
    refused(() => tree.create('web', limits), message);
    refused(() => cgroup.update(limits), message);
  }
  const whole = openV1(t).tree;
  for (const cpu of [{ request: -1 }, { request: Number.NaN }, { quota: 0.009 }, { quota: Infinity }]) {
    refused(() => whole.create('web', { cpu }), /limits\.cpu\./);
  }
  t.deepEqual(files.writes, []);
  t.deepEqual(tree.list(), ['fine']);
});

test('kill signals until nothing is left, with forks refused meanwhile; remove takes nested and partial cgroups', async (t) => {
  const { files, tree } = openV1(t);
  const cgroup = tree.create('web', { pids: { max: 9 } });
  const [memory, , , pids] = cgroup.directories as [string, string, string, string];
  files.apply([{ make: `${memory}/nested` }]);
  files.set(`${memory}/nested/cgroup.procs`, '41\n');
  files.set(`${pids}/cgroup.procs`, '41\n42\n');
  let limitMeanwhile: string | undefined;
  files.onSignal = (pid) => {
    limitMeanwhile = files.value(`${pids}/pids.max`);
    files.end(pid);
    // Forked at the last moment: the next round must find it.
    if (pid === 42) files.set(`${pids}/cgroup.procs`, '43\n');
  };
  t.deepEqual(cgroup.processes(), [41, 42]);
  await cgroup.kill();
  t.deepEqual(files.signals, [41, 42, 43]);
  t.deepEqual([limitMeanwhile, files.value(`${pids}/pids.max`)], ['0', '9']);
  await cgroup.remove();
  await cgroup.remove();
  t.is(tree.open('web'), undefined);

  files.apply([{ make: `${files.root}/memory/demo/one/partial` }]);
  await tree.open('partial')!.remove();
  t.deepEqual(tree.list(), []);
});

test('what cannot be killed is named; v2 asks the kernel to kill', async (t) => {
  const { files, tree } = openV2(t);
  const cgroup = tree.create('web');
  files.set(`${cgroup.directories[0]}/cgroup.procs`, '41\n0\n');
  files.onSignal = () => {};
  const error = (await t.throwsAsync(() => cgroup.kill({ timeoutMs: 5 }))) as IsolatorError;
  t.is(error.code, 'EBUSY');
  t.regex(error.message, /kill cgroup web: EBUSY.*outside this pid namespace.*process 41/);
  t.true(files.writes.includes('unified/demo/one/web/cgroup.kill: 1'));
  t.is(files.value(`${cgroup.directories[0]}/pids.max`), 'max');
  await t.throwsAsync(() => cgroup.remove({ timeoutMs: 5 }), { code: 'EBUSY' });
  files.onSignal = (pid) => files.end(pid);
  await tree.removeAll();
  t.deepEqual(files.list(`${files.root}/unified`), []);
});

test('removeAll takes the prefix along, but leaves what others have beside it', async (t) => {
  const { files, layout, tree } = openV1(t);
  const other = openTreeIn(layout, { prefix: 'demo/two' }, files);
  tree.create('a');
  other.create('b');
  await tree.removeAll();
  t.deepEqual(files.list(`${files.root}/memory/demo`), ['two']);
  await other.removeAll();
  t.deepEqual(files.list(`${files.root}/memory`), []);
  await other.removeAll();
});
