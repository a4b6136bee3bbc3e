import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LinuxInfo } from '@proffer/sdk/model';
import { resources } from '@proffer/sdk/model';
import { VirtualClock } from '@proffer/sdk/transport';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { FakeCgroup } from '../containerizer/fake-native.test-helper.js';
import { containerSpec } from '../containerizer/recorder.test-helper.js';
import type { ContainerSpec } from '../containerizer/types.js';
import { Claims } from './claims.js';
import { cpuIsolator } from './cpu.js';
import { cpusetIsolator } from './cpuset.js';
import { devicesIsolator } from './devices.js';
import { measureDirectory } from './disk-walk.js';
import { DiskSampler } from './disk-sampler.js';
import { diskIsolator } from './disk.js';
import { Disks } from './disks.js';
import { Gpus } from './gpus.js';
import { ioIsolator } from './io.js';
import { memoryIsolator } from './memory.js';
import type { IsolatedContainer, Isolator, Limitation } from './types.js';
import { unavailable } from './unavailable.js';

const MIB = 1 << 20;

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-isolators-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function spec(id: string, linux: LinuxInfo | undefined, more: Parameters<typeof resources>[0] = {}): ContainerSpec {
  return containerSpec('/work', id, { resources: resources({ cpus: 1, mem: 64, ...more }), ...(linux === undefined ? {} : { container: { linux } }) });
}

/** As the containerizer does it. */
function start(isolator: Isolator, wanted: ContainerSpec, runDir: string): FakeCgroup {
  const { limits = {} } = isolator.prepare(wanted);
  mkdirSync(join(runDir, wanted.containerId), { recursive: true });
  const cgroup = new FakeCgroup(wanted.containerId, limits, () => undefined);
  isolator.isolate?.(isolated(wanted, cgroup));
  return cgroup;
}

function isolated(wanted: ContainerSpec, cgroup?: FakeCgroup): IsolatedContainer {
  return {
    containerId: wanted.containerId, resources: wanted.resources, limits: undefined, sandbox: wanted.sandbox,
    ...(cgroup === undefined ? {} : { cgroup }), ...(wanted.container === undefined ? {} : { wishes: wanted.container }),
  };
}

/** Walks are asynchronous: what one of them starts is waited for before time goes on. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 1000) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('cpuset: exclusive cores are taken from all who share, kept over a restart, and given back', async (t) => {
  const runDir = temporary(t);
  const cores = (): number[] => [0, 1, 2, 3];
  const isolator = cpusetIsolator(cores, new Claims('cores', runDir));
  const cpus = (cgroup: FakeCgroup) => cgroup.limits.cpuset?.cpus;
  const plain = start(isolator, spec('plain', undefined), runDir);
  const pinned = start(isolator, spec('pinned', { cpuset: [0, 1, 1] }), runDir);
  t.deepEqual([cpus(plain), cpus(pinned)], [undefined, [0, 1]], 'nothing is written where nobody wants a core alone');
  const alone = spec('alone', { cpuset: 'exclusive' }, { cpus: 2 });
  t.deepEqual(cpus(start(isolator, alone, runDir)), [2, 3]);
  t.deepEqual([cpus(plain), cpus(pinned)], [[0, 1], [0, 1]]);
  t.deepEqual(cpus(start(isolator, spec('late', undefined), runDir)), [0, 1], 'who comes later stays off them too');
  t.throws(() => isolator.prepare(spec('greedy', { cpuset: 'exclusive' })), { message: /1 cores to itself are asked for, at most 0/ });
  t.throws(() => isolator.prepare(spec('half', { cpuset: 'exclusive' }, { cpus: 1.5 })), { message: /whole number of cpus, got 1\.5/ });
  t.throws(() => isolator.prepare(spec('other', { cpuset: [3] })), { message: /core 3 belongs to another container alone/ });
  t.throws(() => isolator.prepare(spec('none', { cpuset: [9] })), { message: /no core 9 here; there are 0, 1, 2, 3/ });
  t.throws(() => isolator.update?.({ ...isolated(alone), resources: resources({ cpus: 1 }) }), { message: /cannot be changed/ });

  const later = cpusetIsolator(cores, new Claims('cores', runDir));
  const shared = new FakeCgroup('plain', {}, () => undefined);
  later.recover?.(isolated(spec('plain', undefined), shared));
  later.recover?.(isolated(alone, new FakeCgroup('alone', {}, () => undefined)));
  t.deepEqual(later.prepare(alone).limits, { cpuset: { cpus: [2, 3] } });
  t.deepEqual(cpus(shared), [0, 1]);
  await later.cleanup?.('alone');
  t.is(cpus(shared), null, 'all that the tree has');
  t.false(existsSync(join(runDir, 'alone', 'claim-cores')));
  await later.cleanup?.('alone');
});

test('devices: only what the operator allows, as a rule and as a node; GPUs whole, remembered, given back', async (t) => {
  const runDir = temporary(t);
  const rules = [{ type: 'char', major: 1, minor: 3, access: 'rwm' }] as const;
  const create = (): Isolator => devicesIsolator({
    rules, mountNamespace: true, allowed: ['/dev/zero', 'fuse', '/dev/pts'],
    gpus: new Gpus(['/dev/zero', '/dev/full'], ['/dev/random'], new Claims('gpus', runDir)),
  });
  const isolator = create();
  t.deepEqual(isolator.prepare(spec('a', { devices: [{ path: '/dev/zero' }] })), {
    limits: { devices: [...rules, { type: 'char', major: 1, minor: 5, access: 'rw' }] },
    mounts: [{ type: 'device', source: '/dev/zero' }],
  });
  t.deepEqual(isolator.prepare(spec('b', undefined)), { limits: { devices: rules } });
  const refused = (path: string, access?: string): string =>
    t.throws(() => isolator.prepare(spec('c', { devices: [{ path, ...(access === undefined ? {} : { access }) }] }))).message;
  for (const path of ['/dev/kmsg', '/dev/pts/../kmsg', '/dev/zeros', 'zero']) t.regex(refused(path), /is not among what this agent allows/, path);
  t.regex(refused('/dev/zero', 'rx'), /access must be/);
  t.regex(refused('/dev/pts/none'), /there is no device/);

  const first = spec('gpu', undefined, { gpus: 1 });
  const prepared = isolator.prepare(first);
  t.deepEqual(prepared.environment, { PROFFER_GPUS: '0' });
  t.deepEqual(prepared.mounts, [{ type: 'device', source: '/dev/zero' }, { type: 'device', source: '/dev/random' }]);
  start(isolator, first, runDir);
  t.throws(() => isolator.prepare(spec('two', undefined, { gpus: 2 })), { message: /2 gpus are asked for; 2 GPU devices are configured here, 1 of them free/ });
  t.throws(() => isolator.prepare(spec('part', undefined, { gpus: 0.5 })), { message: /gpus are given whole, got 0\.5/ });
  const later = create();
  later.recover?.(isolated(first));
  t.deepEqual(later.prepare(first).environment, { PROFFER_GPUS: '0' });
  t.deepEqual(later.prepare(spec('next', undefined, { gpus: 1 })).environment, { PROFFER_GPUS: '1' });
  await later.cleanup?.('gpu');
  await later.cleanup?.('next');
  t.deepEqual(later.prepare(spec('both', undefined, { gpus: 2 })).environment, { PROFFER_GPUS: '0,1' });
});

test('cpu and memory: burst, real-time budget and soft limit, within what the task has', (t) => {
  const cpu = (linux: LinuxInfo, hard = true) => cpuIsolator(hard).prepare(spec('c', linux, { cpus: 0.5 })).limits?.cpu;
  t.deepEqual(cpu({ cpuBurstUs: 20_000, cpuRealtimeUs: 5000 }), { request: 0.5, quota: 0.5, burstUs: 20_000, realtimeUs: 5000 });
  t.throws(() => cpu({ cpuBurstUs: 50_001 }), { message: /from 0 to 50000/ });
  t.throws(() => cpu({ cpuBurstUs: 1 }, false), { message: /without a quota/ });
  const cgroup = new FakeCgroup('c', {}, () => undefined);
  cpuIsolator(true).update?.({ ...isolated(spec('c', { cpuBurstUs: 20_000 }), cgroup), resources: resources({ cpus: 0.1 }) });
  t.deepEqual(cgroup.limits.cpu, { request: 0.1, quota: 0.1, burstUs: 10_000 }, 'a burst never exceeds the quota');
  const memory = (soft: number) => memoryIsolator().prepare(spec('m', { memorySoftLimitMib: soft })).limits?.memory;
  t.deepEqual(memory(16), { limitBytes: 64 * MIB, softLimitBytes: 16 * MIB });
  t.throws(() => memory(65), { message: /from 1 to the hard limit of 64 MiB, got 65/ });
  const refusing = unavailable('net-class', ['linux.netClassId'], 'not mounted');
  t.throws(() => refusing.prepare(spec('n', { netClassId: 1 })), { message: 'container.linux.netClassId is not available on this agent: not mounted' });
  t.deepEqual(refusing.prepare(spec('n', { cpuBurstUs: 1 })), {});
});

test('io: disks by name, a partition as its disk, all of them; bounds for a named one win', (t) => {
  const sys = temporary(t);
  for (const [name, dev, size] of [['vda', '254:0', '100'], ['loop0', '7:0', '0'], ['ram0', '1:0', '8'], ['vdb', '254:16', '9']] as const) {
    mkdirSync(join(sys, 'block', name), { recursive: true });
    writeFileSync(join(sys, 'block', name, 'dev'), `${dev}\n`);
    writeFileSync(join(sys, 'block', name, 'size'), `${size}\n`);
  }
  mkdirSync(join(sys, 'dev/block'), { recursive: true });
  symlinkSync('../../block/vda', join(sys, 'dev/block/254:0'));
  const disks = new Disks(sys);
  t.deepEqual([disks.all(), disks.nameOf('254:0'), disks.nameOf('9:9')], [['254:0', '254:16'], 'vda', '9:9']);
  const isolator = ioIsolator(disks);
  const prepare = (io: LinuxInfo['io']) => isolator.prepare(spec('io', { io: io! })).limits;
  t.deepEqual(prepare({ weight: 500, throttles: [{ device: '*', readBytes: 1000, writeOperations: 5 }] }), {
    io: {
      weight: 500,
      throttles: ['254:0', '254:16'].map((device) => ({ device, readBytesPerSecond: 1000, writeOperationsPerSecond: 5 })),
    },
  });
  t.throws(() => prepare({ throttles: [{ device: '/dev/null', readBytes: 1 }] }), { message: /\/dev\/null is no disk/ });
  t.throws(() => prepare({ throttles: [{ device: '*', readBytes: 0 }] }), { message: /at least 1/ });
  t.throws(() => prepare({ weight: 5 }), { message: /from 10 to 1000, got 5/ });
  const io = [{ device: '254:0', readBytes: 1, writeBytes: 2, readOperations: 3, writeOperations: 4 }];
  t.deepEqual(isolator.usage?.({ io }, isolated(spec('io', undefined))), { io: [{ ...io[0], device: 'vda' }] });
});

test('disk: blocks of everything below, a file of two names once, links not followed, nesting has an end', async (t) => {
  const root = temporary(t);
  const measure = () => measureDirectory(root, { pause: async () => undefined, signal: new AbortController().signal });
  const empty = await measure();
  writeFileSync(join(root, 'a'), Buffer.alloc(3 * MIB, 1));
  linkSync(join(root, 'a'), join(root, 'b'));
  symlinkSync('/usr', join(root, 'elsewhere'));
  writeFileSync(Buffer.from(`${root}/\u00ff`, 'latin1'), Buffer.alloc(MIB, 1));
  mkdirSync(join(root, 'x/y'), { recursive: true });
  writeFileSync(join(root, 'x/y/z'), Buffer.alloc(MIB, 1));
  const blocks = (path: string) => statSync(join(root, path)).blocks * 512;
  const grown = (await measure()) - empty;
  t.true(grown >= 5 * MIB && grown <= 5 * MIB + blocks('x') + blocks('x/y') + 64 * 1024, String(grown));
  await t.throwsAsync(
    measureDirectory(root, { pause: async () => undefined, signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' },
  );
  mkdirSync(join(root, 'd/'.repeat(202)), { recursive: true });
  await t.throwsAsync(measure(), { message: /nested more than 200 deep/ });
});

test('disk: sampled in turn at its interval, the more rarely the longer it takes; enforced on request', async (t) => {
  const clock = new VirtualClock();
  const looks: string[] = [];
  let bytes = MIB;
  const sampler = new DiskSampler({
    clock, intervalMs: 15_000,
    measure: async (path) => {
      looks.push(`${path.split('/').at(-1)} ${clock.now()}`);
      return bytes;
    },
  });
  const isolator = diskIsolator(sampler);
  const [watched, enforced] = [spec('watched', undefined, { disk: 2 }), spec('enforced', { enforceDisk: true }, { disk: 2 })];
  const limits: Limitation[] = [];
  const begin = clock.now();
  const stops = [watched, enforced].map((wanted) => isolator.watch?.(isolated(wanted), (limit) => limits.push(limit)));
  await pass(clock, 1000);
  await pass(clock, 15_000);
  t.deepEqual(looks.map((look) => [look.split(' ')[0], Number(look.split(' ')[1]) - begin]), [
    ['watched', 1000], ['enforced', 1000], ['watched', 16_000], ['enforced', 16_000],
  ]);
  t.deepEqual(isolator.usage?.({}, isolated(watched)), { diskBytes: MIB, diskLimitBytes: 2 * MIB });
  bytes = 3 * MIB;
  await pass(clock, 15_000);
  t.deepEqual(limits, [{
    reason: 'disk', message: 'out of disk: the sandbox takes 3.0 MiB, its disk is 2.0 MiB', resources: resources({ disk: 3 }),
  }]);
  for (const stop of stops) stop?.();
  await pass(clock, 60_000);
  t.is(looks.length, 6, 'nobody is looked at any more');
  t.throws(() => isolator.prepare(spec('none', { enforceDisk: true }, { disk: 0 })), { message: /no disk among the resources/ });
});
