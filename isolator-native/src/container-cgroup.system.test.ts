import { readFileSync } from 'node:fs';
import test from 'ava';
import { openCgroupTree } from './cgroups/index.js';
import { defaultDeviceRules } from './defaults.js';
import { recover } from './recover.js';
import { allNamespaces, Box, isAlive, isRoot, rootTitle, until, usualMounts } from './testing/box.js';
import type { Teardown } from './testing/box.js';
import type { Cgroup, CgroupTree } from './types/index.js';

const rootTest = isRoot ? test.serial : test.skip;
const isolated = { namespaces: allNamespaces, mounts: usualMounts };

function setUp(t: Teardown): { box: Box; tree: CgroupTree } {
  const box = new Box();
  const tree = openCgroupTree({ prefix: `proffer-test-container-${process.pid}` });
  t.teardown(async () => {
    await box.remove();
    await tree.removeAll();
  });
  return { box, tree };
}

function cgroupOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
}

rootTest(rootTitle('the task is in its cgroup from its first instruction on, the launcher is not'), async (t) => {
  const { box, tree } = setUp(t);
  const cgroup = tree.create('one', { pids: { max: 10 }, memory: { limitBytes: 64 << 20 }, devices: defaultDeviceRules });
  const monitors = tree.create('monitors');
  const script = 'cat /proc/self/cgroup; echo done; exec sleep 500';
  const container = await box.launch(box.shell(script, { ...isolated, cgroup, monitorCgroup: monitors }));
  await until('the task is ready', () => box.output('stdout').includes('done'));
  const joined = box.output('stdout').split('\n').filter((line) => line.includes('pids:') || line.startsWith('0::'));
  t.true(joined.length > 0 && joined.every((line) => line.endsWith(':/')), 'the own cgroup is the root of what is seen');
  t.is(cgroup.processes().length, 1);
  for (const pid of [container.pid, container.initPid]) {
    t.false(cgroup.processes().includes(pid));
    t.true(monitors.processes().includes(pid));
    t.regex(cgroupOf(pid), /monitors/);
  }
  const [task = 0] = cgroup.processes();
  const memberships = cgroupOf(task).split('\n').filter((line) => line.endsWith('/one'));
  t.true(memberships.length > 0 && memberships.length >= cgroup.directories.length);
  t.like(await container.destroy(), { kind: 'exited', signal: 'SIGKILL' });
  t.false(isAlive(task));
  t.is(tree.open('one'), undefined);
});

rootTest(rootTitle('a task that eats memory is killed, and the cgroup tells; a fork bomb is stopped and ended'), async (t) => {
  const { box, tree } = setUp(t);
  const eater = tree.create('eater', { memory: { limitBytes: 32 << 20 } });
  const eats = 'exec tail /dev/zero';
  const { status } = await box.run(box.shell(eats, { ...isolated, cgroup: eater }));
  t.like(status, { kind: 'exited', signal: 'SIGKILL' });
  t.is(eater.usage().memory?.oomKills, 1);
  if (status.kind === 'exited') t.true(status.usage.maxRssBytes > (16 << 20));

  const bombBox = new Box();
  t.teardown(() => bombBox.remove());
  const cgroup = tree.create('bomb', { pids: { max: 30 } });
  const bomb = bombBox.shell('bomb() { bomb | bomb & }; bomb; exec sleep 501', { ...isolated, cgroup });
  const container = await bombBox.launch(bomb);
  await until('forks are refused', () => (cgroup.usage().pids?.refusedForks ?? 0) > 0);
  t.true((cgroup.usage().pids?.current ?? 99) <= 30);
  await container.destroy();
  t.is(tree.open('bomb'), undefined);
});

rootTest(rootTitle('plain and lost: what cannot be seen as a descendant any more is found by its cgroup'), async (t) => {
  const { box, tree } = setUp(t);
  const cgroup: Cgroup = tree.create('plain');
  const container = await box.launch(box.shell('setsid sleep 502 & sleep 503', { cgroup }));
  await until('both run', () => cgroup.processes().length >= 2);
  const pids = cgroup.processes();
  // Monitor and supervisor at once: nobody is left who knows the descendants.
  process.kill(container.initPid, 'SIGSTOP');
  process.kill(container.pid, 'SIGKILL');
  process.kill(container.initPid, 'SIGKILL');
  const again = await recover(box.runtime, { cgroup });
  again.ref();
  t.is((await again.exited).kind, 'lost');
  t.deepEqual(pids.filter(isAlive), []);
  await again.destroy();
  t.is(tree.open('plain'), undefined);
});
