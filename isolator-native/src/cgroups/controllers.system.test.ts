import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import type { ExecutionContext, Implementation } from 'ava';
import { openCgroupTree, probe } from '../index.js';
import { runInside, until } from '../testing/processes.js';
import type { CgroupTree, IoDeviceUsage } from '../types/cgroups.js';
import type { ControllerName } from '../types/probe.js';

const MIB = 1 << 20;
const { controllers, unusable } = probe().cgroups;
let trees = 0;

function openTree(t: ExecutionContext): CgroupTree {
  const tree = openCgroupTree({ prefix: `isolator-controllers-${process.pid}/${++trees}` });
  t.teardown(() => tree.removeAll());
  return tree;
}

/** A test that needs controllers, and whatever else `lacking` finds missing. */
function needs(names: readonly ControllerName[], title: string, implementation: Implementation<[]>, lacking?: string): void {
  const missing = names.filter((name) => controllers[name] === undefined).map((name) => `${name}: ${unusable[name]}`);
  const why = missing.length > 0 ? `no controller ${missing.join('; ')}` : lacking;
  if (why === undefined) test.serial(title, implementation);
  else test.skip(`${title} (skipped: ${why})`, () => {});
}

const allowedCores = 'grep Cpus_allowed_list /proc/self/status';

needs(['cpuset'], 'cores: a process is on those it was given, and moves while it runs', async (t) => {
  const tree = openTree(t);
  const cores = tree.cores();
  t.true(cores.length > 0);
  const last = cores.at(-1)!;
  const cgroup = tree.create('pinned', { cpuset: { cpus: [last] } });
  t.regex((await runInside(cgroup, allowedCores).ended).output, new RegExp(`:\\s${last}\\n$`));
  const busy = runInside(cgroup, 'while :; do :; done');
  const allowed = () => /Cpus_allowed_list:\s(.*)/.exec(readFileSync(`/proc/${busy.pid}/status`, 'utf8'))?.[1];
  await until('it is inside', () => cgroup.processes().includes(busy.pid));
  cgroup.update({ cpuset: { cpus: [cores[0]!] } });
  await until('it has moved', () => allowed() === String(cores[0]));
  cgroup.update({ cpuset: { cpus: null } });
  await until('it may go everywhere', () => allowed() !== String(cores[0]) || cores.length === 1);
  const plain = tree.create('plain');
  t.is((await runInside(plain, allowedCores).ended).code, 0, 'a cgroup of which nothing was said has cores');
  t.throws(() => tree.create('nowhere', { cpuset: { cpus: [60_000] } }));
  t.deepEqual(tree.list(), ['pinned', 'plain']);
});

needs(['cpu'], 'a burst within the quota is taken, changed with it, and taken away', (t) => {
  const cgroup = openTree(t).create('burst', { cpu: { quota: 0.5, burstUs: 50_000 } });
  const file = controllers.cpu?.version === 1 ? 'cpu.cfs_burst_us' : 'cpu.max.burst';
  const burst = () => cgroup.directories.map((directory) => `${directory}/${file}`).filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8').trim());
  t.deepEqual(burst(), ['50000']);
  cgroup.update({ cpu: { quota: 0.2, burstUs: 20_000 } });
  t.deepEqual(burst(), ['20000']);
  cgroup.update({ cpu: { quota: 0.1, burstUs: 0 } });
  t.deepEqual(burst(), ['0']);
});

const realtime = controllers.cpu?.version === 1 && existsSync(`${controllers.cpu.directory}/cpu.rt_runtime_us`);
const withBudgets = realtime ? undefined : 'this kernel has no real-time budgets on cgroup v1';

needs(['cpu'], 'real-time threads run with a budget and not without, and the budget is given back', async (t) => {
  const tree = openTree(t);
  const runtime = (path: string) => Number(readFileSync(`${controllers.cpu!.directory}/${path}/cpu.rt_runtime_us`, 'utf8'));
  const attempt = async (name: string, realtimeUs: number) => {
    const cgroup = tree.create(name, { cpu: { realtimeUs } });
    return [cgroup, (await runInside(cgroup, 'exec chrt -f 10 true').ended).code === 0] as const;
  };
  const [, refused] = await attempt('without', 0);
  const [cgroup, granted] = await attempt('with', 10_000);
  t.deepEqual([refused, granted], [false, true]);
  t.is(runtime(tree.prefix), 10_000);
  t.throws(() => tree.create('greedy', { cpu: { realtimeUs: 999_999 } }), { code: 'EBUSY', message: /not 999999 us a second left/ });
  // A later process knows only what is in the kernel.
  await openCgroupTree({ prefix: tree.prefix }).open('with')!.remove();
  t.is(runtime(tree.prefix), 0);
  await cgroup.remove();
}, withBudgets);

needs(['cpu'], 'without real-time budgets the wish is refused with the reason', (t) => {
  const tree = openTree(t);
  t.throws(() => tree.create('rt', { cpu: { realtimeUs: 1000 } }), { code: 'ENOTSUP', message: /no real-time budgets/ });
  t.deepEqual(tree.list(), []);
}, realtime ? 'this kernel has them' : undefined);

needs(['pressure', 'cpu'], 'pressure: a process that its quota holds back has waited', async (t) => {
  const cgroup = openTree(t).create('pressed', { cpu: { quota: 0.1 } });
  t.is(cgroup.usage().pressure?.cpu.someUs, 0);
  runInside(cgroup, 'for i in 1 2 3; do (while :; do :; done) & done; wait');
  await until('it has waited', () => (cgroup.usage().pressure?.cpu.someUs ?? 0) > 100_000);
  t.is(typeof cgroup.usage().pressure?.memory.fullUs, 'number');
});

needs(['hugetlb'], 'huge pages: a limit by size; a size that is not there is refused', (t) => {
  const tree = openTree(t);
  const cgroup = tree.create('huge', { hugetlb: [{ size: '2MB', limitBytes: 4 * MIB }] });
  const file = controllers.hugetlb?.version === 1 ? 'hugetlb.2MB.limit_in_bytes' : 'hugetlb.2MB.max';
  const found = cgroup.directories.map((directory) => `${directory}/${file}`).filter((path) => existsSync(path));
  t.deepEqual(found.map((path) => readFileSync(path, 'utf8').trim()), [String(4 * MIB)]);
  t.throws(() => tree.create('odd', { hugetlb: [{ size: '3MB', limitBytes: MIB }] }), { code: 'ENOTSUP', message: /no huge pages of 3MB/ });
  t.deepEqual(tree.list(), ['huge']);
});

interface LoopDisk {
  readonly path: string;
  readonly device: string;
}

/** A disk of this test alone, on a file of 64 MiB, with the scheduler that weighs. */
function loopDisk(t: ExecutionContext): LoopDisk {
  const directory = mkdtempSync(join(tmpdir(), 'isolator-loop-'));
  const file = join(directory, 'disk');
  writeFileSync(file, Buffer.alloc(64 * MIB, 1));
  truncateSync(file, 64 * MIB);
  const path = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
  t.teardown(() => {
    execFileSync('losetup', ['--detach', path]);
    rmSync(directory, { recursive: true });
  });
  writeFileSync(`/sys/block/${basename(path)}/queue/scheduler`, 'bfq');
  const { rdev } = statSync(path);
  return { path, device: `${(rdev >>> 8) & 0xfff}:${rdev & 0xff}` };
}

function loopUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/loop-control')) return 'no loop devices here';
  const scheduler = existsSync('/sys/block/loop0/queue/scheduler') ? readFileSync('/sys/block/loop0/queue/scheduler', 'utf8') : '';
  return scheduler.includes('bfq') ? undefined : 'no bfq scheduler here';
}

function of(usage: readonly IoDeviceUsage[] | undefined, { device }: LoopDisk): IoDeviceUsage | undefined {
  return usage?.find((entry) => entry.device === device);
}

needs(['io'], 'disks: a bound in bytes a second holds, and all is counted by device', async (t) => {
  const disk = loopDisk(t);
  const tree = openTree(t);
  const slow = tree.create('slow', { io: { throttles: [{ device: disk.device, writeBytesPerSecond: 4 * MIB, readOperationsPerSecond: 50 }] } });
  const begin = performance.now();
  const { code, output } = await runInside(slow, `exec dd if=/dev/zero of=${disk.path} bs=256k count=32 oflag=direct`).ended;
  const seconds = (performance.now() - begin) / 1000;
  t.is(code, 0, output);
  t.true(seconds > 1.5, `8 MiB at 4 MiB/s took ${seconds} s`);
  t.log(`8 MiB at 4 MiB/s: ${seconds.toFixed(2)} s`);
  t.like(of(slow.usage().io, disk), { writeBytes: 8 * MIB });
  const read = performance.now();
  t.is((await runInside(slow, `exec dd if=${disk.path} of=/dev/null bs=4k count=100 iflag=direct`).ended).code, 0);
  t.true(performance.now() - read > 1500, '100 reads at 50 a second');
  const { readBytes, readOperations, syncBytes, asyncBytes } = of(slow.usage().io, disk)!;
  t.true(readBytes >= 400 * 1024 && readOperations >= 100);
  if (controllers.io?.version === 1) t.is((syncBytes ?? 0) + (asyncBytes ?? 0), readBytes + 8 * MIB);
  slow.update({ io: { throttles: [{ device: disk.device, writeBytesPerSecond: 0, readOperationsPerSecond: 0 }] } });
  const free = performance.now();
  t.is((await runInside(slow, `exec dd if=/dev/zero of=${disk.path} bs=256k count=32 oflag=direct`).ended).code, 0);
  t.true(performance.now() - free < seconds * 1000 / 2, 'the bound is gone');
}, loopUnavailable());

needs(['io'], 'disks: of two that write at once the heavier gets more', async (t) => {
  const disk = loopDisk(t);
  const tree = openTree(t);
  const [heavy, light] = [tree.create('heavy', { io: { weight: 900 } }), tree.create('light', { io: { weight: 50 } })];
  const write = `while :; do dd if=/dev/zero of=${disk.path} bs=128k count=400 oflag=direct 2>/dev/null; done`;
  for (const cgroup of [heavy, light]) runInside(cgroup, write);
  const written = () => [heavy, light].map((cgroup) => of(cgroup.usage().io, disk)?.writeBytes ?? 0);
  await until('both write', () => written().every((bytes) => bytes > 0));
  const before = written();
  await until('enough is written', () => written().reduce((sum, bytes) => sum + bytes) > 512 * MIB, 60_000);
  const [much, little] = written().map((bytes, index) => bytes - before[index]!);
  t.log(`900 beside 50: ${Math.round(much! / MIB)} MiB beside ${Math.round(little! / MIB)} MiB`);
  t.true(much! > 1.3 * little!, `${much} beside ${little} bytes`);
  await Promise.all([heavy.kill(), light.kill()]);
}, loopUnavailable());

/** A mount that only this trial sees: the kernel may have net_cls and refuse to mount it (booted with cgroup_no_v1=all). */
function netClassesUnavailable(): string | undefined {
  if (process.getuid?.() !== 0 || !/^net_cls\s+0\s/m.test(readFileSync('/proc/cgroups', 'utf8'))) {
    return 'needs root, and net_cls in the kernel and not mounted';
  }
  const trial = spawnSync('unshare', ['-m', 'mount', '-t', 'cgroup', '-o', 'net_cls', 'none', tmpdir()]);
  return trial.status === 0 ? undefined : 'net_cls cannot be mounted here';
}

needs([], 'packet classes: where net_cls is mounted, the class is on the cgroup', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'isolator-net-cls-'));
  const program = `
    import { readFileSync } from 'node:fs';
    import { openCgroupTree, probe } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
    const tree = openCgroupTree({ prefix: 'isolator-class-${process.pid}', controllers: ['net_cls'] });
    const cgroup = tree.create('web', { netClassId: 0x10001 });
    const read = () => readFileSync(cgroup.directories[0] + '/net_cls.classid', 'utf8').trim();
    const before = read();
    cgroup.update({ netClassId: 2 });
    console.log(JSON.stringify([probe().cgroups.controllers.net_cls, before, read()]));
    await tree.removeAll();`;
  try {
    // A mount that only this program sees, and that goes with it.
    const script = 'mount -t cgroup -o net_cls none "$1" && exec "$2" --input-type=module -e "$3"';
    const output = execFileSync('unshare', ['-m', 'sh', '-c', script, 'sh', directory, process.execPath, program], { encoding: 'utf8' });
    t.deepEqual(JSON.parse(output), [{ version: 1, directory }, '65537', '2']);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, netClassesUnavailable());
