import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ExecutorDriver } from '@proffer/sdk';
import { formatResources, parseResources, resources } from '@proffer/sdk/model';
import { createLogger } from '@proffer/sdk/service';
import { executorSocketPath } from './executors/socket.js';
import { startAgent, type AgentEnd, type AgentOptions } from './index.js';
import { declaredResources, detectResources } from './resources.js';
import { fakeTask, FakeContainers, FakeMaster } from './testing/index.js';

const log = createLogger({ name: 'test', level: 'silent' });

interface World {
  readonly master: FakeMaster;
  readonly containers: FakeContainers;
  readonly options: AgentOptions;
  readonly ends: AgentEnd[];
}

function world(t: ExecutionContext, more: Partial<AgentOptions> = {}): World {
  const workDir = mkdtempSync(join(tmpdir(), 'proffer-agent-'));
  t.teardown(() => rmSync(workDir, { recursive: true }));
  const master = new FakeMaster();
  const containers = new FakeContainers();
  const ends: AgentEnd[] = [];
  const options: AgentOptions = {
    workDir, master: master.open, version: 'test', httpPort: 0, log, resources: 'cpus:4;mem:1000',
    createContainerizer: ({ handlers }) => containers.containerizer(handlers),
    onEnd: (end) => ends.push(end),
    ...more,
  };
  return { master, containers, options, ends };
}

test('an agent registers, runs a task, is started again as the same agent, and tells how the task ended meanwhile', async (t) => {
  const w = world(t);
  const first = await startAgent(w.options);
  await w.master.until(() => first.view().registered);
  t.like(w.master.received[0], {
    type: 'REGISTER_AGENT', agentId: first.agentId,
    agentInfo: { hostname: '127.0.0.1', httpAddress: first.httpAddress, resources: { cpus: 4000, ports: [31000, 32000] } },
  });
  w.master.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask(first.agentId, 'a')] });
  t.like(await w.master.status('a', 'TASK_RUNNING'), { containerStatus: { pid: 4711 } });
  const url = `http://${first.httpAddress}`;
  t.like(await (await fetch(`${url}/state`)).json(), { agentId: first.agentId, registered: true, isolation: { mode: 'plain' } });
  t.like(await (await fetch(`${url}/containers`)).json(), { containers: { 0: { taskId: 'a', usage: { memoryBytes: 1024 } } } });
  await first.close();
  const [containerId] = w.containers.specs.keys();
  t.truthy(containerId, 'the container runs on');
  w.containers.exit(containerId!, { code: 3 });
  const second = await startAgent(w.options);
  t.is(second.agentId, first.agentId);
  t.like(await w.master.status('a', 'TASK_FAILED'), { exit: { code: 3 } });
  await w.master.until(() => second.view().tasks.length === 0);
  t.is(w.containers.exits.size, 0);
  await second.close();
});

test('stopTasks ends the tasks and resolves when that is acknowledged', async (t) => {
  const w = world(t);
  const agent = await startAgent(w.options);
  await w.master.until(() => agent.view().registered);
  w.master.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask(agent.agentId, 'a')] });
  await w.master.status('a', 'TASK_RUNNING');
  await agent.stopTasks();
  t.deepEqual(w.containers.signals, ['SIGTERM']);
  t.is(w.master.statuses('a').at(-1)!.state, 'TASK_KILLED');
  t.deepEqual(w.ends, [{ reason: 'stopTasks' }]);
  await agent.close();
});

test('an executor over the real socket: subscribes by its token, gets its task, comes back to the next agent', async (t) => {
  const w = world(t);
  const agent = await startAgent(w.options);
  await w.master.until(() => agent.view().registered);
  const info = { executorId: 'e', command: { shell: true, value: './e' }, resources: resources({ cpus: 0.1 }) };
  w.master.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask(agent.agentId, 'a', { executor: info })] });
  while (w.containers.specs.size === 0) await new Promise((resolve) => setImmediate(resolve));
  const spec = [...w.containers.specs.values()][0]!;
  t.is(statSync(spec.executorSocket!).mode & 0o777, 0o666);
  const launched: string[] = [];
  const driver = new ExecutorDriver(
    {
      launch: (task) => {
        launched.push(task.taskId);
        driver.sendStatusUpdate({ taskId: task.taskId, state: 'TASK_RUNNING' });
      },
      kill: (taskId) => void driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' }),
      shutdown: () => undefined,
    },
    {
      environment: {
        socket: spec.executorSocket!, token: new Map(spec.environment).get('PROFFER_EXECUTOR_TOKEN')!,
        frameworkId: 'f', executorId: 'e', agentId: agent.agentId,
      },
    },
  );
  driver.start();
  t.like(await w.master.status('a', 'TASK_RUNNING'), { source: 'SOURCE_EXECUTOR', executorId: 'e' });
  await agent.close();
  const next = await startAgent(w.options);
  await w.master.until(() => next.view().registered);
  w.master.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  await w.master.status('a', 'TASK_KILLED');
  t.deepEqual(launched, ['a']);
  await driver.stop();
  await next.close();
});

test('a second agent on the same work directory is refused, and so is an address that others reach', async (t) => {
  const w = world(t);
  const agent = await startAgent(w.options);
  await t.throwsAsync(startAgent(w.options), { message: /store/ });
  await agent.close();
  await t.throwsAsync(startAgent({ ...w.options, httpHost: '0.0.0.0' }), { message: /--insecure/ });
  await t.throwsAsync(startAgent({ ...w.options, resources: 'cpus:many' }), { message: /cpus must be a number/ });
});

test('resources: what is declared counts, the rest is detected', async (t) => {
  const detected = await detectResources(tmpdir());
  t.true(detected.cpus >= 1000 && detected.mem > 0 && detected.disk > 0);
  t.deepEqual(detected.ports, [31000, 32000]);
  const declared = declaredResources('cpus:0.5;licenses:{red};mem:0', detected);
  t.like(declared, { cpus: 500, mem: 0, disk: detected.disk, ports: [31000, 32000] });
  t.is(formatResources(declaredResources('ports:[1-2]', parseResources('cpus:1;ports:[5-6]'))), 'cpus:1;ports:[1-2]');
});

test('the path of the executors\' socket fits what Linux allows, and is the same after a restart', (t) => {
  const long = join('/tmp', 'x'.repeat(150));
  t.true(executorSocketPath(long).length < 100);
  t.is(executorSocketPath(long), executorSocketPath(long));
  t.is(executorSocketPath('/w'), '/w/run/executors/socket');
  t.notThrows(() => mkdirSync(dirname(dirname(executorSocketPath(long))), { recursive: true }));
});
