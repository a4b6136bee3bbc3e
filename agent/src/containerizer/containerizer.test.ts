import { existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { resources } from '@proffer/sdk/model';
import test, { type ExecutionContext } from 'ava';
import { assemble } from './create.js';
import { FakeNative } from './fake-native.test-helper.js';
import { advance } from './life.js';
import type { ContainerizerOptions, MachineContainerizer } from './options.js';
import { containerSpec, Recorder } from './recorder.test-helper.js';
import { temporaryDirectory } from './temporary-directory.test-helper.js';

const NEVER_STARTED = { step: 'launch', message: 'the agent ended before it was started' } as const;

interface Setting {
  readonly native: FakeNative;
  readonly handlers: Recorder;
  readonly workDir: string;
  readonly warnings: string[];
  readonly containerizer: MachineContainerizer;
  /** A later agent process on the same machine and directory. */
  readonly restart: () => { readonly containerizer: MachineContainerizer; readonly handlers: Recorder };
}

function setUp(t: ExecutionContext, native = new FakeNative(), options: Partial<ContainerizerOptions> = {}): Setting {
  const workDir = temporaryDirectory(t);
  const handlers = new Recorder();
  const warnings: string[] = [];
  // Retries come at once; nobody's patience ends unless the test says so.
  const clock = {
    now: () => 5000,
    after(ms: number, callback: () => void) {
      if (ms < 30_000 || native.patienceEnds) setImmediate(callback);
      return () => undefined;
    },
  };
  const onWarning = (message: string): number => warnings.push(message);
  const make = (recorder: Recorder): MachineContainerizer =>
    assemble({ agentName: 'one', workDir, handlers: recorder, clock, onWarning, ...options }, native);
  return {
    native,
    handlers,
    workDir,
    warnings,
    containerizer: make(handlers),
    restart: () => {
      const recorder = new Recorder();
      return { containerizer: make(recorder), handlers: recorder };
    },
  };
}

test('a container: sandbox, limits, environment, start, exit; its runtime directory stays until it is forgotten', async (t) => {
  const { native, handlers, workDir, containerizer } = setUp(t);
  const spec = containerSpec(workDir, 'c1', {
    command: { shell: true, value: 'echo hi', environment: [['A', 'command']] },
    environment: [['A', 'core'], ['B', 'core'], ['MESOS_SANDBOX', 'core']],
  });
  containerizer.launch(spec);
  t.deepEqual(handlers.events, [], 'nothing is told from inside the call');
  const { pid } = await handlers.next('started', 'c1');
  t.is(pid, 1001);
  t.is(lstatSync(spec.sandbox).mode & 0o7777, 0o750);
  const launched = native.launched[0];
  t.like(launched, {
    id: 'c1',
    argv: ['/bin/sh', '-c', 'echo hi'],
    cwd: '/mnt/mesos/sandbox',
    hostname: 'c1',
    noNewPrivileges: true,
    root: { path: '/', writable: false },
    logs: { directory: spec.sandbox },
    namespaces: { pid: true, mount: true, uts: true, ipc: true, cgroup: true },
  });
  t.like(launched?.env, { A: 'command', B: 'core', MESOS_SANDBOX: '/mnt/mesos/sandbox', HOME: '/mnt/mesos/sandbox' });
  t.true(launched?.hiddenPaths?.includes(workDir));
  t.like(native.cgroups.get('c1')?.limits, {
    cpu: { request: 0.5, quota: 0.5 },
    memory: { limitBytes: 64 << 20 },
    pids: { max: 4096 },
  });
  t.like(containerizer.usage('c1'), { timestampMs: 5000, memoryBytes: 64 << 20 });

  native.containers.get('c1')?.end({ code: 3, signal: null });
  t.deepEqual((await handlers.next('exited', 'c1')).exit, { code: 3 });
  t.is(native.cgroups.size, 0);
  t.true(existsSync(join(workDir, 'run/c1')));
  containerizer.forget('c1');
  t.false(existsSync(join(workDir, 'run/c1')));
  t.true(existsSync(spec.sandbox), 'the sandbox is the core\'s to remove');
  t.is(containerizer.usage('c1'), undefined);
  await containerizer.close();
});

test('a failed step is named, everything before it is undone, and the sandbox says why', async (t) => {
  const { native, handlers, workDir, containerizer } = setUp(t);
  native.cgroupError = new Error('no room for cgroups');
  containerizer.launch(containerSpec(workDir, 'isolate'));
  t.deepEqual((await handlers.next('failed', 'isolate')).failure, { step: 'isolate', message: 'no room for cgroups' });

  native.launchError = new Error('exec nothing: ENOENT');
  const spec = containerSpec(workDir, 'launch');
  containerizer.launch(spec);
  t.deepEqual((await handlers.next('failed', 'launch')).failure, { step: 'launch', message: 'exec nothing: ENOENT' });
  t.is(native.cgroups.size, 0);
  t.regex(readFileSync(join(spec.sandbox, 'stderr'), 'utf8'), /not started \(launch\): exec nothing: ENOENT/);

  containerizer.launch(containerSpec(workDir, 'pids', { container: { pidsLimit: 0 } }));
  t.like((await handlers.next('failed', 'pids')).failure, { step: 'prepare' });
  t.false(existsSync(join(workDir, 'sandboxes/pids')));

  containerizer.launch(containerSpec(workDir, '../evil'));
  t.regex((await handlers.next('failed', '../evil')).failure.message, /^container id: must be letters/);

  mkdirSync(join(workDir, 'sandboxes/taken'));
  containerizer.launch(containerSpec(workDir, 'taken'));
  t.regex((await handlers.next('failed', 'taken')).failure.message, /exists already/);
  t.false(existsSync(join(workDir, 'sandboxes/taken/stderr')), 'another container\'s sandbox is not touched');
  t.is(native.launched.length, 1);
  await containerizer.close();
});

test('destroy: while it is prepared, fetched, launched, and while it runs', async (t) => {
  const { native, handlers, workDir, containerizer } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'prepared'));
  containerizer.destroy('prepared');
  t.deepEqual((await handlers.next('failed', 'prepared')).failure, { step: 'prepare', message: 'it was destroyed' });

  const server = createServer((_request, response) => response.flushHeaders());
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const port = portOf(server);
  const uris = [{ value: `http://127.0.0.1:${port}/never` }];
  containerizer.launch(containerSpec(workDir, 'fetched', { command: { shell: true, value: 'true', uris } }));
  await handlers.next('progress', 'fetched');
  containerizer.destroy('fetched');
  t.deepEqual((await handlers.next('failed', 'fetched')).failure, { step: 'fetch', message: 'it was destroyed' });
  server.closeAllConnections();
  server.close();

  let open: () => void = () => undefined;
  native.launchGate = new Promise((resolve) => {
    open = resolve;
  });
  containerizer.launch(containerSpec(workDir, 'launched'));
  while (native.launched.length === 0) await new Promise(setImmediate);
  containerizer.destroy('launched');
  open();
  native.launchGate = undefined;
  t.deepEqual((await handlers.next('failed', 'launched')).failure, { step: 'launch', message: 'it was destroyed' });
  t.true(native.containers.get('launched')?.destroyed);

  containerizer.launch(containerSpec(workDir, 'running'));
  containerizer.update('running', resources({ cpus: 1, mem: 100 }));
  await handlers.next('started', 'running');
  t.like(native.cgroups.get('running')?.limits, { cpu: { request: 1 } }, 'a change that came too early is made up for');
  containerizer.signal('running', 'SIGTERM');
  containerizer.destroy('running');
  containerizer.destroy('running');
  t.deepEqual((await handlers.next('exited', 'running')).exit, { signal: 'SIGKILL' });
  t.deepEqual(native.containers.get('running')?.signals.slice(0, 2), ['SIGTERM', 'SIGKILL']);
  t.deepEqual(handlers.order('running'), ['started', 'exited']);
  t.is(native.cgroups.size, 0);
  containerizer.destroy('nobody');
  containerizer.signal('nobody', 'SIGTERM');
  await containerizer.close();
});

test('out of memory ends the container, and the exit says the limit and the figures', async (t) => {
  const { native, handlers, workDir, containerizer } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'hog'));
  await handlers.next('started', 'hog');
  native.cgroups.get('hog')?.outOfMemory();
  const { exit } = await handlers.next('exited', 'hog');
  t.like(exit, { signal: 'SIGKILL', limitation: { reason: 'memory', resources: resources({ mem: 64 }) } });
  t.is(
    exit.limitation?.message,
    'out of memory: the limit of 64.0 MiB was reached; ' +
      'at most 64.0 MiB were in use, now 64.0 MiB (anonymous 63.0, page cache 1.0)',
  );

  containerizer.launch(containerSpec(workDir, 'survivor'));
  await handlers.next('started', 'survivor');
  const cgroup = native.cgroups.get('survivor');
  if (cgroup !== undefined) cgroup.figures = { memory: { ...cgroup.figures.memory!, oomKills: 1 } };
  native.containers.get('survivor')?.end({ code: 0, signal: null });
  t.deepEqual((await handlers.next('exited', 'survivor')).exit, { code: 0 }, 'a good end is a good end');
  await containerizer.close();
});

test('update changes limits; what the kernel refuses stays and is warned of', async (t) => {
  const { native, handlers, warnings, workDir, containerizer } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'c1'));
  await handlers.next('started', 'c1');
  containerizer.update('c1', resources({ cpus: 1, mem: 128 }), { cpus: 2000, mem: 'unlimited' });
  const cgroup = native.cgroups.get('c1');
  t.like(cgroup?.limits, { cpu: { request: 1, quota: 2 }, memory: { limitBytes: null, softLimitBytes: 128 << 20 } });
  if (cgroup !== undefined) cgroup.updateError = new Error('memory.max: EBUSY');
  containerizer.update('c1', resources({ cpus: 1, mem: 16 }));
  t.true(warnings.includes('container c1: the memory limit stays as it was: memory.max: EBUSY'), warnings.join('\n'));
  t.deepEqual(await containerizer.exec('c1', { shell: true, value: 'check', environment: [['X', '1']] }, 100), { code: 0 });
  t.like(native.executed[0], { argv: ['/bin/sh', '-c', 'check'], cwd: '/mnt/mesos/sandbox', timeoutMs: 100 });
  t.is(native.executed[0]?.env?.['X'], '1');
  native.execResult = { timedOut: true };
  const check = { shell: true, value: 'check' };
  t.deepEqual(await containerizer.exec('c1', check, 100), { error: 'it did not end within 0.1 s and was killed' });
  native.execResult = { signal: 'SIGSEGV' };
  t.deepEqual(await containerizer.exec('c1', check, 100), { error: 'it was ended by SIGSEGV' });
  t.deepEqual(await containerizer.exec('other', { shell: true, value: 'check' }, 100), { error: 'there is no container other' });
  await containerizer.close();
});

test('a new agent process: what runs goes on, ends are told until they are forgotten, nobody\'s are destroyed', async (t) => {
  const first = setUp(t);
  const { native, workDir } = first;
  const specs = ['runs', 'ended', 'orphan', 'told'].map((id) => containerSpec(workDir, id));
  for (const spec of specs) first.containerizer.launch(spec);
  for (const { containerId } of specs) await first.handlers.next('started', containerId);
  native.containers.get('told')?.end({ code: 7, signal: null });
  await first.handlers.next('exited', 'told');
  await first.containerizer.close();
  t.true(native.containers.get('runs')?.released);
  native.containers.get('ended')?.end({ code: null, signal: 'SIGSEGV' });
  native.openCgroupTree({ prefix: '' }).create('leftover');

  const { containerizer, handlers } = first.restart();
  const never = containerSpec(workDir, 'never');
  await containerizer.recover([...specs.filter(({ containerId }) => containerId !== 'orphan'), never]);
  t.deepEqual(handlers.order('runs'), ['started']);
  t.deepEqual((await handlers.next('exited', 'ended')).exit, { signal: 'SIGSEGV' });
  t.deepEqual((await handlers.next('exited', 'told')).exit, { code: 7 });
  t.deepEqual((await handlers.next('failed', 'never')).failure, NEVER_STARTED);
  t.true(native.containers.get('orphan')?.destroyed);
  t.deepEqual([...native.cgroups.keys()], ['runs']);
  t.false(existsSync(join(workDir, 'run/orphan')));

  native.cgroups.get('runs')?.outOfMemory();
  t.like((await handlers.next('exited', 'runs')).exit, { limitation: { reason: 'memory' } });
  t.deepEqual(handlers.order('runs'), ['started', 'exited']);
  for (const { containerId } of specs) containerizer.forget(containerId);
  await containerizer.close();
});

test('an agent that ends while it launches leaves nothing behind, and says so later', async (t) => {
  const first = setUp(t);
  const { native, workDir } = first;
  let open: () => void = () => undefined;
  native.launchGate = new Promise((resolve) => {
    open = resolve;
  });
  const spec = containerSpec(workDir, 'c1');
  first.containerizer.launch(spec);
  while (native.launched.length === 0) await new Promise(setImmediate);
  const closed = first.containerizer.close();
  open();
  await closed;
  t.deepEqual(first.handlers.events, []);
  t.true(native.containers.get('c1')?.destroyed);
  t.is(native.cgroups.size, 0);
  const { containerizer, handlers } = first.restart();
  await containerizer.recover([spec]);
  t.deepEqual((await handlers.next('failed', 'c1')).failure, NEVER_STARTED);
  await containerizer.close();
});

test('after a restart of the machine a container without a trace is lost, not merely unstarted', async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  await containerizer.recover([containerSpec(workDir, 'c1')]);
  t.deepEqual((await handlers.next('exited', 'c1')).exit, { lost: 'the machine restarted' });
  await containerizer.close();
});

test('what cannot be removed is tried again, and the end is told only then', async (t) => {
  const { native, handlers, warnings, workDir, containerizer } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'stuck'));
  await handlers.next('started', 'stuck');
  const cgroup = native.cgroups.get('stuck');
  if (cgroup !== undefined) cgroup.removeError = new Error('EBUSY');
  native.containers.get('stuck')?.end({ code: 0, signal: null });
  await handlers.next('exited', 'stuck');
  t.is(native.cgroups.size, 0);
  t.deepEqual(warnings, ['container stuck: it cannot be removed yet: EBUSY']);
  await containerizer.close();
});

test('an agent comes back although one container cannot be removed', async (t) => {
  const { native, workDir, warnings, containerizer } = setUp(t);
  const stuck = native.openCgroupTree({ prefix: '' }).create('stuck');
  stuck.remove = () => Promise.reject(new Error('EBUSY'));
  native.patienceEnds = true;
  await containerizer.recover([]);
  t.deepEqual(warnings, [
    'cgroup stuck, which nobody knows any more, cannot be removed yet: EBUSY',
    'not all earlier containers are settled after 30 s; the agent goes on, and on with them',
  ]);
  t.true(existsSync(join(workDir, 'run')));
  await containerizer.close();
});

test('without namespaces and cgroups: the real path of the sandbox, no figures, and it still runs', async (t) => {
  const native = new FakeNative();
  const none = { pid: false, mount: false, uts: false, ipc: false, cgroup: false, user: false, net: false, time: false };
  native.probed = { mode: 'plain', namespaces: none, cgroups: { kind: 'none', controllers: {}, unusable: {} } };
  const { handlers, workDir, containerizer } = setUp(t, native);
  const spec = containerSpec(workDir, 'c1', { executorSocket: '/work/agent/socket' });
  containerizer.launch(spec);
  await handlers.next('started', 'c1');
  const launched = native.launched[0];
  t.like(launched, { cwd: spec.sandbox, mounts: undefined, hiddenPaths: undefined, hostname: undefined });
  t.like(launched?.env, { MESOS_SANDBOX: spec.sandbox, MESOS_DOMAIN_SOCKET: '/work/agent/socket' });
  t.deepEqual(containerizer.usage('c1'), { timestampMs: 5000 });
  native.containers.get('c1')?.end({ code: 0, signal: null });
  await handlers.next('exited', 'c1');
  await containerizer.close();
});

test('a life only goes forward', (t) => {
  t.is(advance('FETCHING', 'ISOLATING'), 'ISOLATING');
  t.throws(() => advance('RUNNING', 'LAUNCHING'), { message: 'a container cannot go from RUNNING to LAUNCHING' });
  t.throws(() => advance('ENDED', 'UNDOING'));
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
