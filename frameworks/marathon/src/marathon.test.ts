import test from 'ava';
import { Fixture } from './fixture.test-helper.js';

const HELLO = { id: '/hello', cmd: 'node server.mjs', cpus: 0.1, mem: 64, instances: 2 };

test('an app runs, is scaled, replaces what dies, restarts and is deleted', async (t) => {
  const f = await Fixture.start(t);
  const created = await f.call('POST', '/v2/apps', HELLO);
  t.is(created.status, 201, JSON.stringify(created.body));
  t.is(created.headers.get('location'), '/v2/apps/hello');
  await f.cluster.settle();
  t.is(f.running().length, 2);
  const { app } = (await f.call('GET', '/v2/apps/hello')).body;
  t.like(app, { tasksRunning: 2, tasksStaged: 0, deployments: [], instances: 2, killSelection: 'YOUNGEST_FIRST' });
  t.deepEqual((await f.call('GET', '/v2/deployments')).body, []);

  const info = f.cluster.agents[0]!.tasks[0]!.info;
  const environment = Object.fromEntries(info.command!.environment!);
  t.like(environment, {
    MARATHON_APP_ID: '/hello',
    PORT: environment['PORT0'],
    PORT_DEFAULT: environment['PORT0'],
    PORT_10000: environment['PORT0'],
    HOST: 'agent-1',
  });
  t.is(info.resources.ports[0], Number(environment['PORT0']));

  const [first, second] = f.running();
  f.cluster.agentOf(first!).fail(first!);
  await f.cluster.settle();
  t.deepEqual(f.running(), [second!], 'held back');
  const queue = (await f.call('GET', '/v2/queue')).body.queue;
  t.like(queue[0], { count: 1, delay: { timeLeftSeconds: 1, overdue: false } });
  t.regex(queue[0].reason, /held back for 1 s because hello\.instance-.* on agent-1 ended with TASK_FAILED/);
  await f.cluster.advance(1000);
  t.is(f.running().length, 2);

  t.is((await f.call('PUT', '/v2/apps/hello', { instances: 5 })).status, 200);
  t.is(f.running().length, 5);
  await f.call('PUT', '/v2/apps/hello', { instances: 1 });
  t.is(f.running().length, 1);

  const [before] = f.running();
  t.is((await f.call('POST', '/v2/apps/hello/restart')).status, 200);
  await f.cluster.advance(100);
  t.is(f.running().length, 1);
  t.not(f.running()[0], before);
  t.deepEqual((await f.call('GET', '/v2/apps/hello/versions')).body.versions.length, 4);

  t.is((await f.call('DELETE', '/v2/apps/hello')).status, 200);
  t.deepEqual(f.running(), []);
  t.is((await f.call('GET', '/v2/apps/hello')).status, 404);
  t.deepEqual((await f.call('GET', '/v2/apps')).body, { apps: [] });
});
