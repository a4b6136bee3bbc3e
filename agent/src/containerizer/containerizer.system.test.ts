import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { probe } from '@proffer/isolator-native';
import { resources } from '@proffer/sdk/model';
import type { CommandInfo } from '@proffer/sdk/model';
import test, { type ExecutionContext } from 'ava';
import { createContainerizer, type ContainerizerOptions, type ContainerSpec, type MachineContainerizer } from './index.js';
import { type ContainerEvent, containerSpec, Recorder } from './recorder.test-helper.js';

const NOBODY = 65534;
const root = process.getuid?.() === 0 && probe().mode === 'namespaces';
const asRoot = root ? test.serial : test.skip;
const needs = root ? '' : ' (skipped: needs root)';
const helper = fileURLToPath(new URL('agent-process.test-helper.js', import.meta.url));
let agents = 0;

interface Setting {
  readonly agentName: string;
  readonly workDir: string;
  readonly handlers: Recorder;
  readonly warnings: string[];
  readonly containerizer: MachineContainerizer;
  /** Runs a shell command to its end; returns what it wrote to its standard output. */
  readonly run: (id: string, value: string, more?: Partial<ContainerSpec>) => Promise<string>;
  readonly stdout: (id: string) => string;
}

/** An agent on this machine, which leaves nothing behind. */
function setUp(t: ExecutionContext, options: Partial<ContainerizerOptions> = {}): Setting {
  const agentName = options.agentName ?? `test-${process.pid}-${agents++}`;
  const workDir = options.workDir ?? mkdtempSync(join(tmpdir(), 'proffer-system-'));
  const handlers = new Recorder();
  const warnings: string[] = [];
  const before = { mounts: mounts(), descriptors: descriptors() };
  const onWarning = (message: string): number => warnings.push(message);
  const containerizer = createContainerizer({ agentName, workDir, handlers, onWarning, ...options });
  // Containers do not keep a process alive.
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(async () => {
    await containerizer.close();
    clearInterval(alive);
    const left = { warnings, cgroups: cgroupsOf(agentName), processes: processesNaming(workDir) };
    // A test that failed may have left something running.
    const cleaner = createContainerizer({ agentName, workDir, handlers });
    await cleaner.recover([]);
    await cleaner.close();
    rmSync(workDir, { recursive: true, force: true });
    await wait(20);
    assert.deepEqual(left, { warnings: [], cgroups: [], processes: [] });
    assert.deepEqual(mounts(), before.mounts);
    assert.ok(descriptors() <= before.descriptors, `${before.descriptors} descriptors before, ${descriptors()} after`);
  });
  const stdout = (id: string): string => readFileSync(join(workDir, 'sandboxes', id, 'stdout'), 'utf8');
  return {
    agentName,
    workDir,
    handlers,
    warnings,
    containerizer,
    stdout,
    async run(id, value, more = {}) {
      containerizer.launch(containerSpec(workDir, id, { command: shell(value), ...more }));
      const end = await Promise.race([handlers.next('failed', id), handlers.next('exited', id)]);
      if (end.type === 'failed') throw new Error(`${end.failure.step}: ${end.failure.message}`);
      containerizer.forget(id);
      return stdout(id);
    },
  };
}

function shell(value: string, more: Partial<CommandInfo> = {}): CommandInfo {
  return { shell: true, value, ...more };
}

function cgroupsOf(agentName: string): string[] {
  const directories = Object.values(probe().cgroups.controllers).map(({ directory }) => `${directory}/proffer/${agentName}`);
  return [...new Set(directories)].filter((directory) => existsSync(directory));
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ').slice(3, 5).join(' ')).sort();
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Processes with something of this test in their command line, environment or working directory. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(text));
    } catch {
      return false;
    }
  });
}

/** Not so for one that is dead and only not buried by its parent. */
function runs(pid = 0): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const found = look();
    if (found !== undefined) return found;
    await wait(20);
  }
  throw new Error(`waited in vain for ${what}`);
}

asRoot(`a task sees its own processes, host name, cgroup, user and files only${needs}`, async (t) => {
  const { run, workDir, stdout } = setUp(t);
  writeFileSync(join(workDir, 'secret'), 'secret', { mode: 0o644 });
  const facts = await run('facts', `
    ps -e -o pid,comm --no-headers
    echo "hostname $(hostname)"
    echo "cgroup $(cut -d: -f3 /proc/self/cgroup | sort -u | tr '\\n' ' ')"
    echo "id $(id -u):$(id -g) $(id -G)"
    echo "cwd $(pwd) $MESOS_SANDBOX $HOME"
    touch here && echo "sandbox writable"
    for place in / /etc /usr /var /home; do touch $place/x 2>/dev/null && echo "WRITABLE $place"; done
    touch /tmp/x && echo "tmp $(ls /tmp)"
    ls -a ${workDir} | tr '\\n' ' '; cat ${workDir}/secret 2>/dev/null
    echo "dev $(ls /dev | tr '\\n' ' ')"
    grep -E '^(CapPrm|CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t\\n' '  '
    head -c 1 /dev/zero | wc -c; echo x > /dev/null && echo "null works"
    ls /proc/kcore -l | cut -c1`);
  const lines = facts.split('\n');
  const processes = lines.slice(0, lines.findIndex((line) => line.startsWith('hostname')));
  t.true(processes.length <= 3, processes.join());
  t.regex(processes[0] ?? '', /^\s*1 /);
  t.true(lines.includes('hostname facts'), facts);
  t.true(lines.includes('cgroup / '), facts);
  t.true(lines.includes(`id ${NOBODY}:${NOBODY} ${NOBODY}`), facts);
  t.true(lines.includes('cwd /mnt/mesos/sandbox /mnt/mesos/sandbox /mnt/mesos/sandbox'), facts);
  t.true(lines.includes('sandbox writable'));
  t.false(facts.includes('WRITABLE'), facts);
  t.false(facts.includes('secret'), facts);
  t.true(lines.includes('tmp x'), facts);
  t.regex(facts, /CapPrm: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1/);
  t.true(lines.includes('null works'));
  const devices = (lines.find((line) => line.startsWith('dev ')) ?? '').split(' ');
  t.false(devices.some((device) => /^(vda|kvm|mem|kmsg|loop)/.test(device)), devices.join(' '));
  const sandbox = join(workDir, 'sandboxes/facts');
  t.like(statSync(sandbox), { uid: NOBODY, gid: NOBODY });
  t.is(statSync(sandbox).mode & 0o777, 0o750);
  t.is(stdout('facts'), facts);
});

asRoot(`a sandbox below a private directory is reachable, and PATH and arguments are as asked${needs}`, async (t) => {
  const { run, workDir } = setUp(t);
  chmodSync(workDir, 0o700);
  const said = await run('said', '', {
    command: {
      shell: false,
      value: 'printf',
      arguments: ['printf', '%s|', 'a b', '$HOME', ''],
      environment: [['PATH', '/bin:/usr/bin']],
    },
  });
  t.is(said, 'a b|$HOME||');
});

asRoot(`memory: a hog is killed, with the figures${needs}`, async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  const command = shell('tail /dev/zero');
  containerizer.launch(containerSpec(workDir, 'hog', { command, resources: resources({ cpus: 1, mem: 48 }) }));
  const { exit } = await handlers.next('exited', 'hog');
  t.log(exit);
  t.like(exit, { limitation: { reason: 'memory', resources: resources({ mem: 48 }) } });
  t.regex(exit.limitation?.message ?? '', /the limit of 48\.0 MiB was reached; at most 4[78]\.\d MiB were in use/);
});

asRoot(`pids: a fork bomb is bounded${needs}`, async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  const command = shell("perl -e 'fork while 1'");
  containerizer.launch(containerSpec(workDir, 'bomb', { command, container: { pidsLimit: 24 } }));
  await handlers.next('started', 'bomb');
  const full = await until('the bomb to go off', () => {
    const usage = containerizer.usage('bomb');
    return usage?.pids === 24 ? usage : undefined;
  });
  t.like(full, { pidsLimit: 24 });
  containerizer.destroy('bomb');
  t.truthy((await handlers.next('exited', 'bomb')).exit);
});

asRoot(`cpu: a busy loop with cpus 0.5 gets half a core by the cgroup's own accounting${needs}`, async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'busy', { command: shell('while :; do :; done') }));
  await handlers.next('started', 'busy');
  const used = (): number => {
    const { cpuUserSeconds = 0, cpuSystemSeconds = 0 } = containerizer.usage('busy') ?? {};
    return cpuUserSeconds + cpuSystemSeconds;
  };
  // Other work on the machine may take from the half core, in some seconds; nothing may add to it, in none.
  let most = 0;
  for (let second = 0; second < 15 && most < 0.45; second++) {
    const [from, at] = [used(), process.hrtime.bigint()];
    await wait(1000);
    const cores = (used() - from) / (Number(process.hrtime.bigint() - at) / 1e9);
    t.true(cores < 0.58, `${cores} cores`);
    most = Math.max(most, cores);
  }
  t.log(`${most.toFixed(3)} cores`);
  t.true(most > 0.45, `${most} cores`);
  t.like(containerizer.usage('busy'), { cpuLimitCpus: 0.5 });
  t.true((containerizer.usage('busy')?.cpuThrottledSeconds ?? 0) > 0);
  containerizer.destroy('busy');
  t.like((await handlers.next('exited', 'busy')).exit, { signal: 'SIGKILL' });
});

asRoot(`users: root only where allowed, with few capabilities; fetched files are the task's${needs}`, async (t) => {
  const refused = setUp(t);
  const asRootUser = { command: shell('true', { user: 'root' }) };
  await t.throwsAsync(refused.run('root', '', asRootUser), { message: /^prepare: command\.user: "root" is root/ });
  writeFileSync(join(refused.workDir, 'input'), 'text', { mode: 0o644 });
  chmodSync(refused.workDir, 0o755);
  const uris = [{ value: `file://${refused.workDir}/input`, outputFile: 'in/put' }];
  const listed = await refused.run('fetched', '', { command: shell("stat -c '%u %n' in in/put; cat in/put", { uris }) });
  t.is(listed, `${NOBODY} in\n${NOBODY} in/put\ntext`);
  const shadow = shell('true', { uris: [{ value: 'file:///etc/shadow' }] });
  await t.throwsAsync(refused.run('shadow', 'true', { command: shadow }), { message: /^fetch: .*user "nobody" may not read it/ });

  const allowed = setUp(t, { allowRoot: true });
  const said = await allowed.run('root', '', {
    command: shell(
      'id -u; grep CapPrm /proc/self/status; mknod sda b 8 0 2>&1; touch /etc/x 2>&1; mount -t tmpfs x /tmp 2>&1',
      { user: 'root' },
    ),
  });
  t.regex(said, /^0\nCapPrm:\s+00000000a80425fb\n/);
  t.regex(said, /mknod: .*not permitted[^]*Read-only file system[^]*(permission denied|not permitted)/i);
});

asRoot(`exec runs in the container; signals reach the task; a destroyed tree of processes is gone${needs}`, async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  const command = shell('trap "echo got it; exit 5" TERM; touch up; setsid sleep 77 & while :; do sleep 0.05; done');
  containerizer.launch(containerSpec(workDir, 'c1', { command }));
  await handlers.next('started', 'c1');
  await until('the task', () => existsSync(join(workDir, 'sandboxes/c1/up')) || undefined);
  const look = shell('test "$(hostname)" = c1 && test -f up && test "$(id -u)" = 65534');
  t.deepEqual(await containerizer.exec('c1', look, 5000), { code: 0 });
  t.deepEqual(await containerizer.exec('c1', shell('exit 3'), 5000), { code: 3 });
  t.true('error' in (await containerizer.exec('c1', shell('sleep 60'), 300)));
  t.true('error' in (await containerizer.exec('c1', { shell: false, value: '/no/such/program' }, 5000)));
  containerizer.signal('c1', 'SIGTERM');
  t.deepEqual((await handlers.next('exited', 'c1')).exit, { code: 5 });
  t.is(readFileSync(join(workDir, 'sandboxes/c1/stdout'), 'utf8'), 'got it\n');
});

asRoot(`what cannot be executed is a launch failure, and nothing is left of it${needs}`, async (t) => {
  const { run } = setUp(t);
  const command = { shell: false, value: '/no/such/program', arguments: [] };
  await t.throwsAsync(run('none', '', { command }), { message: /^launch: .*\/no\/such\/program/ });
});

asRoot(`output is kept in two files of 10 MiB at most${needs}`, async (t) => {
  const { run, workDir } = setUp(t);
  await run('loud', 'yes 0123456789abcdef | head -c 25000000; echo end');
  const sandbox = join(workDir, 'sandboxes/loud');
  t.deepEqual(readdirSync(sandbox).sort(), ['stderr', 'stdout', 'stdout.1']);
  for (const file of ['stdout', 'stdout.1']) t.true(statSync(join(sandbox, file)).size <= 10 << 20);
  t.true(readFileSync(join(sandbox, 'stdout'), 'utf8').endsWith('end\n'));
});

asRoot(`two agents leave each other's containers alone, and no task sees another's sandbox${needs}`, async (t) => {
  const [one, two] = [setUp(t), setUp(t)];
  one.containerizer.launch(containerSpec(one.workDir, 'same', { command: shell('echo private > note; sleep 600') }));
  const { pid } = await one.handlers.next('started', 'same');
  await until('the note', () => existsSync(join(one.workDir, 'sandboxes/same/note')) || undefined);
  await two.containerizer.recover([]);
  t.true(runs(pid));
  t.is(await two.run('same', `cat ${one.workDir}/sandboxes/same/note 2>/dev/null; ls /tmp; ps -e --no-headers | wc -l`), '4\n');
  one.containerizer.destroy('same');
  await one.handlers.next('exited', 'same');
});

asRoot(`kill -9 of the agent: the same process runs on, ends are told, orphans go${needs}`, async (t) => {
  const agentName = `test-${process.pid}-killed`;
  const workDir = mkdtempSync(join(tmpdir(), 'proffer-system-'));
  const specs = [
    containerSpec(workDir, 'runs', { command: shell('echo started; sleep 600') }),
    containerSpec(workDir, 'ends', { command: shell('while [ ! -f go ]; do sleep 0.02; done; exit 9') }),
    containerSpec(workDir, 'orphan', { command: shell('sleep 600') }),
  ];
  const agent = startAgent({ agentName, workDir, specs });
  const pids = new Map<string, number>();
  for (const { containerId } of specs) pids.set(containerId, (await agent.handlers.next('started', containerId)).pid);
  agent.process.kill('SIGKILL');
  await agent.over;
  writeFileSync(join(workDir, 'sandboxes/ends/go'), '');
  await until('the exit', () => existsSync(join(workDir, 'run/ends/exit')) || undefined);

  const { containerizer, handlers } = setUp(t, { agentName, workDir });
  await containerizer.recover(specs.filter(({ containerId }) => containerId !== 'orphan'));
  t.is((await handlers.next('started', 'runs')).pid, pids.get('runs') ?? 0);
  t.deepEqual((await handlers.next('exited', 'ends')).exit, { code: 9 });
  t.false(runs(pids.get('orphan')), 'the orphan is dead');
  t.true(runs(pids.get('runs')));
  t.true((containerizer.usage('runs')?.pids ?? 0) > 0);
  t.deepEqual(await containerizer.exec('runs', shell('test "$(hostname)" = runs'), 5000), { code: 0 });
  containerizer.destroy('runs');
  t.deepEqual((await handlers.next('exited', 'runs')).exit, { signal: 'SIGKILL' });
  for (const { containerId } of specs) containerizer.forget(containerId);
});

asRoot(`kill -9 of the agent at any moment of many launches: one end or start each, and nothing else is left${needs}`, async (t) => {
  for (const delayMs of [0, 5, 15, 30, 60, 120]) {
    const agentName = `test-${process.pid}-moment-${delayMs}`;
    const workDir = mkdtempSync(join(tmpdir(), 'proffer-system-'));
    const ids = Array.from({ length: 8 }, (_, index) => `c${index}`);
    const specs = ids.map((id, index) => containerSpec(workDir, id, { command: shell(index % 2 === 0 ? 'exit 4' : 'sleep 600') }));
    const agent = startAgent({ agentName, workDir, specs });
    await agent.begun;
    await wait(delayMs);
    agent.process.kill('SIGKILL');
    await agent.over;

    const { containerizer, handlers } = setUp(t, { agentName, workDir });
    await containerizer.recover(specs.filter(({ containerId }) => containerId !== 'c7'));
    t.deepEqual(cgroupsOf(agentName).filter((directory) => existsSync(join(directory, 'c7'))), []);
    for (const id of ids.slice(0, 7)) {
      const [first] = handlers.order(id);
      t.truthy(first, `${id} after ${delayMs} ms`);
      containerizer.destroy(id);
      if (first === 'started') t.truthy((await handlers.next('exited', id)).exit);
      t.deepEqual(handlers.order(id), first === 'started' ? ['started', 'exited'] : [first]);
      containerizer.forget(id);
    }
    t.deepEqual(readdirSync(join(workDir, 'run')), ['.boot']);
  }
});

asRoot(`a container whose monitor is killed is lost, and nothing of it is left${needs}`, async (t) => {
  const { containerizer, handlers, workDir } = setUp(t);
  containerizer.launch(containerSpec(workDir, 'c1', { command: shell('sleep 600') }));
  const { pid } = await handlers.next('started', 'c1');
  const state: { monitor: { pid: number } } = JSON.parse(readFileSync(join(workDir, 'run/c1/state'), 'utf8'));
  process.kill(state.monitor.pid, 'SIGKILL');
  const { exit } = await handlers.next('exited', 'c1');
  t.regex(exit.lost ?? '', /killed by SIGKILL/);
  t.false(runs(pid));
});

asRoot(`an agent that is not root runs tasks as itself, and says what is not isolated${needs}`, async (t) => {
  const workDir = mkdtempSync(join(tmpdir(), 'proffer-system-'));
  chownSync(workDir, NOBODY, NOBODY);
  t.teardown(() => rmSync(workDir, { recursive: true, force: true }));
  const specs = [
    containerSpec(workDir, 'self', { command: shell('id -u; pwd; touch "$MESOS_SANDBOX/file" && echo writable') }),
    containerSpec(workDir, 'other', { command: shell('true', { user: 'root' }) }),
  ];
  const agent = startAgent({ agentName: `test-${process.pid}-plain`, workDir, specs }, NOBODY);
  t.deepEqual((await agent.handlers.next('exited', 'self')).exit, { code: 0 });
  const { failure } = await agent.handlers.next('failed', 'other');
  t.regex(failure.message, /this agent is not root and runs every task as its own user/);
  await agent.over;
  t.log(agent.ready);
  t.true((agent.ready?.missing.length ?? 0) > 0);
  t.regex(readFileSync(join(workDir, 'sandboxes/self/stdout'), 'utf8'), /^65534\n\S+\nwritable\n$/);
  t.deepEqual(processesNaming(workDir), []);
});

test.serial('plain processes: they run, and end whole', async (t) => {
  const { containerizer, handlers, workDir, run } = setUp(t, { isolation: [], ...(root ? { defaultUser: 'nobody' } : {}) });
  chmodSync(workDir, 0o755);
  t.regex(await run('plain', 'pwd; echo $MESOS_SANDBOX'), /^(\S+)\n\1\n$/);
  containerizer.launch(containerSpec(workDir, 'tree', { command: shell('sleep 66 & setsid sleep 67 & wait') }));
  await handlers.next('started', 'tree');
  containerizer.destroy('tree');
  t.like((await handlers.next('exited', 'tree')).exit, { signal: 'SIGKILL' });
  containerizer.forget('tree');
});

interface AgentProcess {
  readonly process: ChildProcess;
  readonly handlers: Recorder;
  /** It says what it can do; launches begin now. */
  readonly begun: Promise<void>;
  readonly over: Promise<void>;
  ready?: { readonly mode: string; readonly missing: readonly string[] };
}

interface AgentProcessOptions {
  readonly agentName: string;
  readonly workDir: string;
  readonly specs: readonly ContainerSpec[];
}

function startAgent(options: AgentProcessOptions, uid?: number): AgentProcess {
  const child = spawn(process.execPath, [helper, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const { stdout } = child;
  const handlers = new Recorder();
  let begin: () => void = () => undefined;
  const agent: AgentProcess = {
    process: child,
    handlers,
    begun: new Promise((resolve) => {
      begin = resolve;
    }),
    over: new Promise((resolve) => {
      child.once('close', () => resolve());
    }),
  };
  createInterface({ input: stdout }).on('line', (line) => {
    const event: ContainerEvent | ({ type: 'ready' } & NonNullable<AgentProcess['ready']>) = JSON.parse(line);
    if (event.type === 'ready') {
      agent.ready = event;
      begin();
    } else if (event.type === 'started') handlers.onStarted(event.id, event.pid);
    else if (event.type === 'failed') handlers.onFailed(event.id, event.failure);
    else if (event.type === 'exited') handlers.onExited(event.id, event.exit);
  });
  return agent;
}
