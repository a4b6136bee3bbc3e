import test from 'ava';
import { MemoryStore } from '@proffer/sdk/service';
import { Fixture } from './fixture.test-helper.js';

const HELLO = { id: '/hello', cmd: 'serve', cpus: 0.1, mem: 10, instances: 3, healthChecks: [{ protocol: 'HTTP' }] };

test('after a crash of the framework the same tasks run, healthy as they were, and nothing is restarted', async (t) => {
  const f = await Fixture.start(t);
  await f.call('POST', '/v2/apps', HELLO);
  const tasks = f.running();
  for (const id of tasks) f.setHealthy(id, true);
  await f.cluster.settle();
  t.like((await f.call('GET', '/v2/apps/hello')).body.app, { tasksHealthy: 3, deployments: [] });
  const { frameworkId } = (await f.call('GET', '/v2/info')).body;

  await f.crashFramework();
  await f.cluster.advance(1000);
  t.deepEqual(f.running(), tasks, 'they run on without it');
  f.cluster.agentOf(tasks[0]!).fail(tasks[0]!);
  await f.startFramework();
  await f.cluster.advance(2000);
  t.is((await f.call('GET', '/v2/info')).body.frameworkId, frameworkId);
  t.like((await f.call('GET', '/v2/apps/hello')).body.app, { tasksRunning: 3, tasksHealthy: 2 });
  t.deepEqual(
    f.running().filter((id) => tasks.includes(id)),
    tasks.slice(1),
    'only the one that failed meanwhile is replaced',
  );
});

test('nothing is launched before its instance is on disk, and nothing acknowledged before its status is', async (t) => {
  const f = await Fixture.start(t);
  const manual = new MemoryStore({ manual: true });
  await f.crashFramework();
  f.store = manual;
  await f.startFramework();
  manual.sync();
  await f.cluster.settle();
  manual.sync();
  const created = f.call('POST', '/v2/apps', HELLO);
  while (manual.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  let answered = false;
  void created.then(() => (answered = true));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.false(answered, 'no answer before the app is on disk');
  manual.sync();
  t.is((await created).status, 201);
  t.true(manual.pending > 0, 'the instances wait to be written');
  t.deepEqual(f.running(), []);
  manual.sync();
  await f.cluster.settle();
  t.is(f.running().length, 3);
  t.deepEqual(
    f.cluster.agents[0]!.tasks.map(({ updates }) => updates[0]?.state),
    ['TASK_RUNNING', 'TASK_RUNNING', 'TASK_RUNNING'],
    'not acknowledged yet',
  );
  manual.sync();
  await f.cluster.settle();
  t.deepEqual(
    f.cluster.agents[0]!.tasks.map(({ updates }) => updates.length),
    [0, 0, 0],
  );
});

test('a disk that refuses a write ends the framework: nobody is told what may not be true', async (t) => {
  const f = await Fixture.start(t);
  await f.call('POST', '/v2/apps', { ...HELLO, healthChecks: [] });
  const tasks = f.running();
  f.store.fail(new Error('disk full'));
  t.is((await f.call('PUT', '/v2/apps/hello', { instances: 9 })).status, 500);
  await f.cluster.advance(60_000);
  t.deepEqual(f.running(), tasks);
  t.deepEqual(f.fatal.map(String), ['Error: disk full']);
});

test('a master that dies and comes back changes nothing', async (t) => {
  const f = await Fixture.start(t, [
    { resources: 'cpus:4;mem:4096;ports:[31000-31099]' },
    { resources: 'cpus:4;mem:4096;ports:[31000-31099]' },
  ]);
  await f.call('POST', '/v2/apps', { ...HELLO, healthChecks: [] });
  const tasks = f.running();
  t.is(tasks.length, 3);
  await f.cluster.restartMaster();
  await f.cluster.advance(30_000);
  t.deepEqual(f.running(), tasks);
  t.like((await f.call('GET', '/v2/apps/hello')).body.app, { tasksRunning: 3, deployments: [] });
  await f.call('PUT', '/v2/apps/hello', { instances: 4 });
  await f.cluster.advance(10_000);
  t.is(f.running().length, 4, 'and the cluster works on');
});

test('an agent that dies for good: its instances are replaced; one that comes back keeps them', async (t) => {
  const f = await Fixture.start(t, [
    { resources: 'cpus:1;mem:4096;ports:[31000-31099]' },
    { resources: 'cpus:1;mem:4096;ports:[31000-31099]' },
  ]);
  await f.call('POST', '/v2/apps', { ...HELLO, cpus: 0.3, healthChecks: [], constraints: [['hostname', 'MAX_PER', '3']] });
  const [first] = f.running();
  const agent = f.cluster.agentOf(first!);
  const tasks = f.running();
  agent.crash();
  await f.cluster.advance(8_000);
  agent.restart();
  await f.cluster.advance(10_000);
  t.deepEqual(f.running(), tasks, 'back in time');
  agent.crash();
  await f.cluster.advance(120_000);
  const { app } = (await f.call('GET', '/v2/apps/hello')).body;
  t.is(app.tasksRunning, 3, JSON.stringify(app.waitingFor));
  t.true(app.tasks.every(({ host }: { host: string }) => host !== agent.info.hostname));
  agent.restart();
  await f.cluster.advance(30_000);
  t.is(f.running().length, 3, 'what comes back too late is ended');
});

test('kill by API: one task, all of a host, with scale; back-off is reset by a word', async (t) => {
  const f = await Fixture.start(t);
  await f.call('POST', '/v2/apps', { ...HELLO, healthChecks: [] });
  const tasks = f.running();
  const one = await f.call('DELETE', `/v2/apps/hello/tasks/${tasks[0]}`);
  t.like(one.body, { task: { id: tasks[0] } });
  await f.cluster.advance(10);
  t.is(f.running().length, 3);
  t.false(f.running().includes(tasks[0]!));
  const scaled = await f.call('DELETE', `/v2/apps/hello/tasks/${tasks[1]}?scale=true`);
  t.is(typeof scaled.body.deploymentId, 'string');
  t.is(f.running().length, 2);
  t.is((await f.call('GET', '/v2/apps/hello')).body.app.instances, 2);
  t.is((await f.call('DELETE', '/v2/apps/hello/tasks?host=nowhere')).body.tasks.length, 0);
  t.is((await f.call('DELETE', '/v2/apps/hello/tasks?host=agent-1')).body.tasks.length, 2);
  await f.cluster.advance(10);
  t.is(f.running().length, 2);
  const [victim] = f.running();
  await f.call('POST', '/v2/tasks/delete', { ids: [victim, 'unknown'] });
  await f.cluster.advance(10);
  t.is(f.running().length, 2);

  const [failing] = f.running();
  f.cluster.agentOf(failing!).fail(failing!);
  await f.cluster.settle();
  t.is(f.running().length, 1);
  t.is((await f.call('DELETE', '/v2/queue//hello/delay')).status, 204);
  await f.cluster.settle();
  t.is(f.running().length, 2);
});

test('roll-back and supersede by API', async (t) => {
  const f = await Fixture.start(t);
  await f.call('POST', '/v2/apps', { ...HELLO, healthChecks: [] });
  const tasks = f.running();
  const { version } = (await f.call('GET', '/v2/apps/hello')).body.app;
  const changed = await f.call('PUT', '/v2/apps/hello', { cpus: 50 });
  t.is(changed.status, 200);
  const locked = await f.call('PUT', '/v2/apps/hello', { instances: 4 });
  t.is(locked.status, 409);
  t.deepEqual(locked.body.deployments, [{ id: changed.body.deploymentId }]);
  const back = await f.call('DELETE', `/v2/deployments/${changed.body.deploymentId}`);
  t.is(back.status, 200);
  t.deepEqual((await f.call('GET', '/v2/deployments')).body, []);
  t.deepEqual(f.running(), tasks);
  t.is((await f.call('GET', '/v2/apps/hello')).body.app.cpus, 0.1);

  const second = await f.call('PUT', '/v2/apps/hello', { cpus: 50 });
  t.is((await f.call('DELETE', `/v2/deployments/${second.body.deploymentId}?force=true`)).status, 202);
  t.deepEqual((await f.call('GET', '/v2/deployments')).body, []);
  t.is((await f.call('PUT', '/v2/apps/hello', { version })).status, 200);
  t.deepEqual(f.running(), tasks);
  t.is(
    (
      await f.call('PUT', '/v2/apps', [
        { id: '/hello', instances: 1 },
        { id: '/new', cmd: 'x', cpus: 0.1, mem: 1 },
      ])
    ).status,
    200,
  );
  await f.cluster.settle();
  t.is(f.running().length, 2);
});
