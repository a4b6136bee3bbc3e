import test from 'ava';
import { readFileSync } from 'node:fs';
import { Fixture } from '../fixture.test-helper.js';
import { parseApp } from './app-json.js';
import { labelSelector } from './selector.js';
import { defineApp } from '../core/definition.js';
import { Refusal } from '../core/index.js';

interface Bad {
  readonly title: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly expected: Readonly<Record<string, unknown>>;
}

const bad: readonly Bad[] = [
  { title: 'no JSON', body: '{"id":', status: 400, expected: { message: 'Invalid JSON' } },
  {
    title: 'no object',
    body: '[]',
    status: 400,
    expected: { message: 'Invalid JSON', details: [{ path: '', errors: ['must be an object, got []'] }] },
  },
  {
    title: 'a wrong type',
    body: { id: '/a', cmd: 'x', cpus: '1' },
    status: 400,
    expected: { message: 'Invalid JSON', details: [{ path: '/cpus', errors: ['must be a number, got "1"'] }] },
  },
  {
    title: 'a wrong type deep inside',
    body: { id: '/a', cmd: 'x', portDefinitions: [{ port: 1 }, { port: 'x' }] },
    status: 400,
    expected: { details: [{ path: '/portDefinitions/1/port', errors: ['must be a number, got "x"'] }] },
  },
  {
    title: 'an unknown operator',
    body: { id: '/a', cmd: 'x', constraints: [['hostname', 'NEAR']] },
    status: 400,
    expected: { message: 'Invalid JSON' },
  },
  {
    title: 'a value out of bounds',
    body: { id: '/a', cmd: 'x', instances: -1 },
    status: 422,
    expected: {
      message: 'Object is not valid',
      details: [{ path: '/instances', errors: ['must be greater than or equal to 0, got -1'] }],
    },
  },
  {
    title: 'cmd and args',
    body: { id: '/a', cmd: 'x', args: ['y'] },
    status: 422,
    expected: { details: [{ path: '/cmd', errors: ['must not be given together with args'] }] },
  },
  { title: 'no id', body: { cmd: 'x' }, status: 422, expected: { details: [{ path: '/id', errors: ['must be given'] }] } },
  { title: 'a bad id', body: { id: '/A_b', cmd: 'x' }, status: 422, expected: { message: 'Object is not valid' } },
  {
    title: 'what is not supported',
    body: { id: '/a', cmd: 'x', container: { type: 'MESOS' } },
    status: 422,
    expected: { details: [{ path: '/container', errors: ['is not supported by this version'] }] },
  },
  {
    title: 'what nobody knows',
    body: { id: '/a', cmd: 'x', instnces: 3 },
    status: 422,
    expected: { details: [{ path: '/instnces', errors: ['is not a known field'] }] },
  },
  {
    title: 'a secret',
    body: { id: '/a', cmd: 'x', env: { A: { secret: 's' } } },
    status: 422,
    expected: { details: [{ path: '/env/A', errors: ['is a secret, which is not supported by this version'] }] },
  },
  {
    title: 'an id that is taken',
    body: { id: '/there', cmd: 'x' },
    status: 409,
    expected: { message: 'An app with id [/there] already exists.' },
  },
  {
    title: 'an app that is not there',
    method: 'GET',
    path: '/v2/apps/nope',
    status: 404,
    expected: { message: "App '/nope' does not exist" },
  },
  {
    title: 'a version that is not there',
    method: 'GET',
    path: '/v2/apps/there/versions/2020-01-01T00:00:00.000Z',
    status: 404,
    expected: { message: "App '/there' does not have the version '2020-01-01T00:00:00.000Z'" },
  },
  {
    title: 'a task that is not there',
    method: 'DELETE',
    path: '/v2/apps/there/tasks/nope',
    status: 404,
    expected: { message: "Task 'nope' does not exist" },
  },
  {
    title: 'a deployment that is not there',
    method: 'DELETE',
    path: '/v2/deployments/nope',
    status: 404,
    expected: { message: "Deployment 'nope' does not exist" },
  },
  {
    title: 'a restart of what is not there',
    path: '/v2/apps/nope/restart',
    status: 404,
    expected: { message: "App '/nope' does not exist" },
  },
  {
    title: 'another id than the URI says',
    method: 'PUT',
    path: '/v2/apps/there',
    body: { id: '/other', cmd: 'x' },
    status: 422,
    expected: { message: 'Object is not valid' },
  },
  {
    title: 'a version beside other fields',
    method: 'PUT',
    path: '/v2/apps/there',
    body: { version: 'x', cpus: 1 },
    status: 422,
    expected: { message: 'Object is not valid' },
  },
  { title: 'a list that is none', method: 'PUT', path: '/v2/apps', body: {}, status: 400, expected: { message: 'Invalid JSON' } },
  {
    title: 'scale and wipe',
    method: 'DELETE',
    path: '/v2/apps/there/tasks?scale=true&wipe=true',
    status: 400,
    expected: { message: 'scale and wipe cannot be given together' },
  },
  {
    title: 'task ids that are none',
    path: '/v2/tasks/delete',
    body: { ids: 'x' },
    status: 400,
    expected: { details: [{ path: '/ids', errors: ['must be an array of at most this many items: 10000, got "x"'] }] },
  },
  {
    title: 'a bad flag',
    method: 'DELETE',
    path: '/v2/apps/there?force=maybe',
    status: 400,
    expected: { details: [{ path: '/force', errors: ['must be a boolean, got "maybe"'] }] },
  },
  {
    title: 'a bad selector',
    method: 'GET',
    path: '/v2/apps?label=a===b',
    status: 400,
    expected: { message: 'label must be a selector like "a==b, c in (x, y)", got "a===b"' },
  },
  {
    title: 'an unknown URI',
    method: 'GET',
    path: '/v2/nothing',
    status: 404,
    expected: { message: 'there is nothing at /v2/nothing' },
  },
  {
    title: 'a method that is not there',
    method: 'POST',
    path: '/v2/apps/there',
    body: {},
    status: 405,
    expected: { message: '/v2/apps/there does not take POST' },
  },
  {
    title: 'another method that is not there',
    method: 'PUT',
    path: '/v2/apps/there/tasks',
    body: {},
    status: 405,
    expected: { message: '/v2/apps/there/tasks does not take PUT' },
  },
  {
    title: 'a body too large',
    body: { id: '/a', cmd: 'x'.repeat(2 ** 21) },
    status: 413,
    expected: { message: 'the body is larger than this service accepts' },
  },
];

test('bad calls get their error and change nothing', async (t) => {
  const f = await Fixture.start(t);
  t.is((await f.call('POST', '/v2/apps', { id: 'there', cmd: 'x' })).status, 201);
  const before = (await f.call('GET', '/v2/apps')).body;
  for (const { title, method = 'POST', path = '/v2/apps', body, status, expected } of bad) {
    const answer = await f.call(method, path, body);
    t.is(answer.status, status, `${title}: ${JSON.stringify(answer.body)}`);
    t.like(answer.body, { ...expected }, title);
    t.is(typeof answer.body.message, 'string', title);
  }
  t.is(
    (await fetch(`${f.address}/v2/apps`, { method: 'POST', body: 'id=x', headers: { 'content-type': 'text/plain' } })).status,
    415,
  );
  t.deepEqual((await f.call('GET', '/v2/apps')).body, before);
});

test('an app is read with its defaults, old fields become new ones, what says nothing is left out', (t) => {
  t.deepEqual(
    parseApp({
      id: 'a',
      cmd: null,
      container: null,
      dependencies: [],
      secrets: {},
      networks: [{ mode: 'host' }],
      tasksRunning: 3,
    }),
    { id: 'a', update: {} },
  );
  t.deepEqual(parseApp({ ports: [0, 80] }).update.portDefinitions, [
    { port: 0, name: 'default', protocol: 'tcp', labels: {} },
    { port: 80, protocol: 'tcp', labels: {} },
  ]);
  t.deepEqual(parseApp({ uris: ['file:///a.tgz'] }).update.fetch, [
    { uri: 'file:///a.tgz', extract: true, executable: false, cache: false },
  ]);
  t.deepEqual(parseApp({ upgradeStrategy: { minimumHealthCapacity: 0.5 } }).update.upgradeStrategy, {
    minimumHealthCapacity: 0.5,
    maximumOverCapacity: 1,
  });
  t.deepEqual(parseApp({ unreachableStrategy: 'disabled' }).update.unreachableStrategy, 'disabled');
  t.deepEqual(parseApp({ healthChecks: [{}] }).update.healthChecks, [
    {
      protocol: 'HTTP',
      path: '/',
      portIndex: 0,
      gracePeriodSeconds: 300,
      intervalSeconds: 60,
      timeoutSeconds: 20,
      maxConsecutiveFailures: 3,
      delaySeconds: 0,
    },
  ]);
  t.like(
    parseApp({ healthChecks: [{ protocol: 'MESOS_TCP', ipProtocol: 'IPv4', ignoreHttp1xx: false }] }).update.healthChecks?.[0],
    { delaySeconds: 15, portIndex: 0 },
  );
  for (const body of [
    { ports: [1], portDefinitions: [] },
    { uris: [], fetch: [] },
    { tty: true },
    { dependencies: ['/b'] },
    { networks: [{ mode: 'container' }] },
    { healthChecks: [{ ipProtocol: 'IPv6' }] },
  ]) {
    t.is(t.throws(() => parseApp(body), { instanceOf: Refusal })?.kind, 'invalid', JSON.stringify(body));
  }
});

test('the example is an app once its file has a URI', (t) => {
  const file = new URL('../../../../examples/hello/app.json', import.meta.url);
  const app = JSON.parse(readFileSync(file, 'utf8'));
  const bodies = app.fetch.map((entry: object) => ({ ...entry, uri: 'file:///server.mjs' }));
  const { id, update } = parseApp({ ...app, fetch: bodies });
  const context = { version: '2026-01-01T00:00:00.000Z', role: '*', current: undefined, isServicePortTaken: () => false };
  t.like(defineApp(id!, update, undefined, context), {
    id: '/hello',
    instances: 2,
    portDefinitions: [{ port: 10_000, name: 'http' }],
  });
});

test('label selectors', (t) => {
  const labels = { env: 'prod', tier: 'web' };
  const table: [string, boolean][] = [
    ['env==prod', true],
    ['env!=prod', false],
    ['env==prod,tier==db', false],
    ['tier in (db, web)', true],
    ['tier notin (db), env', true],
    ['tier notin (web)', false],
    ['none', false],
    ['none!=x', true],
  ];
  for (const [selector, matches] of table) t.is(labelSelector(selector)(labels), matches, selector);
  for (const selector of ['', 'a b', 'a in b', '=x']) t.throws(() => labelSelector(selector), { instanceOf: Refusal }, selector);
});

test('reading: lists with filters, groups, tasks, versions, queue, info', async (t) => {
  const f = await Fixture.start(t);
  await f.call('POST', '/v2/apps', { id: '/shop/web', cmd: 'serve', cpus: 0.1, mem: 10, instances: 2, labels: { tier: 'web' } });
  await f.call('POST', '/v2/apps', { id: '/shop/db', cmd: 'db', cpus: 100, mem: 10 });
  await f.call('POST', '/v2/apps', { id: '/other', cmd: 'x', cpus: 0.1, mem: 10 });
  const ids = async (query: string): Promise<string[]> =>
    (await f.call('GET', `/v2/apps${query}`)).body.apps.map(({ id }: { id: string }) => id).sort();
  t.deepEqual(await ids(''), ['/other', '/shop/db', '/shop/web']);
  t.deepEqual(await ids('?id=shop'), ['/shop/db', '/shop/web']);
  t.deepEqual(await ids('?cmd=serve'), ['/shop/web']);
  t.deepEqual(await ids('?label=tier%3D%3Dweb'), ['/shop/web']);
  const embedded = (await f.call('GET', '/v2/apps?id=web&embed=apps.tasks&embed=apps.taskStats')).body.apps[0];
  t.is(embedded.tasks.length, 2);
  t.like(embedded.taskStats.totalSummary.stats.counts, { running: 2, staged: 0 });
  t.is((await f.call('GET', '/v2/apps/shop/*')).body['*'].length, 2);
  t.is((await f.call('GET', '/v2/apps/shop/*/tasks')).body.tasks.length, 2);
  t.like((await f.call('GET', '/v2/apps//shop/web')).body.app, { id: '/shop/web' });
  const { tasks } = (await f.call('GET', '/v2/apps/shop/web/tasks')).body;
  t.like(tasks[0], {
    appId: '/shop/web',
    host: 'agent-1',
    slaveId: tasks[0].slaveId,
    state: 'TASK_RUNNING',
    servicePorts: [10_000],
  });
  t.is((await f.call('GET', '/v2/tasks?status=running')).body.tasks.length, 3);
  t.is((await f.call('GET', '/v2/tasks?status=staging')).body.tasks.length, 0);
  const { versions } = (await f.call('GET', '/v2/apps/shop/web/versions')).body;
  t.like((await f.call('GET', `/v2/apps/shop/web/versions/${versions[0]}`)).body, { id: '/shop/web', version: versions[0] });
  const { queue } = (await f.call('GET', '/v2/queue')).body;
  t.like(queue, [
    {
      count: 1,
      delay: { timeLeftSeconds: 0, overdue: true },
      reason: '/shop/db: 1 of 1 instances are not launched: no agent has offered cpus:100;mem:10 and 1 ports yet',
    },
  ]);
  const [deployment] = (await f.call('GET', '/v2/deployments')).body;
  t.like(deployment, {
    affectedApps: ['/shop/db'],
    state: 'running',
    currentActions: [{ action: 'ScaleApplication', app: '/shop/db' }],
  });
  t.is((await f.call('GET', '/ping')).body, 'pong');
  t.like((await f.call('GET', '/v2/info')).body, { name: 'marathon', elected: true, subscribed: true });
  t.is(`http://${(await f.call('GET', '/v2/leader')).body.leader}`, f.address);
  t.like((await f.call('GET', '/health')).body, { status: 'ok', subscribed: true });
  t.regex((await f.call('GET', '/metrics')).body, /marathon_instances\{state="TASK_RUNNING"\} 3/);
});

/** Reads server-sent events until there are so many. */
async function readEvents(
  address: string,
  query: string,
  count: number,
  lastEventId?: string,
): Promise<{ id?: string; event: string; data: Record<string, unknown> }[]> {
  const abort = new AbortController();
  const response = await fetch(`${address}/v2/events${query}`, {
    signal: abort.signal,
    ...(lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } }),
  });
  const events: { id?: string; event: string; data: Record<string, unknown> }[] = [];
  let text = '';
  for await (const chunk of response.body!) {
    text += new TextDecoder().decode(chunk);
    const frames = text.split('\n\n');
    text = frames.pop()!;
    for (const frame of frames) {
      const fields = Object.fromEntries(
        frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['event'] !== undefined)
        events.push({
          ...(fields['id'] === undefined ? {} : { id: fields['id'] }),
          event: fields['event'],
          data: JSON.parse(fields['data']!),
        });
    }
    if (events.length >= count) break;
  }
  abort.abort();
  return events;
}

test('events are numbered, filtered, replayed, and a gap is said', async (t) => {
  const f = await Fixture.start(t);
  const [attached] = await readEvents(f.address, '', 1);
  t.is(attached?.event, 'event_stream_attached');
  await f.call('POST', '/v2/apps', { id: '/a', cmd: 'x', cpus: 0.1, mem: 10 });
  const types = '?event_type=status_update_event&event_type=deployment_success&event_type=api_post_event';
  const missed = await readEvents(f.address, types, 3, attached!.id);
  t.deepEqual(missed.map(({ event }) => event).sort(), ['api_post_event', 'deployment_success', 'status_update_event']);
  t.like(missed.find(({ event }) => event === 'status_update_event')?.data, {
    appId: '/a',
    taskStatus: 'TASK_RUNNING',
    host: 'agent-1',
    eventType: 'status_update_event',
  });
  const ids = missed.map(({ id }) => Number(id));
  t.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
  const [gap] = await readEvents(f.address, '', 1, '1');
  t.like(gap, { event: 'gap', data: { after: 1 } });
});
