import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { defaultDeviceRules, openCgroupTree, probe } from '../index.js';
import { runInside, until } from '../testing/processes.js';
import type { CgroupTree, OomEvent } from '../types/cgroups.js';
import type { IsolatorError } from '../types/errors.js';
import type { ControllerName } from '../types/probe.js';

const MIB = 1 << 20;
const needed: readonly ControllerName[] = ['cpu', 'memory', 'pids', 'devices'];
const missing = needed.filter((name) => probe().cgroups.controllers[name] === undefined);
/** One after the other: several need the machine's CPUs to themselves. */
const run = missing.length === 0
  ? test.serial
  : (title: string) => test.skip(`${title} (skipped: needs root and the cgroup controllers ${missing.join(', ')})`, () => {});

let trees = 0;

/** A tree of this test alone; whatever the test leaves in it is removed. */
function openTree(t: ExecutionContext, controllers?: readonly ControllerName[]): CgroupTree {
  const prefix = `isolator-test-${process.pid}/${++trees}`;
  const tree = openCgroupTree({ prefix, ...(controllers === undefined ? {} : { controllers }) });
  t.teardown(() => tree.removeAll());
  return tree;
}

run('limits are in force from the start and can be changed', (t) => {
  const tree = openTree(t);
  const cgroup = tree.create('one', {
    cpu: { request: 0.5, quota: 0.5 },
    memory: { limitBytes: 64 * MIB, softLimitBytes: 32 * MIB },
    pids: { max: 50 },
    devices: defaultDeviceRules,
  });
  t.true(cgroup.directories.every((directory) => existsSync(directory)));
  t.like(cgroup.usage(), {
    cpu: { usageUs: 0, throttledPeriods: 0 }, memory: { limitBytes: 64 * MIB, oomKills: 0 }, pids: { current: 0, max: 50 },
  });
  cgroup.update({ cpu: { quota: null }, memory: { limitBytes: 128 * MIB, softLimitBytes: null }, pids: { max: null } });
  t.like(cgroup.usage(), { memory: { limitBytes: 128 * MIB }, pids: { max: null } });
  cgroup.update({ memory: { limitBytes: null } });
  t.is(cgroup.usage().memory?.limitBytes, null);
  cgroup.update({ memory: { limitBytes: 16 * MIB } });
  t.is(cgroup.usage().memory?.limitBytes, 16 * MIB);
});

run('a busy loop under a quota of half a CPU uses half a CPU, by its own accounting', async (t) => {
  const cgroup = openTree(t).create('busy', { cpu: { quota: 0.5 } });
  runInside(cgroup, 'while :; do :; done');
  await until('the loop runs', () => (cgroup.usage().cpu?.usageUs ?? 0) > 50_000);
  const [before, from] = [cgroup.usage().cpu!, performance.now()];
  const throttled = () => cgroup.usage().cpu!.throttledPeriods - before.throttledPeriods;
  await until('the quota ran out in 15 periods', () => throttled() >= 15, 60_000);
  const [after, to] = [cgroup.usage().cpu!, performance.now()];
  const cpus = (after.usageUs - before.usageUs) / 1000 / (to - from);
  t.true(cpus < 0.58, `${cpus} CPUs: one period more or less at either end`);
  // How much it gets in a second is also the machine's business, but in each of those periods it got its 50 ms.
  t.true(after.usageUs - before.usageUs > 15 * 50_000 * 0.8, `${after.usageUs - before.usageUs} us in 15 periods`);
  t.true(after.periods >= before.periods + 15 && after.throttledUs > before.throttledUs);
  t.true(after.userUs + after.systemUs > 0);
});

run('eating memory past the limit is killed, seen at once, and told with figures', async (t) => {
  const cgroup = openTree(t).create('eater', { memory: { limitBytes: 32 * MIB } });
  const events: OomEvent[] = [];
  cgroup.onOom((event) => events.push(event));
  const eater = runInside(cgroup, 'exec tail /dev/zero');
  t.is((await eater.ended).signal, 'SIGKILL');
  // v2 tells at most every 10 ms; waiting also keeps the event loop alive, which the watch does not.
  await until('the event is here', () => events.length > 0);
  t.is(events[0]?.memory.limitBytes, 32 * MIB);
  const { memory } = cgroup.usage();
  t.is(memory?.oomKills, 1);
  const peak = memory?.peakBytes;
  if (typeof peak === 'number') t.true(peak > 28 * MIB && peak <= 33 * MIB, String(peak));
  const stop = cgroup.onOom(() => {});
  await cgroup.remove();
  t.notThrows(stop, 'the removal ended the watch already');
});

run('memory in use is accounted by kind, and the limit is not lowered below what cannot be reclaimed', async (t) => {
  const cgroup = openTree(t).create('holder', { memory: { limitBytes: 128 * MIB } });
  const holder = runInside(cgroup, 'head -c 40m /dev/zero | { tail -c 40m; sleep 60; } | { sleep 60; }');
  await until('40 MiB are held', () => (cgroup.usage().memory?.anonBytes ?? 0) > 39 * MIB);
  const memory = cgroup.usage().memory!;
  t.true(memory.usageBytes >= memory.anonBytes && memory.activeBytes + memory.inactiveBytes >= 39 * MIB);
  const error = t.throws(() => cgroup.update({ memory: { limitBytes: 8 * MIB } })) as IsolatorError;
  t.is(error.code, 'EBUSY');
  t.like(cgroup.usage().memory, { limitBytes: 128 * MIB, oomKills: 0 });
  cgroup.update({ memory: { limitBytes: 64 * MIB } });
  t.is(cgroup.usage().memory?.limitBytes, 64 * MIB);
  await cgroup.kill();
  await holder.ended;
});

run('a fork bomb is stopped by the process limit, and killed', async (t) => {
  const cgroup = openTree(t).create('bomb', { pids: { max: 30 } });
  // Every shell ends at its first refused fork, and leaves its sleepers.
  const bomb = runInside(cgroup, 'bomb() { bomb | bomb & while :; do sleep 60 & done; }; bomb');
  await until('forks are refused', () => (cgroup.usage().pids?.refusedForks ?? 0) > 0);
  t.true(cgroup.usage().pids!.current <= 30 && cgroup.processes().length <= 30);
  await cgroup.kill();
  await bomb.ended;
  t.deepEqual(cgroup.processes(), []);
  // `current` counts the dead as well until their parent has reaped them; the limit is back for a next use.
  t.is(cgroup.usage().pids?.max, 30);
});

run('only listed devices may be used; the list can be changed while processes run', async (t) => {
  const cgroup = openTree(t).create('devices', { devices: defaultDeviceRules });
  const attempt = async (script: string) => (await runInside(cgroup, script).ended).code === 0;
  t.true(await attempt('exec 3</dev/null 4</dev/zero 5</dev/urandom && : > /dev/full'));
  t.false(await attempt('exec 3</dev/kmsg'));
  cgroup.update({ devices: [...defaultDeviceRules, { type: 'char', major: 1, minor: 11, access: 'r' }] });
  t.true(await attempt('exec 3</dev/kmsg'));
  t.false(await attempt('exec 3<>/dev/kmsg'), 'reading was allowed, writing was not');
  cgroup.update({ devices: [{ type: 'char', major: 1, minor: 3, access: 'rw' }] });
  t.true(await attempt('exec 3</dev/null'));
  t.false(await attempt('exec 3</dev/zero'));
  t.false(await attempt('exec 3</dev/kmsg'));
  cgroup.update({ devices: [{ type: 'char', major: 1, minor: null, access: 'rwm' }] });
  t.true(await attempt('exec 3<>/dev/zero 4</dev/kmsg'));
  cgroup.update({ devices: [] });
  t.false(await attempt('exec 3</dev/null'));
});

run('kill ends nested and forking trees, remove takes nested cgroups along', async (t) => {
  const tree = openTree(t);
  const cgroup = tree.create('nest');
  const nested = cgroup.directories.map((directory) => `${directory}/inner/deep`);
  for (const directory of nested) mkdirSync(directory, { recursive: true });
  const forking = runInside(cgroup, 'while :; do (sleep 5; sleep 5) & sleep 0.01; done');
  const inner = runInside({ directories: nested }, '(sleep 60 & wait) & wait');
  await until('both trees stand', () => cgroup.processes().length > 6 && cgroup.processes().includes(inner.pid));
  await cgroup.kill();
  t.deepEqual(cgroup.processes(), []);
  t.is((await forking.ended).signal, 'SIGKILL');
  t.is((await inner.ended).signal, 'SIGKILL');
  await cgroup.remove();
  t.false(cgroup.directories.some((directory) => existsSync(directory)));
  t.is(tree.open('nest'), undefined);
  await t.notThrowsAsync(() => cgroup.remove(), 'what is gone already is no error');
  const gone = t.throws(() => cgroup.usage()) as IsolatorError;
  t.is(gone.code, 'ENOENT');
});

run('a frozen process is killed too', async (t) => {
  const freezer = probe().cgroups.controllers.freezer;
  if (freezer === undefined) {
    t.pass('no freezer here');
    return;
  }
  const tree = openTree(t, ['pids', 'freezer']);
  const cgroup = tree.create('frozen');
  const sleeper = runInside(cgroup, 'sleep 60');
  await until('it runs', () => cgroup.processes().length > 0);
  const directory = `${freezer.directory}/${tree.prefix}/frozen`;
  if (freezer.version === 1) writeFileSync(`${directory}/freezer.state`, 'FROZEN');
  else writeFileSync(`${directory}/cgroup.freeze`, '1');
  await cgroup.remove();
  t.is((await sleeper.ended).signal, 'SIGKILL');
});

run('a create that fails halfway leaves nothing, not even its prefix', (t) => {
  const tree = openTree(t);
  const error = t.throws(() => tree.create('half', { pids: { max: 5_000_000 } })) as IsolatorError;
  t.is(error.code, 'EINVAL');
  t.regex(error.message, /pids\.max/);
  t.deepEqual(tree.list(), []);
  for (const { directory } of Object.values(probe().cgroups.controllers)) t.false(existsSync(`${directory}/${tree.prefix}`));
  const made = tree.create('half');
  t.throws(() => tree.create('half'), { code: 'EEXIST' });
  t.true(made.directories.every((directory) => existsSync(directory)), 'the refused second one took nothing away');
});

run('trees that share a part of their prefix do not disturb each other', async (t) => {
  const [one, two] = [openTree(t), openTree(t)];
  one.create('b');
  one.create('a');
  two.create('c');
  t.deepEqual([one.list(), two.list()], [['a', 'b'], ['c']]);
  // As after a crash: a cgroup in only one of the hierarchies.
  const [first] = one.open('a')!.directories;
  mkdirSync(`${first!.slice(0, -1)}partial`);
  t.not(one.open('partial'), undefined);
  const sleeper = runInside(one.open('b')!, 'sleep 60');
  await until('it runs', () => one.open('b')!.processes().length > 0);
  await one.removeAll();
  t.is((await sleeper.ended).signal, 'SIGKILL');
  t.deepEqual([one.list(), two.list()], [[], ['c']]);
  t.notThrows(() => one.create('again'));
});

const unified = probe().cgroups.kind === 'unified' ? probe().cgroups.unified : undefined;
const runUnified = unified !== undefined && missing.length === 0
  ? test.serial
  : (title: string) => test.skip(`${title} (skipped: needs root and cgroup v2 alone; the guest has that)`, () => {});

runUnified('without root, a delegated cgroup is enough: the program moves into a leaf, its cgroups beside it', async (t) => {
  const directory = `${unified}/isolator-delegated-${process.pid}`;
  mkdirSync(directory);
  try {
    // As `systemd-run --user -p Delegate=yes` hands it over: controllers are there, the directory belongs to the user.
    writeFileSync(`${unified}/cgroup.subtree_control`, '+cpu +memory +pids');
    for (const file of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads']) {
      chownSync(`${directory}${file}`, 65534, 65534);
    }
    const program = `
      import { openCgroupTree } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
      const tree = openCgroupTree({ prefix: "mine" });
      const cgroup = tree.create("web", { memory: { limitBytes: 1 << 20 }, pids: { max: 5 }, cpu: { quota: 0.5 } });
      console.log(JSON.stringify({ controllers: tree.controllers, directories: cgroup.directories, usage: cgroup.usage() }));
      await cgroup.remove();
      await tree.removeAll();`;
    const asNobody = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups';
    const script = `${asNobody} ${process.execPath} --input-type=module -e '${program}'`;
    const { code, output } = await runInside({ directories: [directory] }, script).ended;
    t.is(code, 0, output);
    t.like(JSON.parse(output), {
      controllers: { cpu: 2, memory: 2, pids: 2 },
      directories: [`${directory}/mine/web`],
      usage: { memory: { limitBytes: 1 << 20 }, pids: { max: 5 } },
    });
    t.true(existsSync(`${directory}/isolator-callers`));
    t.false(existsSync(`${directory}/mine`));
    t.is(readFileSync(`${directory}/isolator-callers/cgroup.procs`, 'utf8'), '');
    rmdirSync(`${directory}/isolator-callers`);
  } finally {
    rmdirSync(directory);
  }
});
