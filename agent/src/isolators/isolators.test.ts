import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources, type ResourceLimits } from '@proffer/sdk/model';
import { systemClock } from '@proffer/sdk/transport';
import test from 'ava';
import { FakeCgroup, FakeNative, MEMORY } from '../containerizer/fake-native.test-helper.js';
import { containerSpec } from '../containerizer/recorder.test-helper.js';
import type { ContainerSpec } from '../containerizer/types.js';
import { capabilitiesIsolator } from './capabilities.js';
import { combine } from './combine.js';
import { cpuIsolator } from './cpu.js';
import { filesystemIsolator } from './filesystem.js';
import { createIsolators, ISOLATORS, type IsolatorsOptions } from './index.js';
import { memoryIsolator } from './memory.js';
import { namespacesIsolator } from './namespaces.js';
import { PIDS_DEFAULT, pidsIsolator } from './pids.js';
import { runtimeSockets } from './runtime-sockets.js';
import { userIsolator, type UserPolicy } from './user.js';
import { userDatabase, type TaskUser } from './users.js';

const MIB = 1 << 20;

function spec(more: Partial<ContainerSpec> = {}): ContainerSpec {
  return containerSpec('/work', 'abcdef-0123456789', more);
}

function withResources(cpus: number, mem: number, limits?: ResourceLimits): ContainerSpec {
  return spec({ resources: resources({ cpus, mem }), ...(limits === undefined ? {} : { limits }) });
}

test('cpu: weight from the request, hard quota from the limit', (t) => {
  const table: [cpus: number, limit: ResourceLimits['cpus'], hard: boolean, request: number, quota: number | null][] = [
    [0.5, undefined, true, 0.5, 0.5],
    [0.5, 2000, true, 0.5, 2],
    [0.5, 'unlimited', true, 0.5, null],
    [2, 1000, true, 2, 2],
    [0, undefined, true, 0, 0.01],
    [0.5, undefined, false, 0.5, null],
    [0.5, 2000, false, 0.5, 2],
  ];
  for (const [cpus, limit, hard, request, quota] of table) {
    const prepared = cpuIsolator(hard).prepare(withResources(cpus, 0, limit === undefined ? undefined : { cpus: limit }));
    t.deepEqual(prepared.limits, { cpu: { request, quota } }, `${cpus} ${limit} ${hard}`);
  }
  const figures = { usageUs: 3e6, userUs: 2e6, systemUs: 1e6, periods: 9, throttledPeriods: 4, throttledUs: 500_000 };
  const container = { containerId: 'c', resources: resources({ cpus: 0.5 }), limits: undefined };
  t.deepEqual(cpuIsolator(true).usage?.({ cpu: figures }, container), {
    cpuUserSeconds: 2, cpuSystemSeconds: 1, cpuThrottledSeconds: 0.5, cpuPeriods: 9, cpuThrottledPeriods: 4, cpuLimitCpus: 0.5,
  });
});

test('memory: hard limit from the limit, soft limit from the request', (t) => {
  const table: [mem: number, limit: ResourceLimits['mem'], hard: number | null, soft: number][] = [
    [64, undefined, 64 * MIB, 64 * MIB],
    [64, 128_000, 128 * MIB, 64 * MIB],
    [64, 'unlimited', null, 64 * MIB],
    [64, 32_000, 64 * MIB, 64 * MIB],
    [0, undefined, 32 * MIB, 32 * MIB],
  ];
  for (const [mem, limit, limitBytes, softLimitBytes] of table) {
    const prepared = memoryIsolator().prepare(withResources(1, mem, limit === undefined ? undefined : { mem: limit }));
    t.deepEqual(prepared.limits, { memory: { limitBytes, softLimitBytes } }, `${mem} ${limit}`);
  }
});

test('memory: what happened while nobody watched is found', (t) => {
  const cgroup = new FakeCgroup('c', {}, () => undefined);
  const container = { containerId: 'c', cgroup, resources: resources({ mem: 64 }), limits: undefined };
  const seen: string[] = [];
  const isolator = memoryIsolator();
  t.is(isolator.verdict?.(container), undefined);
  cgroup.figures = { memory: { ...MEMORY, oomKills: 2 } };
  const stop = isolator.watch?.(container, ({ message }) => seen.push(message));
  t.regex(seen[0] ?? '', /^out of memory: the limit of 64\.0 MiB was reached/);
  t.is(isolator.verdict?.(container)?.reason, 'memory');
  stop?.();
  t.deepEqual(cgroup.listeners, []);
});

test('pids: a default, a task\'s own limit, and refusals', (t) => {
  const prepare = (pidsLimit?: number) =>
    pidsIsolator().prepare(spec(pidsLimit === undefined ? {} : { container: { pidsLimit } })).limits;
  t.deepEqual(prepare(), { pids: { max: PIDS_DEFAULT } });
  t.deepEqual(prepare(1), { pids: { max: 1 } });
  t.deepEqual(prepare(4_194_304), { pids: { max: 4_194_304 } });
  for (const bad of [0, -1, 1.5, 4_194_305]) {
    t.throws(() => prepare(bad), { message: `container.pidsLimit: must be a whole number from 1 to 4194304, got ${bad}` });
  }
});

test('namespaces: own ones as far as they are to be had, a host name from the id', (t) => {
  const all = { pid: true, uts: true, ipc: true, cgroup: true };
  t.deepEqual(namespacesIsolator(all).prepare(spec()), { namespaces: all, mounts: [{ type: 'proc' }], hostname: 'abcdef-01234' });
  const none = { pid: false, uts: false, ipc: false, cgroup: false };
  t.deepEqual(namespacesIsolator(none).prepare(spec()), { namespaces: none, mounts: [] });
  const named = (hostname: string) => namespacesIsolator(all).prepare(spec({ container: { hostname } })).hostname;
  t.is(named('web-1.example.org'), 'web-1.example.org');
  for (const bad of ['', '-a', 'a..b', 'a b', 'a'.repeat(65), 'a\n']) {
    t.throws(() => named(bad), { message: /^container\.hostname:/ }, bad);
  }
  t.is(namespacesIsolator(all).prepare(containerSpec('/w', '___')).hostname, 'container');
});

test('filesystem: read-only host root, what must not be seen, the sandbox on a /mnt of its own', (t) => {
  const hiddenPaths = ['/work', ...runtimeSockets()];
  const policy = { mountNamespace: true, writableRoot: false, privateDirectories: ['/tmp'], hiddenPaths };
  const prepared = filesystemIsolator(policy).prepare(spec({ executorSocket: '/work/socket/agent.sock' }));
  t.deepEqual(prepared.root, { path: '/', writable: false });
  t.deepEqual(prepared.mounts, [
    { type: 'dev' },
    { type: 'tmpfs', target: '/tmp', mode: 0o1777 },
    { type: 'tmpfs', target: '/mnt', mode: 0o755, sizeBytes: 65_536 },
    { type: 'bind', source: '/work/sandboxes/abcdef-0123456789', target: '/mnt/mesos/sandbox', writable: true },
    { type: 'bind', source: '/work/socket', target: '/mnt/mesos/agent' },
  ]);
  for (const path of ['/work', '/run/docker.sock', '/run/containerd', '/var/lib/docker']) {
    t.true(prepared.hiddenPaths?.includes(path), path);
  }
  t.is(prepared.workingDirectory, '/mnt/mesos/sandbox');
  t.deepEqual(prepared.environment, {
    MESOS_SANDBOX: '/mnt/mesos/sandbox', HOME: '/mnt/mesos/sandbox', MESOS_DOMAIN_SOCKET: '/mnt/mesos/agent/agent.sock',
  });
  t.true(filesystemIsolator({ ...policy, writableRoot: true }).prepare(spec()).root?.writable);
  const plain = filesystemIsolator({ ...policy, mountNamespace: false }).prepare(spec());
  t.deepEqual(plain, {
    workingDirectory: '/work/sandboxes/abcdef-0123456789',
    environment: { MESOS_SANDBOX: '/work/sandboxes/abcdef-0123456789', HOME: '/work/sandboxes/abcdef-0123456789' },
  });
});

const ACCOUNTS: Readonly<Record<string, TaskUser>> = {
  root: { name: 'root', uid: 0, gid: 0, groups: [] },
  nobody: { name: 'nobody', uid: 65534, gid: 65534, groups: [] },
  worker: { name: 'worker', uid: 1000, gid: 1000, groups: [2000] },
  wheel: { name: 'wheel', uid: 1001, gid: 1001, groups: [0] },
};

function policy(more: Partial<UserPolicy> = {}): UserPolicy {
  const find = (name: string) => ACCOUNTS[name] ?? Object.values(ACCOUNTS).find(({ uid }) => String(uid) === name);
  return { own: { uid: 0, gid: 0 }, defaultUser: 'nobody', allowRoot: false, users: { find }, ...more };
}

function runAs(user: string | undefined): ContainerSpec {
  return spec({ command: { shell: true, value: 'true', ...(user === undefined ? {} : { user }) } });
}

test('user: unprivileged unless named, never root unless allowed, only itself without root', (t) => {
  const prepare = (user: string | undefined, more: Partial<UserPolicy> = {}) =>
    userIsolator(policy(more)).prepare(runAs(user)).user;
  t.is(prepare(undefined), ACCOUNTS['nobody']);
  t.is(prepare('worker'), ACCOUNTS['worker']);
  t.is(prepare('1000'), ACCOUNTS['worker']);
  t.throws(() => prepare('root'), { message: /^command\.user: "root" is root, and this agent does not run tasks as root/ });
  t.throws(() => prepare('0'), { message: /is root/ });
  t.throws(() => prepare('wheel'), { message: /is a member of group 0/ });
  t.throws(() => prepare('ghost'), { message: /there is no user "ghost"/ });
  t.throws(() => prepare(undefined, { defaultUser: 'root' }), { message: /is root/ });
  t.is(prepare('root', { allowRoot: true })?.uid, 0);
  const own = { own: { uid: 1000, gid: 1000 } };
  t.deepEqual(prepare(undefined, own), { name: 'worker', uid: 1000, gid: 1000, groups: [] });
  t.deepEqual(prepare('worker', own)?.uid, 1000);
  for (const other of ['root', 'nobody', 'ghost']) {
    t.throws(() => prepare(other, own), { message: /this agent is not root/ }, other);
  }
});

test('capabilities: the usual ones for root, none for others, nothing said without root', (t) => {
  const prepare = (user: string, more: Partial<UserPolicy> = {}) =>
    capabilitiesIsolator(policy({ allowRoot: true, ...more }), { defaults: ['KILL'], allowed: [], known: ['KILL'] }).prepare(runAs(user));
  t.deepEqual(prepare('root'), { capabilities: ['KILL'] });
  t.deepEqual(prepare('worker'), { capabilities: [] });
  t.deepEqual(prepare('worker', { own: { uid: 1000, gid: 1000 } }), {});
});

test('users come from the files, with their groups; numbers need no account', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-users-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const [passwd, group] = [join(directory, 'passwd'), join(directory, 'group')];
  writeFileSync(passwd, '# comment\nroot:x:0:0::/:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n+::::::\nbroken\n');
  writeFileSync(group, 'root:x:0:\nworker:x:1000:worker\naudio:x:29:other,worker\nvideo:x:44:worker2\n');
  const users = userDatabase(passwd, group);
  t.deepEqual(users.find('worker'), { name: 'worker', uid: 1000, gid: 1000, groups: [29] });
  t.deepEqual(users.find('1000'), users.find('worker'));
  t.deepEqual(users.find('4242'), { name: '4242', uid: 4242, gid: 4242, groups: [] });
  for (const none of ['broken', '+', '', '4294967295', '-1', 'ghost']) t.is(users.find(none), undefined, none);
  t.is(userDatabase(join(directory, 'none'), group).find('root'), undefined);
  writeFileSync(passwd, 'ghost:x:1:1::/:/bin/sh\n');
  t.is(users.find('ghost')?.uid, 1, 'a new account is seen');
});

test('parts are joined and merged, the later one wins', (t) => {
  const whole = combine([
    { limits: { cpu: { request: 1 } }, environment: { A: '1', B: '1' }, mounts: [{ type: 'proc' }], hostname: 'a' },
    { limits: { pids: { max: 1 } }, environment: { B: '2' }, mounts: [{ type: 'dev' }] },
    {},
  ]);
  t.deepEqual(whole, {
    limits: { cpu: { request: 1 }, pids: { max: 1 } },
    environment: { A: '1', B: '2' },
    mounts: [{ type: 'proc' }, { type: 'dev' }],
    hostname: 'a',
  });
});

test('which isolators are on: configuration, and what the machine has', (t) => {
  const native = new FakeNative();
  const names = (more: Partial<IsolatorsOptions> = {}) =>
    createIsolators({
      probe: native.probe(),
      native,
      tree: native.openCgroupTree({ prefix: 'p' }),
      userPolicy: policy(),
      hiddenPaths: [],
      writableRoot: false,
      hardCpuQuota: true,
      runDir: '/nowhere',
      clock: systemClock,
      ...more,
    }).map(({ name }) => name);
  t.deepEqual(names(), ISOLATORS.filter((name) => name !== 'user-namespace'), 'no ids without a place to write them down');
  t.deepEqual(names({ isolation: ['pids', 'cpu'] }), ['user', 'filesystem', 'cpu', 'pids']);
  const rest = {
    probe: native.probe(),
    native,
    userPolicy: policy(),
    hiddenPaths: [],
    writableRoot: false,
    hardCpuQuota: true,
    runDir: '/nowhere',
    clock: systemClock,
  };
  const withoutCgroups = [
    'user', 'namespaces', 'time', 'network', 'filesystem', 'capabilities', 'no-new-privileges', 'seccomp', 'rlimits', 'cpuset', 'io',
    'hugepages', 'net-class', 'disk',
  ];
  t.deepEqual(createIsolators(rest).map(({ name }) => name), withoutCgroups);

  const userNamespaces = createIsolators({ ...rest, probe: { ...native.probe(), mode: 'user-namespaces' } });
  t.true('user' in (combine(userNamespaces.map((isolator) => isolator.prepare(spec()))).namespaces ?? {}));
  const withoutMounts = { ...native.probe(), namespaces: { ...native.probe().namespaces, mount: false } };
  const prepared = combine(createIsolators({ ...rest, probe: withoutMounts }).map((isolator) => isolator.prepare(spec())));
  t.false(prepared.namespaces?.pid, 'no process namespace without a /proc of its own');
  t.is(prepared.workingDirectory, '/work/sandboxes/abcdef-0123456789');
});
