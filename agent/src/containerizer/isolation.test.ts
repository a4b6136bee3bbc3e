import { resources } from '@proffer/sdk/model';
import test from 'ava';
import type { Isolator } from '../isolators/index.js';
import { FakeNative } from './fake-native.test-helper.js';
import { Isolation } from './isolation.js';
import type { Machine } from './machine.js';
import { containerSpec } from './recorder.test-helper.js';
import { RuntimeDirectories } from './runtime-directory.js';
import { temporaryDirectory } from './temporary-directory.test-helper.js';

test('isolators work in order and are cleaned up backwards; one that fails does not keep the others from it', async (t) => {
  const native = new FakeNative();
  const done: string[] = [];
  const warnings: string[] = [];
  const isolator = (name: 'cpu' | 'pids'): Isolator => ({
    name,
    prepare: () => (done.push(`prepare ${name}`), { limits: { [name]: {} }, environment: { [name]: 'on' } }),
    isolate: ({ cgroup }) => void done.push(`isolate ${name} in ${cgroup?.name}`),
    update: (container) => {
      done.push(`update ${name} to ${container.resources.cpus}`);
      if (name === 'cpu') throw new Error('EINVAL');
    },
    usage: () => (name === 'cpu' ? { cpuUserSeconds: 1 } : { pids: 2 }),
    watch: () => {
      if (name === 'cpu') throw new Error('no events');
      return () => void done.push(`unwatch ${name}`);
    },
    verdict: () => undefined,
    recover: () => void done.push(`recover ${name}`),
    cleanup: async (id) => void done.push(`cleanup ${name} of ${id}`),
  });
  const directory = temporaryDirectory(t);
  const machine: Machine = {
    native,
    tree: native.openCgroupTree({ prefix: 'p' }),
    isolators: [isolator('cpu'), isolator('pids')],
    fetcher: { fetch: () => Promise.resolve(), close: () => Promise.resolve() },
    directories: new RuntimeDirectories(directory, 'boot'),
    clock: { now: () => 7, after: () => () => undefined },
    root: false,
    path: '/bin',
    handlers: { onProgress: () => undefined, onStarted: () => undefined },
    warn: (message) => warnings.push(message),
    ended: () => undefined,
    untilDone: (_what, action) => action(),
  };
  const isolation = new Isolation(containerSpec(directory, 'c1'), machine);
  isolation.prepare();
  isolation.isolate();
  t.deepEqual(isolation.preparation.environment, { cpu: 'on', pids: 'on' });
  isolation.watch(() => undefined);
  isolation.set(resources({ cpus: 2 }), undefined);
  t.true(isolation.isChanged);
  isolation.apply();
  t.deepEqual(isolation.usage(), { timestampMs: 7, cpuUserSeconds: 1, pids: 2 });
  t.is(isolation.verdict(), undefined);
  isolation.unwatch();
  await isolation.remove();
  t.deepEqual(done, [
    'prepare cpu', 'prepare pids', 'isolate cpu in c1', 'isolate pids in c1', 'update cpu to 2000', 'update pids to 2000',
    'unwatch pids', 'cleanup pids of c1', 'cleanup cpu of c1',
  ]);
  t.deepEqual(warnings, [
    'container c1: the cpu limit is in force but not watched: no events',
    'container c1: the cpu limit stays as it was: EINVAL',
  ]);
  t.is(native.cgroups.size, 0);
  new Isolation(containerSpec(directory, 'c2'), machine).recover();
  t.deepEqual(done.slice(-4), ['recover cpu', 'prepare cpu', 'recover pids', 'prepare pids']);
});
