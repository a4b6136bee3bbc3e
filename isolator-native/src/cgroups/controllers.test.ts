import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CgroupFixture } from '../testing/cgroup-fixture.js';
import type { CgroupLimits, CgroupTree } from '../types/cgroups.js';
import type { CgroupLayout, ControllerName } from '../types/probe.js';
import { controllerNames, kernelNameOf } from './controllers.js';
import { openTreeIn } from './tree.js';

interface Opened {
  readonly files: CgroupFixture;
  readonly tree: CgroupTree;
}

const V1: readonly ControllerName[] = ['cpu', 'cpuset', 'io', 'hugetlb', 'net_cls'];
const V2: readonly ControllerName[] = ['cpu', 'cpuset', 'io', 'hugetlb', 'pressure'];

function opened(t: ExecutionContext, version: 1 | 2): Opened {
  const files = new CgroupFixture();
  t.teardown(() => files.removeFixture());
  const unified = files.mountV2(version === 2 ? V2.filter((name) => name !== 'pressure') : []);
  const v1 = Object.fromEntries(V1.map((name) => [name, { version: 1 as const, directory: files.mountV1(kernelNameOf(name)) }]));
  const v2 = Object.fromEntries(V2.map((name) => [name, { version: 2 as const, directory: unified }]));
  if (version === 1) {
    files.set('cpuset/cpuset.cpus', '0-2,5\n');
    files.set('cpuset/cpuset.mems', '0\n');
    files.set('cpu/cpu.rt_runtime_us', '950000\n');
  } else {
    files.set('unified/cpuset.cpus.effective', '0-3\n');
  }
  const controllers = version === 1 ? { ...v1, pressure: { version: 2 as const, directory: unified } } : v2;
  const layout: CgroupLayout = { kind: version === 1 ? 'hybrid' : 'unified', controllers, unusable: {}, unified };
  return { files, tree: openTreeIn(layout, { prefix: 'demo/one' }, files) };
}

const everything: CgroupLimits = {
  cpu: { quota: 0.5, burstUs: 20_000 },
  cpuset: { cpus: [1, 2] },
  io: {
    weight: 200,
    throttles: [
      { device: '254:0', readBytesPerSecond: 1 << 20, writeOperationsPerSecond: 100 },
      { device: '7:1', writeBytesPerSecond: 4096, readOperationsPerSecond: 0 },
    ],
  },
  hugetlb: [{ size: '2MB', limitBytes: 4 << 20 }],
};

test('v1: cores, disks, huge pages, packet class and burst become the right files', (t) => {
  const { files, tree } = opened(t, 1);
  t.deepEqual(tree.cores(), [0, 1, 2, 5]);
  tree.create('web', { ...everything, netClassId: 0x10001 });
  t.deepEqual(files.writes.filter((line) => line.includes('/web/')), [
    'cpu/demo/one/web/cpu.cfs_burst_us: 0',
    'cpu/demo/one/web/cpu.cfs_quota_us: 50000',
    'cpu/demo/one/web/cpu.cfs_burst_us: 20000',
    'cpuset/demo/one/web/cpuset.cpus: 1,2',
    'blkio/demo/one/web/blkio.throttle.read_bps_device: 254:0 1048576',
    'blkio/demo/one/web/blkio.throttle.write_iops_device: 254:0 100',
    'blkio/demo/one/web/blkio.throttle.write_bps_device: 7:1 4096',
    'blkio/demo/one/web/blkio.throttle.read_iops_device: 7:1 0',
    'net_cls/demo/one/web/net_cls.classid: 65537',
    'blkio/demo/one/web/blkio.bfq.weight: 200',
    'hugetlb/demo/one/web/hugetlb.2MB.limit_in_bytes: 4194304',
  ]);
  files.set('blkio/demo/one/web/blkio.throttle.io_service_bytes_recursive', [
    '254:0 Read 4096', '254:0 Write 8192', '254:0 Sync 4096', '254:0 Async 8192', '254:0 Discard 0', '254:0 Total 12288',
    '7:1 Read 512', 'Total 12800', '',
  ].join('\n'));
  files.set('blkio/demo/one/web/blkio.throttle.io_serviced_recursive', '254:0 Read 1\n254:0 Write 2\n254:0 Sync 1\n254:0 Async 2\nTotal 3\n');
  files.set('unified/demo/one/web/memory.pressure', 'some avg10=1.50 avg60=0.00 avg300=0.00 total=300\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=20\n');
  const usage = tree.open('web')!.usage();
  const none = { readBytes: 0, writeBytes: 0, readOperations: 0, writeOperations: 0 };
  const unknown = { syncBytes: 0, asyncBytes: 0, syncOperations: 0, asyncOperations: 0 };
  t.deepEqual(usage.io, [
    { ...none, ...unknown, device: '7:1', readBytes: 512 },
    {
      device: '254:0', readBytes: 4096, writeBytes: 8192, readOperations: 1, writeOperations: 2,
      syncBytes: 4096, asyncBytes: 8192, syncOperations: 1, asyncOperations: 2,
    },
  ]);
  t.deepEqual(usage.pressure?.memory, { someUs: 300, fullUs: 20, somePercent: 1.5, fullPercent: 0.25 });
  t.deepEqual(usage.pressure?.cpu, { someUs: 0, fullUs: 0, somePercent: 0, fullPercent: 0 });
});

test('v1: a fresh cgroup has its parents\' cores and memory, and gets them back', (t) => {
  const { files, tree } = opened(t, 1);
  const cgroup = tree.create('web');
  for (const level of ['demo', 'demo/one', 'demo/one/web']) {
    t.is(files.value(`cpuset/${level}/cpuset.cpus`), '0-2,5', level);
    t.is(files.value(`cpuset/${level}/cpuset.mems`), '0', level);
  }
  cgroup.update({ cpuset: { cpus: [5] } });
  t.is(files.value('cpuset/demo/one/web/cpuset.cpus'), '5');
  cgroup.update({ cpuset: { cpus: null } });
  t.is(files.value('cpuset/demo/one/web/cpuset.cpus'), '0-2,5');
});

test('v1: real-time budgets are carried along the parents and given back; what is not there is refused', async (t) => {
  const { files, tree } = opened(t, 1);
  const [one, two] = [tree.create('one', { cpu: { realtimeUs: 5000 } }), tree.create('two', { cpu: { realtimeUs: 2000 } })];
  const runtime = (level: string) => files.value(`cpu/${level}/cpu.rt_runtime_us`);
  t.deepEqual([runtime('demo'), runtime('demo/one'), runtime('demo/one/one')], ['7000', '7000', '5000']);
  one.update({ cpu: { realtimeUs: 1000 } });
  t.deepEqual([runtime('demo'), runtime('demo/one'), runtime('demo/one/one')], ['3000', '3000', '1000']);
  files.refuse.set('demo/cpu.rt_runtime_us', 'EINVAL');
  t.throws(() => tree.create('three', { cpu: { realtimeUs: 900_000 } }), { code: 'EBUSY', message: /not 900000 us a second left/ });
  files.refuse.clear();
  t.deepEqual(tree.list(), ['one', 'two']);
  await two.remove();
  t.is(runtime('demo/one'), '1000');
  await one.remove();
  t.deepEqual([runtime('demo'), runtime('demo/one')], ['0', '0']);
  // As in a kernel without real-time groups.
  const without = opened(t, 2).tree;
  t.throws(() => without.create('rt', { cpu: { realtimeUs: 1 } }), { code: 'ENOTSUP', message: /cgroup v2 has no real-time budgets/ });
  t.deepEqual(without.list(), []);
});

test('v2: the same limits in the files of v2', (t) => {
  const { files, tree } = opened(t, 2);
  t.deepEqual(tree.cores(), [0, 1, 2, 3]);
  const cgroup = tree.create('web', everything);
  t.deepEqual(files.writes.filter((line) => line.includes('/web/')), [
    'unified/demo/one/web/cpu.max.burst: 0',
    'unified/demo/one/web/cpu.max: 50000 100000',
    'unified/demo/one/web/cpu.max.burst: 20000',
    'unified/demo/one/web/cpuset.cpus: 1,2',
    'unified/demo/one/web/io.max: 254:0 rbps=1048576 wiops=100',
    'unified/demo/one/web/io.max: 7:1 wbps=4096 riops=max',
    'unified/demo/one/web/io.weight: 200',
    'unified/demo/one/web/hugetlb.2MB.max: 4194304',
  ]);
  files.set('unified/demo/one/web/io.stat', '7:0 \n254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n');
  t.deepEqual(cgroup.usage().io, [{ device: '254:0', readBytes: 1, writeBytes: 2, readOperations: 3, writeOperations: 4 }]);
  cgroup.update({ cpuset: { cpus: null }, io: { throttles: [{ device: '254:0', readBytesPerSecond: 0 }] } });
  t.deepEqual(files.writes.slice(-2), ['unified/demo/one/web/cpuset.cpus: \n', 'unified/demo/one/web/io.max: 254:0 rbps=max']);
});

test('limits that make no sense, or that this machine cannot keep, change nothing', (t) => {
  const { tree } = opened(t, 1);
  const bad: [CgroupLimits, RegExp][] = [
    [{ cpu: { quota: 0.5, burstUs: 50_001 } }, /cpu\.burstUs: expected whole microseconds from 0 to 50000/],
    [{ cpu: { realtimeUs: 1_000_000 } }, /cpu\.realtimeUs/],
    [{ cpuset: { cpus: [] } }, /cpuset\.cpus: expected at least one core/],
    [{ cpuset: { cpus: [-1] } }, /cpuset\.cpus/],
    [{ io: { weight: 9 } }, /io\.weight: expected a whole number from 10 to 1000/],
    [{ io: { throttles: [{ device: '/dev/vda' }] } }, /io\.throttles\[0\]\.device: expected "major:minor"/],
    [{ io: { throttles: [{ device: '1:1', readBytesPerSecond: -1 }] } }, /readBytesPerSecond/],
    [{ hugetlb: [{ size: '2', limitBytes: 1 }] }, /hugetlb\[0\]\.size/],
    [{ netClassId: 0x1_0000_0000 }, /netClassId/],
    [{ hugetlb: [{ size: '64KB', limitBytes: 0 }] }, /this machine has no huge pages of 64KB/],
  ];
  for (const [limits, message] of bad) t.throws(() => tree.create('bad', limits), { message }, String(message));
  t.deepEqual(tree.list(), []);
  t.throws(() => opened(t, 2).tree.create('bad', { netClassId: 1 }), { message: /the tree has no "net_cls" controller/ });
  t.deepEqual(controllerNames.filter((name) => kernelNameOf(name) !== name), ['io']);
});
