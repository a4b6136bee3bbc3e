import test from 'ava';
import { Harness } from './harness.test-helper.js';
import { Refusal } from './refusal.js';

const CHECK = {
  protocol: 'HTTP',
  portIndex: 0,
  path: '/',
  gracePeriodSeconds: 300,
  intervalSeconds: 60,
  timeoutSeconds: 20,
  maxConsecutiveFailures: 3,
  delaySeconds: 0,
} as const;

test('what is missing is demanded, launched when offered, and not demanded twice', (t) => {
  const h = Harness.subscribed();
  t.deepEqual(h.calls, [
    { type: 'reconcile', tasks: [] },
    { type: 'demand', demand: [] },
  ]);
  h.create('/a', { cpus: 0.5, instances: 3 });
  t.like(h.demand()[0], { name: '/a@2026-01-01T00:00:00.000Z', count: 3, ports: 1 });
  t.is(h.offer('h1', 'cpus:1;mem:1000;ports:[31000-31001]').length, 2);
  t.is(h.demand()[0]?.count, 1);
  const accept = h.calls.find((call) => call.type === 'accept');
  t.like(accept, { refuseSeconds: 5 });
  t.deepEqual(
    h.instances().map(({ ports }) => ports),
    [[31_000], [31_001]],
  );
  h.offer('h2');
  t.deepEqual(h.demand(), []);
  h.calls.length = 0;
  t.deepEqual(h.offer('h3'), []);
  t.deepEqual(
    h.calls,
    [{ type: 'decline', offerId: 'o3', refuseSeconds: 0 }],
    'nothing is wanted, so nothing is held against the agent',
  );
});

test('what the master took off the demand by itself is said again, though it reads the same', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 2 });
  const [first] = h.offer('h1', 'cpus:1;mem:128;ports:[31000-31000]');
  h.runAll();
  t.is(h.demand()[0]?.count, 1);
  h.core.apply({ type: 'update', status: { taskId: first!, state: 'TASK_LOST', source: 'SOURCE_MASTER', timestamp: 0 } }, h.now);
  const from = h.calls.length;
  h.offer('h1', 'cpus:1;mem:128;ports:[31000-31000]');
  t.deepEqual(
    h.calls.slice(from).map(({ type }) => type),
    ['accept', 'demand'],
  );
  t.is(h.demand()[0]?.count, 1);
});

test('a task that was asked to end keeps its place until it has', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 1 });
  const [first] = h.offer('h1');
  h.runAll();
  h.core.kill(h.instances(), false, false, h.now);
  t.like(h.turn(), [{ type: 'kill', taskId: first, agentId: 'h1-id' }]);
  t.deepEqual(h.demand(), []);
  h.endKilled();
  t.is(h.demand()[0]?.count, 1);
});

test('the same inputs give the same effects', (t) => {
  const run = (): unknown => {
    const h = Harness.subscribed();
    h.create('/a', { instances: 3, constraints: [['hostname', 'UNIQUE']] });
    h.offer('h1');
    h.offer('h2');
    h.runAll();
    h.core.restart('/a', true, h.now);
    h.turn();
    h.offer('h3');
    h.advance(700_000);
    return [h.calls, h.events, [...h.disk]];
  };
  t.deepEqual(run(), run());
});

test('a crash between the write and the ACCEPT makes neither doubles nor ghosts', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 2 });
  const launched = h.offer('h1');
  t.is(launched.length, 2);
  // The next process knows both; only the first had reached the master.
  const next = h.crash();
  next.subscribe();
  const asked = next.calls.filter((call) => call.type === 'reconcile');
  t.deepEqual(asked[0]?.tasks.map(({ taskId }) => taskId).sort(), [...launched].sort());
  t.deepEqual(asked[1]?.tasks, []);
  t.deepEqual(next.demand(), [], 'nothing is launched again before the master has answered');
  next.status(launched[0]!, 'TASK_RUNNING', { reason: 'REASON_RECONCILIATION' });
  next.status(launched[1]!, 'TASK_LOST', { reason: 'REASON_RECONCILIATION' });
  next.advance(1000);
  t.is(next.demand()[0]?.count, 1);
  t.is(next.offer('h1').length, 1);
  next.runAll();
  t.is(next.instances().length, 2);
  t.deepEqual(next.deployments(), [], 'the deployment went on after the crash, and is done');
});

test('a kill that may be lost with its master is sent again to the next one at once', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 1 });
  const [taskId] = h.offer('h1');
  h.runAll();
  h.core.kill(h.instances(), false, false, h.now);
  h.turn();
  h.core.apply({ type: 'disconnected' }, h.now);
  h.core.apply({ type: 'subscribed', frameworkId: 'fw' }, h.now);
  const kills = h.turn().filter(({ type }) => type === 'kill');
  t.like(kills, [{ type: 'kill', taskId }]);
});

test('a task that nobody wants is killed, an acknowledgement is given for every update', (t) => {
  const h = Harness.subscribed();
  const calls = h.status('a.instance-old._app.1', 'TASK_RUNNING', { agentId: 'x1', uuid: 'u7' });
  t.like(calls, [
    { type: 'acknowledge', status: { uuid: 'u7' } },
    { type: 'kill', taskId: 'a.instance-old._app.1', agentId: 'x1' },
  ]);
  const last = h.status('a.instance-old._app.1', 'TASK_KILLED', { agentId: 'x1' });
  t.deepEqual(
    last.map(({ type }) => type),
    ['acknowledge'],
  );
  t.true(h.events.some(({ eventType }) => eventType === 'unknown_instance_terminated_event'));
});

test('launches that nobody answers are asked about, then given up', (t) => {
  const h = Harness.subscribed();
  h.create('/a', {});
  const [taskId] = h.offer('h1');
  t.deepEqual(h.advance(60_000), [{ type: 'reconcile', tasks: [{ taskId: taskId!, agentId: 'h1-id' }] }]);
  h.advance(239_000);
  t.like(
    h.advance(1_000).filter(({ type }) => type === 'kill'),
    [{ type: 'kill', taskId }],
  );
  t.deepEqual(
    h.advance(10_000).filter(({ type }) => type === 'kill'),
    [],
  );
  t.like(
    h.advance(20_000).filter(({ type }) => type === 'kill'),
    [{ type: 'kill', taskId }],
    'a kill that had no effect is sent again',
  );
  h.status(taskId!, 'TASK_LOST', { reason: 'REASON_RECONCILIATION' });
  t.is(h.demand()[0]?.count, 1);
});

test('an upgrade keeps the healthy ones until new ones are healthy', (t) => {
  const h = Harness.subscribed();
  h.create('/a', {
    instances: 2,
    healthChecks: [CHECK],
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 },
  });
  const old = h.offer('h1');
  h.runAll();
  t.is(h.deployments().length, 1, 'running is not healthy');
  for (const id of old) h.status(id, 'TASK_RUNNING', { healthy: true });
  t.deepEqual(h.deployments(), []);

  h.core.define([{ appId: '/a', update: { env: { V: '2' } }, partial: true }], false, h.now);
  h.turn();
  t.is(h.demand()[0]?.count, 1, 'one more than the two may run');
  const [third] = h.offer('h1');
  h.runAll();
  t.deepEqual(
    h.instances().filter(({ killedAt }) => killedAt !== undefined),
    [],
  );
  h.status(third!, 'TASK_RUNNING', { healthy: true });
  t.is(h.instances().filter(({ killedAt }) => killedAt !== undefined).length, 1);
  t.deepEqual(h.demand(), [], 'the one that ends still takes its place');
  h.endKilled();
  const [fourth] = h.offer('h1');
  h.status(fourth!, 'TASK_RUNNING', { healthy: true });
  h.endKilled();
  t.deepEqual(
    h
      .instances()
      .map(({ taskId }) => taskId)
      .sort(),
    [third!, fourth!].sort(),
  );
  t.deepEqual(h.deployments(), []);
  t.true(h.events.some(({ eventType }) => eventType === 'deployment_success'));
});

test('a deployment without progress is paused with its reason, gives way, and goes on by itself', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 2, cpus: 4 });
  h.offer('h1', 'cpus:1;mem:1000;ports:[31000-31001]');
  h.advance(599_000);
  t.is(h.deployments()[0]?.state, 'running');
  t.throws(() => h.core.restart('/a', false, h.now), { instanceOf: Refusal, message: /locked by one or more deployments/ });
  h.advance(1_000);
  const [paused] = h.deployments();
  t.is(paused?.state, 'paused');
  t.like(
    h.events.find(({ eventType }) => eventType === 'deployment_paused'),
    {
      id: paused!.id,
      reason: '/a: 2 of 2 instances are not launched: no offer fits: h1: InsufficientCpus (needs cpus 4, offered 1)',
    },
  );
  h.offer('h2');
  h.runAll();
  t.deepEqual(h.deployments(), []);
  h.core.define([{ appId: '/a', update: { cpus: 999 }, partial: true }], false, h.now);
  h.turn();
  h.advance(600_000);
  t.is(h.deployments()[0]?.state, 'paused');
  t.notThrows(() => h.core.define([{ appId: '/a', update: { cpus: 1 }, partial: true }], false, h.now));
});

test('a roll-back keeps the instances that are up to date again', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 2 });
  const old = h.offer('h1');
  h.runAll();
  const { deploymentId } = h.core.define(
    [{ appId: '/a', update: { cmd: 'broken', instances: 3 }, partial: true }],
    false,
    h.now + 1,
  );
  h.turn();
  t.is(h.offer('h1').length, 3);
  h.core.cancelDeployment(deploymentId, false, h.now + 2);
  h.turn();
  h.endKilled();
  t.like(h.app('/a'), { cmd: 'run', instances: 2 });
  t.deepEqual(
    h
      .instances()
      .map(({ taskId }) => taskId)
      .sort(),
    [...old].sort(),
  );
  t.deepEqual(h.deployments(), []);

  const forced = h.core.define([{ appId: '/a', update: { cmd: 'other' }, partial: true }], false, h.now + 3);
  h.turn();
  const [extra] = h.offer('h1', 'cpus:1;mem:1000;ports:[31000-31001]');
  t.is(h.core.cancelDeployment(forced.deploymentId, true, h.now), undefined);
  h.turn();
  h.runAll();
  t.is(h.app('/a').cmd, 'other', 'with force everything stays as it is');
  t.true(h.instances().filter(({ taskId, killedAt }) => killedAt === undefined || taskId === extra).length >= 2);
  t.throws(() => h.core.cancelDeployment('no', false, h.now), { message: "Deployment 'no' does not exist" });
});

test('changes that do not reach the task restart nothing; two changes of one app in one call are refused', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 1 });
  h.offer('h1');
  h.runAll();
  const before = h.app('/a');
  h.core.define([{ appId: '/a', update: { backoffSeconds: 7, killSelection: 'OLDEST_FIRST' }, partial: true }], false, h.now + 5);
  h.turn();
  t.deepEqual(h.deployments(), []);
  t.is(h.instances()[0]?.killedAt, undefined);
  t.is(h.app('/a').versionInfo.lastConfigChangeAt, before.versionInfo.lastConfigChangeAt);
  t.not(h.app('/a').version, before.version);
  const twice = [
    { appId: '/b', update: { cmd: 'x' }, partial: true },
    { appId: '/b', update: { cmd: 'y' }, partial: true },
  ];
  t.throws(() => h.core.define(twice, false, h.now), { instanceOf: Refusal });
  t.is(h.core.context.state.app('/b'), undefined);
});

test('the same definition once more makes no version and restarts nothing', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 1, portDefinitions: [{ port: 0, protocol: 'tcp', labels: {} }] });
  h.create('/b', {});
  h.offer('h1');
  h.runAll();
  const before = h.app('/a');
  t.is(before.portDefinitions[0]?.port, 10_000);
  t.is(h.app('/b').portDefinitions[0]?.port, 10_001);
  h.core.define(
    [
      {
        appId: '/a',
        update: { cmd: 'run', instances: 1, portDefinitions: [{ port: 0, protocol: 'tcp', labels: {} }] },
        partial: false,
      },
    ],
    false,
    h.now + 5,
  );
  h.turn();
  t.deepEqual(h.app('/a'), before);
  t.deepEqual(h.deployments(), []);
});

test('a refused change changes nothing, not even of the valid apps beside it', (t) => {
  const h = Harness.subscribed();
  const disk = new Map(h.disk);
  const good = { appId: '/good', update: { cmd: 'x' }, partial: true };
  const bad = { appId: '/bad', update: { cmd: 'x', instances: -1 }, partial: true };
  t.throws(() => h.core.define([good, bad], false, h.now), { instanceOf: Refusal });
  t.deepEqual(h.turn(), []);
  t.deepEqual(h.disk, disk);
});

test('an unreachable instance is replaced when its time is up, and killed if it comes back after it was forgotten', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { unreachableStrategy: { inactiveAfterSeconds: 10, expungeAfterSeconds: 60 } });
  const [first] = h.offer('h1');
  h.runAll();
  h.status(first!, 'TASK_UNREACHABLE');
  t.deepEqual(h.demand(), []);
  t.is(h.wakeAt, h.now + 10_000);
  h.advance(10_000);
  t.is(h.demand()[0]?.count, 1);
  const [second] = h.offer('h2');
  h.runAll();
  h.status(first!, 'TASK_RUNNING');
  t.is(h.instances().filter(({ killedAt }) => killedAt !== undefined).length, 1, 'back in time: one is too many');
  h.endKilled();
  const [left] = h.instances();
  h.status(left!.taskId, 'TASK_UNREACHABLE');
  h.advance(60_000);
  t.false(h.instances().some(({ taskId }) => taskId === left!.taskId));
  t.like(h.status(left!.taskId, 'TASK_RUNNING', { agentId: 'h1-id' })[1], { type: 'kill', taskId: left!.taskId });
  t.truthy(second);
});

test('by default an unreachable instance is replaced at once; "disabled" waits for it', (t) => {
  for (const [strategy, wanted] of [
    [undefined, 1],
    ['disabled', 0],
  ] as const) {
    const h = Harness.subscribed();
    h.create('/a', strategy === undefined ? {} : { unreachableStrategy: strategy });
    const [first] = h.offer('h1');
    h.runAll();
    h.status(first!, 'TASK_UNREACHABLE');
    t.is(h.demand()[0]?.count ?? 0, wanted);
  }
});

test('what ends by itself is held back, what was killed by hand or lost is not', (t) => {
  const table = [
    ['TASK_FAILED', {}, true],
    ['TASK_FINISHED', {}, true],
    ['TASK_ERROR', {}, true],
    ['TASK_KILLED', { reason: 'REASON_TASK_HEALTH_CHECK_FAILED' }, true],
    ['TASK_KILLED', {}, false],
    ['TASK_LOST', {}, false],
    ['TASK_GONE_BY_OPERATOR', {}, false],
    ['TASK_UNKNOWN', {}, false],
  ] as const;
  for (const [state, more, heldBack] of table) {
    const h = Harness.subscribed();
    h.create('/a', {});
    const [first] = h.offer('h1');
    h.runAll();
    h.status(first!, state, more);
    t.is(h.demand().length, heldBack ? 0 : 1, state);
    if (heldBack) t.like(h.core.context.state.failures.get('/a'), { taskId: first, state });
    h.advance(1000);
    t.is(h.demand().length, 1, state);
  }
});

test('scaling down ends the youngest, or the oldest, and the unhealthy before them', (t) => {
  for (const [killSelection, ended] of [
    ['YOUNGEST_FIRST', ['sick', 'young']],
    ['OLDEST_FIRST', ['sick', 'old']],
  ] as const) {
    const h = Harness.subscribed();
    h.create('/a', { instances: 4, killSelection, healthChecks: [CHECK] });
    const ids: Record<string, string> = {};
    for (const name of ['old', 'sick', 'middle', 'young']) {
      h.now += 1000;
      const [id] = h.offer(name, 'cpus:1;mem:128;ports:[31000-31000]');
      ids[name] = id!;
      h.status(id!, 'TASK_RUNNING', { healthy: name !== 'sick' });
    }
    h.core.define([{ appId: '/a', update: { instances: 2 }, partial: true }], true, h.now);
    h.turn();
    const killed = h
      .instances()
      .filter(({ killedAt }) => killedAt !== undefined)
      .map(({ hostname }) => hostname);
    t.deepEqual(killed.sort(), [...ended].sort(), killSelection);
  }
});

test('GROUP_BY steers which instances a smaller app keeps, constraints where new ones go', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 4, constraints: [['rack', 'GROUP_BY']] });
  const rack = (value: string) => [{ name: 'rack', type: 'TEXT' as const, value }];
  t.is(h.offer('h1', undefined, rack('r1')).length, 4, 'one group is all there is');
  h.runAll();
  const b = Harness.subscribed();
  b.create('/a', { instances: 4, constraints: [['rack', 'GROUP_BY', '2']] });
  t.is(b.offer('h1', undefined, rack('r1')).length, 1);
  t.is(b.offer('h2', undefined, rack('r2')).length, 2);
  t.is(b.offer('h1', undefined, rack('r1')).length, 1);
  t.like(b.core.context.offerLog('/x').summary()[0], { reason: 'UnfulfilledConstraint', declined: 0 });
  b.runAll();
  b.core.define([{ appId: '/a', update: { instances: 2 }, partial: true }], true, b.now);
  b.turn();
  b.endKilled();
  t.deepEqual(
    b
      .instances()
      .map(({ hostname }) => hostname)
      .sort(),
    ['h1', 'h2'],
  );

  const u = Harness.subscribed();
  u.create('/a', { instances: 2, constraints: [['hostname', 'UNIQUE']] });
  const [one] = u.offer('h1');
  t.deepEqual(u.offer('h1'), []);
  t.like(
    u.calls.findLast(({ type }) => type === 'decline'),
    { refuseSeconds: 30 },
  );
  t.like(u.status(one!, 'TASK_LOST'), [{ type: 'acknowledge' }, { type: 'revive' }]);
});

test('a framework that the master removed starts anew', (t) => {
  const h = Harness.subscribed();
  h.create('/a', { instances: 2 });
  h.offer('h1');
  h.runAll();
  h.core.apply({ type: 'removed' }, h.now);
  h.turn();
  t.deepEqual(h.instances(), []);
  t.is(h.crash().core.context.state.frameworkId, undefined);
  h.core.apply({ type: 'subscribed', frameworkId: 'f2' }, h.now);
  h.turn();
  t.is(h.demand()[0]?.count, 2);
  t.deepEqual(h.disk.get('framework/id'), { frameworkId: 'f2' });
});

test('fifty versions of an app are kept', (t) => {
  const h = Harness.subscribed();
  h.create('/a', {});
  for (let i = 0; i < 60; i++) h.core.define([{ appId: '/a', update: { backoffSeconds: i }, partial: true }], true, h.now);
  h.turn();
  const versions = h.crash().core.context.state.versionsOf('/a');
  t.is(versions.length, 50);
  t.is(versions[0]?.backoffSeconds, 59);
  t.is(versions.at(-1)?.backoffSeconds, 10);
});
