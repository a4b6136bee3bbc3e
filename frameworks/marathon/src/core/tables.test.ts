import test from 'ava';
import { parseAttributes, parseRanges } from '@proffer/sdk/model';
import { APP_DEFAULTS, needsRestart, type App, type Constraint } from './app.js';
import { constraintFault, invalidConstraint } from './constraints.js';
import { defineApp, type DefinitionContext } from './definition.js';
import { environment } from './environment.js';
import type { Instance } from './instance.js';
import { LaunchQueue } from './launch-queue.js';
import { absolutePath } from './path-id.js';
import { capacity } from './plan.js';
import { assignPorts, dynamicPortCount, fixedPorts } from './ports.js';
import { Refusal, type FieldFault } from './refusal.js';
import { appDemand, taskInfo } from './task.js';

const VERSION = '2026-01-01T00:00:00.000Z';
const CONTEXT: DefinitionContext = { version: VERSION, role: '*', current: undefined, isServicePortTaken: () => false };

function app(update: Parameters<typeof defineApp>[1] = {}): App {
  return defineApp('/shop/cart', { cmd: 'run', ...update }, undefined, CONTEXT);
}

function instance(hostname: string, attributes = '', more: Partial<Instance> = {}): Instance {
  return {
    taskId: `${hostname}-task`,
    appId: '/shop/cart',
    version: VERSION,
    configVersion: VERSION,
    agentId: `${hostname}-id`,
    hostname,
    attributes: parseAttributes(attributes),
    ports: [],
    stagedAt: 0,
    state: 'TASK_RUNNING',
    ...more,
  };
}

test('path ids: absolute, relative, and refused', (t) => {
  const good = {
    cart: '/cart',
    '/shop/cart': '/shop/cart',
    'shop/./cart/': '/shop/cart',
    '/a/../b': '/b',
    '/a.b/c-d/0': '/a.b/c-d/0',
  };
  for (const [id, path] of Object.entries(good)) t.is(absolutePath(id), path, id);
  for (const id of [
    '',
    '/',
    'Cart',
    '/a b',
    '/-a',
    '/a-',
    '/a/restart',
    '/tasks',
    '/shop/versions',
    `/${'x'.repeat(200)}`,
    '/ä',
  ]) {
    const error = t.throws(() => absolutePath(id), { instanceOf: Refusal }, id);
    t.is(error?.faults[0]?.path, '/id');
  }
});

const there = [instance('h1', 'rack:r1;level:10'), instance('h2', 'rack:r1'), instance('h3', 'rack:r2')];
const constraints: readonly [constraint: Constraint, hostname: string, attributes: string, fits: boolean][] = [
  [['hostname', 'UNIQUE'], 'h4', '', true],
  [['hostname', 'UNIQUE'], 'h2', '', false],
  [['rack', 'UNIQUE'], 'h4', 'rack:r3', true],
  [['rack', 'UNIQUE'], 'h4', '', false],
  [['rack', 'CLUSTER', 'r2'], 'h4', 'rack:r2', true],
  [['rack', 'CLUSTER', 'r2'], 'h4', 'rack:r1', false],
  [['rack', 'CLUSTER'], 'h4', 'rack:r1', true],
  [['rack', 'CLUSTER'], 'h4', 'rack:r2', false],
  [['level', 'IS', '10.000'], 'h4', 'level:10', true],
  [['level', 'IS', '10'], 'h4', 'level:10.5', false],
  [['rack', 'IS', 'r1'], 'h4', 'rack:r1', true],
  [['rack', 'LIKE', 'r[12]'], 'h4', 'rack:r2', true],
  [['rack', 'LIKE', 'r'], 'h4', 'rack:r2', false],
  [['rack', 'LIKE', 'r.*'], 'h4', '', false],
  [['rack', 'UNLIKE', 'r1'], 'h4', 'rack:r1', false],
  [['rack', 'UNLIKE', 'r'], 'h4', 'rack:r1', true],
  [['rack', 'UNLIKE', 'r1'], 'h4', '', true],
  [['@hostname', 'MAX_PER', '2'], 'h1', '', true],
  [['rack', 'MAX_PER', '2'], 'h4', 'rack:r1', false],
  [['rack', 'MAX_PER', '3'], 'h4', 'rack:r1', true],
  [['rack', 'GROUP_BY'], 'h4', 'rack:r2', true],
  [['rack', 'GROUP_BY'], 'h4', 'rack:r1', false],
  [['rack', 'GROUP_BY', '3'], 'h4', 'rack:r2', false],
  [['rack', 'GROUP_BY', '3'], 'h4', 'rack:r3', true],
  [['zone', 'GROUP_BY'], 'h4', '', false],
  [['keys', 'IS', 'x'], 'h4', 'keys:[1-3]', false],
  [['keys', 'LIKE', '\\[1-3,5-5\\]'], 'h4', 'keys:[5,1-3]', true],
];

for (const [constraint, hostname, attributes, fits] of constraints) {
  test(`constraint ${constraint.join(' ')}: ${hostname} ${attributes} ${fits ? 'fits' : 'does not fit'}`, (t) => {
    const fault = constraintFault([constraint], { hostname, attributes: parseAttributes(attributes) }, there);
    t.is(fault, fits ? undefined : constraint.join(' '));
  });
}

test('constraints that make no sense are refused', (t) => {
  const bad: Constraint[] = [
    ['a', 'UNIQUE', 'x'],
    ['a', 'GROUP_BY', 'x'],
    ['a', 'MAX_PER'],
    ['a', 'MAX_PER', '1.5'],
    ['a', 'LIKE'],
    ['a', 'UNLIKE', '('],
    ['a', 'IS'],
    ['a', 'IS', 'a b'],
  ];
  for (const constraint of bad) t.is(typeof invalidConstraint(constraint), 'string', constraint.join(' '));
  for (const constraint of constraints) t.is(invalidConstraint(constraint[0]), undefined);
});

test('ports: any, fixed, and both, in the order of the definitions', (t) => {
  const ports = (...list: number[]) => list.map((port) => ({ port, protocol: 'tcp' as const, labels: {} }));
  const any = app({ portDefinitions: ports(0, 8080) });
  t.deepEqual(
    any.portDefinitions.map(({ port }) => port),
    [10_000, 8080],
    'an open one gets a service port',
  );
  t.deepEqual(assignPorts(any, parseRanges('[31005-31010]')), [31_005, 31_006]);
  t.is(assignPorts(any, parseRanges('[31005-31005]')), undefined);

  const fixed = app({ portDefinitions: ports(9000, 0), requirePorts: true });
  t.deepEqual([...fixedPorts(fixed)], [9000, 9000]);
  t.is(dynamicPortCount(fixed), 1);
  t.deepEqual(assignPorts(fixed, parseRanges('[9000-9001]')), [9000, 9001]);
  t.is(assignPorts(fixed, parseRanges('[31000-31010]')), undefined);
  t.like(appDemand(fixed, 3), { count: 3, ports: 1, maxPerAgent: 1 });
  t.deepEqual(assignPorts(app({ portDefinitions: [] }), []), []);
  t.is(appDemand(app({ portDefinitions: [] }), 1).ports, undefined);
});

test('the environment of a task', (t) => {
  const definition = app({
    portDefinitions: [
      { port: 8080, name: 'http-api', protocol: 'tcp', labels: {} },
      { port: 0, protocol: 'udp', labels: {} },
    ],
    labels: { 'my.label': 'x', long: 'y'.repeat(600) },
    env: { HOST: 'mine', A: 'b' },
    cpus: 0.5,
  });
  const variables = Object.fromEntries(environment(definition, instance('h1', '', { ports: [31_000, 31_001] })));
  t.deepEqual(variables, {
    HOST: 'mine',
    A: 'b',
    PORT: '31000',
    PORT0: '31000',
    PORT1: '31001',
    PORTS: '31000,31001',
    PORT_8080: '31000',
    PORT_HTTP_API: '31000',
    PORT_10000: '31001',
    MARATHON_APP_ID: '/shop/cart',
    MARATHON_APP_VERSION: VERSION,
    MARATHON_APP_RESOURCE_CPUS: '0.5',
    MARATHON_APP_RESOURCE_MEM: '128',
    MARATHON_APP_RESOURCE_DISK: '0',
    MARATHON_APP_RESOURCE_GPUS: '0',
    MARATHON_APP_LABELS: 'MY_LABEL',
    MARATHON_APP_LABEL_MY_LABEL: 'x',
    MESOS_TASK_ID: 'h1-task',
  });
});

test('a task carries what the agent needs', (t) => {
  const times = { gracePeriodSeconds: 1, intervalSeconds: 2, timeoutSeconds: 3, maxConsecutiveFailures: 0, delaySeconds: 4 };
  const definition = app({
    cmd: 'run',
    healthChecks: [{ protocol: 'MESOS_HTTPS', path: '/up', portIndex: 1, ...times }],
    portDefinitions: [
      { port: 0, protocol: 'tcp', labels: {} },
      { port: 0, protocol: 'tcp', labels: {} },
    ],
    taskKillGracePeriodSeconds: 9,
  });
  const task = taskInfo(definition, instance('h1', '', { ports: [31_005, 31_000] }));
  t.deepEqual(task.healthCheck, {
    type: 'HTTP',
    http: { scheme: 'https', port: 31_000, path: '/up' },
    gracePeriodSeconds: 1,
    intervalSeconds: 2,
    timeoutSeconds: 3,
    consecutiveFailures: 0,
    delaySeconds: 4,
  });
  t.like(task, { name: 'cart.shop', killPolicy: { gracePeriodSeconds: 9 }, command: { shell: true, value: 'run' } });
  t.deepEqual(task.resources.ports, [31_000, 31_000, 31_005, 31_005]);
  const args = taskInfo(
    { ...definition, healthChecks: [{ protocol: 'COMMAND', command: { value: 'true' }, ...times }] },
    instance('h1'),
  );
  t.like(args.healthCheck, { type: 'COMMAND', command: { shell: true, value: 'true' } });
  const direct = taskInfo(defineApp('/a', { args: ['/bin/sleep', '1'] }, undefined, CONTEXT), instance('h1'));
  t.like(direct.command, { shell: false, value: '/bin/sleep', arguments: ['/bin/sleep', '1'] });
});

test('only changes that reach the task restart it', (t) => {
  const before = app();
  const restarts: Parameters<typeof app>[0][] = [
    { cmd: 'other' },
    { cpus: 2 },
    { env: { A: '1' } },
    { labels: { a: 'b' } },
    { user: 'www' },
    { requirePorts: true },
    { constraints: [['hostname', 'UNIQUE']] },
  ];
  const keeps: Parameters<typeof app>[0][] = [
    { instances: 9 },
    { backoffSeconds: 5 },
    { backoffFactor: 2 },
    { maxLaunchDelaySeconds: 9 },
    { upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 } },
    { killSelection: 'OLDEST_FIRST' },
    { unreachableStrategy: 'disabled' },
    { acceptedResourceRoles: ['*'] },
    { env: {} },
  ];
  for (const update of restarts) t.true(needsRestart(before, app(update)), JSON.stringify(update));
  for (const update of keeps) t.false(needsRestart(before, app(update)), JSON.stringify(update));
});

test('definitions that are not valid name every field', (t) => {
  const faults = (update: Parameters<typeof app>[0]): readonly FieldFault[] =>
    t.throws(() => app(update), { instanceOf: Refusal })?.faults ?? [];
  const health = {
    protocol: 'HTTP',
    gracePeriodSeconds: 1,
    intervalSeconds: 1,
    timeoutSeconds: 1,
    maxConsecutiveFailures: 1,
    delaySeconds: 0,
  } as const;
  const table: [Parameters<typeof app>[0], string][] = [
    [{ instances: -1 }, '/instances'],
    [{ instances: 1.5 }, '/instances'],
    [{ cpus: 0 }, '/cpus'],
    [{ mem: Infinity }, '/mem'],
    [{ args: ['x'] }, '/cmd'],
    [{ cmd: ' ' }, '/cmd'],
    [{ cmd: 'echo \u0000' }, '/cmd'],
    [{ env: { A: 'b\u0000' } }, '/env'],
    [{ backoffFactor: 0.5 }, '/backoffFactor'],
    [{ upgradeStrategy: { minimumHealthCapacity: 1.5, maximumOverCapacity: 0 } }, '/upgradeStrategy/minimumHealthCapacity'],
    [{ portDefinitions: [{ port: 70_000, protocol: 'tcp', labels: {} }] }, '/portDefinitions/0/port'],
    [
      {
        portDefinitions: [
          { port: 80, protocol: 'tcp', labels: {} },
          { port: 80, protocol: 'tcp', labels: {} },
        ],
      },
      '/portDefinitions/1/port',
    ],
    [{ constraints: [['hostname', 'MAX_PER', 'x']] }, '/constraints/0'],
    [{ role: 'other' }, '/role'],
    [{ acceptedResourceRoles: ['x'] }, '/acceptedResourceRoles'],
    [{ healthChecks: [{ ...health, portIndex: 3 }] }, '/healthChecks/0/portIndex'],
    [{ healthChecks: [{ ...health, path: 'x' }] }, '/healthChecks/0/path'],
    [{ healthChecks: [{ ...health, protocol: 'COMMAND' }] }, '/healthChecks/0/command'],
    [{ healthChecks: [health, health] }, '/healthChecks'],
    [{ unreachableStrategy: { inactiveAfterSeconds: 5, expungeAfterSeconds: 1 } }, '/unreachableStrategy/expungeAfterSeconds'],
    [{ labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' } }, '/upgradeStrategy'],
    [{ env: { 'A=B': '' } }, '/env'],
    [{ fetch: [{ uri: 'ftp://x', extract: true, executable: false, cache: false }] }, '/fetch/0/uri'],
    [{ fetch: [{ uri: 'file:///x', extract: true, executable: false, cache: false, destPath: '../x' }] }, '/fetch/0/destPath'],
    [{ env: { A: 'x'.repeat(300_000) } }, '/env'],
  ];
  for (const [update, path] of table)
    t.true(
      faults(update).some((fault) => fault.path === path),
      `${path}: ${JSON.stringify(faults(update)).slice(0, 300)}`,
    );
  t.is(faults({ instances: -1, cpus: -1, mem: -1 }).length, 3);
  const both = t.throws(() => defineApp('/a', {}, undefined, CONTEXT), { instanceOf: Refusal });
  t.is(both?.faults[0]?.path, '/cmd');
});

test('bounds of an upgrade', (t) => {
  const table: [instances: number, min: number, over: number, minHealthy: number, maxCapacity: number][] = [
    [2, 1, 1, 2, 4],
    [2, 1, 0, 2, 3],
    [10, 0.5, 0.2, 5, 12],
    [10, 0.7, 0, 7, 10],
    [3, 0.5, 0.5, 2, 4],
    [1, 0, 0, 0, 1],
    [1, 1, 0, 1, 2],
    [0, 1, 1, 0, 1],
    [29, 0.1, 0.1, 3, 31],
  ];
  for (const [instances, minimumHealthCapacity, maximumOverCapacity, minHealthy, maxCapacity] of table) {
    t.deepEqual(capacity(app({ instances, upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity } })), {
      minHealthy,
      maxCapacity,
    });
  }
});

test('back-off grows with failures, to a bound, and ends with quiet, a new configuration or a word', (t) => {
  const queue = new LaunchQueue();
  const definition = app({ ...APP_DEFAULTS, backoffSeconds: 1, backoffFactor: 2, maxLaunchDelaySeconds: 5 });
  let now = 1000;
  const delay = (): number => {
    queue.failed(definition, now);
    const ms = queue.readyAt(definition, now) - now;
    now += ms;
    return ms;
  };
  t.is(queue.readyAt(definition, now), now);
  t.deepEqual([delay(), delay(), delay(), delay(), delay()], [1000, 2000, 4000, 5000, 5000]);
  queue.failed(definition, now);
  queue.failed(definition, now + 1);
  t.is(queue.readyAt(definition, now), now + 5000, 'two that fail together are one failure');
  t.true(queue.readyAt({ ...definition, versionInfo: { ...definition.versionInfo, lastConfigChangeAt: 'new' } }, now) <= now);
  now += 65_001;
  t.is(delay(), 1000, 'quiet for long enough');
  queue.reset(definition.id);
  t.is(queue.readyAt(definition, now), now);
});
