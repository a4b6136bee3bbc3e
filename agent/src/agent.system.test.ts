import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { probe } from '@proffer/isolator-native';
import { resources, type TaskInfo, type TaskStatus } from '@proffer/sdk/model';
import { toTaskLaunch, type AgentToMaster, type MasterToAgent } from '@proffer/sdk/protocol';
import { zmqAcceptor, type ZmqAcceptor } from '@proffer/sdk/transport';
import test, { type ExecutionContext } from 'ava';

const root = process.getuid?.() === 0 && probe().mode === 'namespaces';
const asRoot = root ? test.serial : test.skip;
const needs = root ? '' : ' (skipped: needs root)';
const helper = fileURLToPath(new URL('agent-process.test-helper.js', import.meta.url));

/** A master with one agent, each on its own side of a socket; every update is acknowledged. */
class Cluster {
  readonly workDir = mkdtempSync(join(tmpdir(), 'proffer-agent-'));
  readonly received: AgentToMaster[] = [];
  agentId = '';
  httpAddress = '';
  #link: ZmqAcceptor<MasterToAgent> | undefined;
  #peer = '';
  #process: ChildProcess | undefined;
  #log = '';

  static async start(t: ExecutionContext): Promise<Cluster> {
    const cluster = new Cluster();
    t.teardown(() => cluster.#close());
    cluster.#link = await zmqAcceptor<'agent'>({ bind: 'tcp://127.0.0.1:*', kinds: ['agent'] }, {
      onMessages: (peer, messages) => messages.forEach((message) => cluster.#receive(peer, message)),
      onClosed: () => undefined,
    });
    await cluster.startAgent();
    return cluster;
  }

  /** Starts the agent's process and waits until it has registered. */
  async startAgent(): Promise<void> {
    const options = {
      workDir: this.workDir, master: this.#link!.endpoint, version: 'test', httpPort: 0, resources: 'cpus:2;mem:1024;disk:1024',
    };
    const child = spawn(process.execPath, [helper, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk) => (this.#log += chunk));
    this.#process = child;
    const registrations = this.#registrations();
    await this.until(() => this.#registrations() > registrations, 'the agent registers');
  }

  /** Ends the agent's process by a signal and waits for its end. */
  async endAgent(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process!;
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  launch(task: Omit<TaskInfo, 'agentId' | 'name' | 'resources'> & Partial<TaskInfo>): void {
    const whole = { name: task.taskId, agentId: this.agentId, resources: resources({ cpus: 0.1, mem: 32 }), ...task };
    this.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [toTaskLaunch(whole)] });
  }

  say(message: MasterToAgent): void {
    this.#link!.send(this.#peer, message);
  }

  async status(taskId: string, state: TaskStatus['state'], which?: (status: TaskStatus) => boolean): Promise<TaskStatus> {
    const find = () => this.statuses(taskId).find((status) => status.state === state && which?.(status) !== false);
    await this.until(() => find() !== undefined, `${taskId} is ${state}`);
    return find()!;
  }

  statuses(taskId: string): TaskStatus[] {
    const statuses = this.received.flatMap((message) => (message.type === 'UPDATE' ? [message.status] : []));
    return statuses.filter((status) => status.taskId === taskId);
  }

  async read(path: string): Promise<string> {
    return (await fetch(`http://${this.httpAddress}${path}`)).text();
  }

  async until(found: () => boolean, what: string): Promise<void> {
    for (let tries = 0; tries < 1500; tries++) {
      if (found()) return;
      await wait(20);
    }
    const heard = JSON.stringify(this.received.slice(-5));
    throw new Error(`waited 30 s until ${what}; the agent said:\n${this.#log}\nthe master heard:\n${heard}`);
  }

  #registrations(): number {
    return this.received.filter(({ type }) => type === 'REGISTER_AGENT').length;
  }

  #receive(peer: string, message: AgentToMaster): void {
    this.received.push(message);
    if (message.type === 'REGISTER_AGENT') {
      this.#peer = peer;
      this.agentId = message.agentId;
      this.httpAddress = message.agentInfo.httpAddress;
      this.say({ type: 'AGENT_REGISTERED', agentId: message.agentId, removedFrameworks: [] });
    }
    if (message.type === 'UPDATE') {
      const { taskId, uuid } = message.status;
      this.say({ type: 'ACKNOWLEDGE', frameworkId: message.frameworkId, taskId, uuid: uuid! });
    }
  }

  /** What was left behind is an error of the agent's: the test fails by it. */
  async #close(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.endAgent('SIGUSR1');
    await this.#link?.close();
    assert.deepEqual(processesIn(this.workDir), [], 'no process is left');
    assert.deepEqual(visible(join(this.workDir, 'run', 'containers')), [], 'no container is left');
    assert.ok(!readFileSync('/proc/mounts', 'utf8').includes(this.workDir), 'no mount is left');
    rmSync(this.workDir, { recursive: true });
  }
}

function visible(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.'));
}

/** Processes that name this directory on their command line. */
function processesIn(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false;
      }
    });
}

interface Containers {
  readonly containers: readonly { readonly sandbox: string; readonly usage: { readonly memoryBytes: number } }[];
}

const shell = (value: string) => ({ shell: true, value }) as const;

asRoot(`after kill -9 of the agent the same container goes on, and its exit code arrives${needs}`, async (t) => {
  const c = await Cluster.start(t);
  c.launch({ taskId: 'a', command: shell('echo begin; while [ ! -e go ]; do sleep 0.1; done; echo end; exit 5') });
  c.launch({ taskId: 'b', command: shell('sleep 0.5; exit 6') });
  const { containerStatus } = await c.status('a', 'TASK_RUNNING');
  await c.status('b', 'TASK_RUNNING');
  const before = c.agentId;
  await c.endAgent('SIGKILL');
  t.true(existsSync(`/proc/${containerStatus!.pid}`));
  await wait(800);
  await c.startAgent();
  t.is(c.agentId, before);
  t.like(await c.status('b', 'TASK_FAILED'), { exit: { code: 6 }, reason: 'REASON_COMMAND_EXECUTOR_FAILED' });
  t.true(existsSync(`/proc/${containerStatus!.pid}`), 'the very process runs on');
  t.deepEqual(c.statuses('a').map(({ state }) => state), ['TASK_STARTING', 'TASK_RUNNING']);
  const { containers } = JSON.parse(await c.read('/containers')) as Containers;
  t.true(containers[0]!.usage.memoryBytes > 0);
  const files = '/frameworks/f/tasks/a/files';
  const followed = c.read(`${files}/content?path=stdout&follow=true`);
  t.regex(await c.read(files), /"stdout"/);
  writeFileSync(join(containers[0]!.sandbox, 'go'), '');
  t.like(await c.status('a', 'TASK_FAILED'), { exit: { code: 5 } });
  t.is(await followed, 'begin\nend\n');
  t.is(await c.read(`${files}/content?path=stdout&offset=-4`), 'end\n', 'files of ended tasks can be read');
});

asRoot(`memory, kill, health and a missing file are told with their reasons${needs}`, async (t) => {
  const c = await Cluster.start(t);
  c.launch({ taskId: 'eats', command: shell('head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null') });
  t.like(await c.status('eats', 'TASK_FAILED'), { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' });
  c.launch({ taskId: 'fetches', command: { ...shell('true'), uris: [{ value: 'file:///nothing/here' }] } });
  t.like(await c.status('fetches', 'TASK_FAILED'), { reason: 'REASON_FETCH_FAILED' });
  const stubborn = shell('trap "" TERM; while :; do sleep 0.1; done');
  c.launch({ taskId: 'stubborn', command: stubborn, killPolicy: { gracePeriodSeconds: 0.5 } });
  await c.status('stubborn', 'TASK_RUNNING');
  c.say({ type: 'KILL', frameworkId: 'f', taskId: 'stubborn' });
  await c.status('stubborn', 'TASK_KILLING');
  t.like(await c.status('stubborn', 'TASK_KILLED'), { exit: { signal: 'SIGKILL' } });
  const healthCheck = {
    type: 'COMMAND', command: shell('test ! -e sick'),
    delaySeconds: 0, intervalSeconds: 0.2, gracePeriodSeconds: 0, consecutiveFailures: 2,
  } as const;
  c.launch({ taskId: 'checked', command: shell('sleep 1; touch sick; sleep 100'), healthCheck });
  await c.status('checked', 'TASK_RUNNING', ({ healthy }) => healthy === true);
  await c.status('checked', 'TASK_RUNNING', ({ healthy }) => healthy === false);
  t.like(await c.status('checked', 'TASK_FAILED'), { reason: 'REASON_TASK_HEALTH_CHECK_FAILED', healthy: false });
});

asRoot(`SIGTERM leaves the tasks running; SIGUSR1 ends them, waits for acknowledgements and exits with 0${needs}`, async (t) => {
  const c = await Cluster.start(t);
  c.launch({ taskId: 'a', command: shell('sleep 1000') });
  const { containerStatus } = await c.status('a', 'TASK_RUNNING');
  t.is(await c.endAgent('SIGTERM'), 0);
  t.true(existsSync(`/proc/${containerStatus!.pid}`));
  await c.startAgent();
  t.is(await c.endAgent('SIGUSR1'), 0);
  t.is(c.statuses('a').at(-1)!.state, 'TASK_KILLED');
  t.false(existsSync(`/proc/${containerStatus!.pid}`));
});

const executorProgram = fileURLToPath(new URL('executor-process.test-helper.js', import.meta.url));
// Containers have /tmp and /var/tmp for themselves, so that they would not see this program there.
const unseen = /^\/(var\/)?tmp\//.test(executorProgram);

(unseen ? test.skip : asRoot)(
  `an executor in its container reaches the agent's socket, before and after kill -9 of the agent${unseen ? ' (skipped: needs a checkout that is not below /tmp)' : needs}`,
  async (t) => {
    const c = await Cluster.start(t);
    const command = { shell: false, value: process.execPath, arguments: ['node', executorProgram] } as const;
    const executor = { executorId: 'e', command, resources: resources({ cpus: 0.5, mem: 256 }) };
    c.launch({ taskId: 'a', executor });
    t.like(await c.status('a', 'TASK_RUNNING'), { source: 'SOURCE_EXECUTOR', executorId: 'e' });
    t.regex(await c.read('/frameworks/f/tasks/a/files'), /"task-a"/, 'its files can be read under the task');
    await c.endAgent('SIGKILL');
    await c.startAgent();
    c.launch({ taskId: 'b', executor });
    const { containerStatus } = await c.status('b', 'TASK_RUNNING');
    t.is(containerStatus!.containerId, c.statuses('a')[0]!.containerStatus!.containerId);
    c.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
    await c.status('a', 'TASK_KILLED');
    c.say({ type: 'SHUTDOWN_EXECUTOR', frameworkId: 'f', executorId: 'e' });
    t.like(await c.status('b', 'TASK_KILLED'), { reason: 'REASON_EXECUTOR_TERMINATED' });
    await c.until(() => c.received.some(({ type }) => type === 'EXECUTOR_EXITED'), 'the executor ends');
  },
);
