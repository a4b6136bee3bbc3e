import test from 'ava';
import { parseResources, type TaskStatus } from '../model/index.js';
import type { SchedulerCall, SchedulerEvent } from '../protocol/index.js';
import { MemoryNetwork, VirtualClock } from '../transport/index.js';
import { SchedulerDriver, type SchedulerDriverOptions } from './driver.js';
import { Scheduler } from './scheduler.js';
import type { Launch } from './types.js';

const one = parseResources('cpus:1;mem:32');
const task: Launch = {
  taskId: 'web.1',
  name: 'web',
  agentId: 'a',
  resources: one,
  command: { shell: true, value: 'run' },
  demand: 'web',
};
const subscribed: SchedulerEvent = {
  type: 'SUBSCRIBED',
  frameworkId: 'f1',
  heartbeatIntervalSeconds: 5,
  masterInfo: { masterId: 'm', version: '1' },
};

/** A master that is this test: what it was told, and a way to say things. */
class ScriptedMaster {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly calls: SchedulerCall[] = [];
  answer: (call: SchedulerCall) => readonly SchedulerEvent[] = (call) => (call.type === 'SUBSCRIBE' ? [subscribed] : []);
  #peer = '';
  #acceptor = this.#listen();

  get link() {
    return this.network.opener('framework', 'master', 'framework');
  }

  say(event: SchedulerEvent): void {
    this.#acceptor.send(this.#peer, event);
    this.clock.settle();
  }

  /** The calls since this was last asked. */
  take(): SchedulerCall[] {
    this.clock.settle();
    return this.calls.splice(0);
  }

  restart(): void {
    this.network.crash('master');
    this.#acceptor = this.#listen();
    this.clock.advance(30_000);
  }

  #listen() {
    const acceptor = this.network.acceptor('master', ['framework'])({
      onMessages: (peer, calls) => {
        this.#peer = peer;
        for (const call of calls) {
          this.calls.push(call);
          for (const event of this.answer(call)) acceptor.send(peer, event);
        }
      },
      onClosed: () => {},
    });
    return acceptor;
  }
}

function drive(
  master: ScriptedMaster,
  options: Partial<SchedulerDriverOptions> = {},
): { driver: SchedulerDriver; log: string[] } {
  const log: string[] = [];
  const driver = new SchedulerDriver({ link: master.link, frameworkInfo: { name: 'test' }, ...options }, {
    subscribed: (event) => log.push(`subscribed ${event.frameworkId}`),
    disconnected: (code) => log.push(`disconnected ${code}`),
    offers: (offers) => log.push(`offers ${offers.length}`),
    rescind: (offerId) => log.push(`rescind ${offerId}`),
    update: (status) => log.push(`update ${status.taskId} ${status.state}`),
    message: (event) => log.push(`message ${event.data.length}`),
    failure: (event) => log.push(`failure ${event.agentId}`),
    recovering: (event) => log.push(`recovering ${event.taskIds.length}`),
    error: (code) => log.push(`error ${code}`),
    rejected: (received, code) => log.push(`rejected ${received} ${code}`),
  });
  driver.start();
  master.clock.settle();
  return { driver, log };
}

test('it subscribes with its demand, and again after a change of master with its id and the newest demand', (t) => {
  const master = new ScriptedMaster();
  const { driver, log } = drive(master, { demand: [{ name: 'web', resources: one, count: 1 }], suppressedRoles: ['b'] });
  t.deepEqual(
    master.take(),
    [
      {
        type: 'SUBSCRIBE',
        frameworkInfo: { name: 'test' },
        demand: [{ name: 'web', resources: one, count: 1 }],
        suppressedRoles: ['b'],
      },
    ],
  );
  t.true(driver.connected);
  t.is(driver.frameworkId, 'f1');
  driver.demand([{ name: 'web', resources: one, count: 5 }]);
  t.like(master.take()[0], { type: 'DEMAND', demand: [{ count: 5 }] });
  driver.revive();
  master.take();
  master.restart();
  t.deepEqual(
    master.take(),
    [
      {
        type: 'SUBSCRIBE',
        frameworkInfo: { name: 'test', frameworkId: 'f1' },
        demand: [{ name: 'web', resources: one, count: 5 }],
      },
    ],
  );
  t.deepEqual(log, ['subscribed f1', 'disconnected PEER_LOST', 'subscribed f1']);
});

test('what changes between SUBSCRIBE and its answer is said again', (t) => {
  const master = new ScriptedMaster();
  master.answer = () => [];
  const { driver } = drive(master, { demand: [] });
  driver.demand([{ name: 'web', resources: one, count: 2 }]);
  driver.suppress(['x']);
  driver.kill('lost');
  t.deepEqual(master.take().map((call) => call.type), ['SUBSCRIBE'], 'nothing is sent before the subscription');
  master.say(subscribed);
  t.deepEqual(
    master.take(),
    [{ type: 'DEMAND', demand: [{ name: 'web', resources: one, count: 2 }] }, { type: 'SUPPRESS', roles: ['x'] }],
  );
});

test('every event has its method', (t) => {
  const master = new ScriptedMaster();
  const { log } = drive(master);
  const status: TaskStatus = { taskId: 'web.1', state: 'TASK_RUNNING', source: 'SOURCE_AGENT', timestamp: 1 };
  master.say({ type: 'OFFERS', offers: [] });
  master.say({ type: 'RESCIND', offerId: 'o' });
  master.say({ type: 'UPDATE', status });
  master.say({ type: 'MESSAGE', agentId: 'a', executorId: 'e', data: new Uint8Array(3) });
  master.say({ type: 'FAILURE', agentId: 'a' });
  master.say({ type: 'RECOVERING', taskIds: ['x'], deadlineSeconds: 5 });
  master.say({ type: 'ERROR', code: 'NOT_LEADER', message: '' });
  master.say({ type: 'ERROR', code: 'FRAMEWORK_REMOVED', message: '' });
  t.deepEqual(
    log,
    [
      'subscribed f1',
      'offers 0',
      'rescind o',
      'update web.1 TASK_RUNNING',
      'message 3',
      'failure a',
      'recovering 1',
      'error FRAMEWORK_REMOVED',
    ],
  );
  master.clock.advance(60_000);
  t.deepEqual(master.take().filter((call) => call.type === 'SUBSCRIBE').length, 1, 'a refused subscription is over');
});

test('every call arrives with its fields', (t) => {
  const master = new ScriptedMaster();
  const { driver } = drive(master);
  master.take();
  driver.decline(['o'], { refuseSeconds: 60 });
  driver.revive(['a']);
  driver.suppress();
  driver.kill('t', { agentId: 'a', killPolicy: { gracePeriodSeconds: 1 } });
  driver.shutdown('a', 'e');
  driver.acknowledge({ taskId: 't', agentId: 'a', uuid: 'u' });
  driver.acknowledge({ taskId: 't', agentId: 'a' });
  driver.reconcile();
  driver.reconcile([{ taskId: 't' }]);
  driver.message('a', 'e', Uint8Array.from([1]));
  driver.updateFramework({ name: 'test', webuiUrl: 'http://x' });
  driver.teardown();
  t.deepEqual(master.take(), [
    { type: 'DECLINE', offerIds: ['o'], filters: { refuseSeconds: 60 } },
    { type: 'REVIVE', roles: ['a'] },
    { type: 'SUPPRESS' },
    { type: 'KILL', taskId: 't', agentId: 'a', killPolicy: { gracePeriodSeconds: 1 } },
    { type: 'SHUTDOWN', agentId: 'a', executorId: 'e' },
    { type: 'ACKNOWLEDGE', agentId: 'a', taskId: 't', uuid: 'u' },
    { type: 'RECONCILE', tasks: [] },
    { type: 'RECONCILE', tasks: [{ taskId: 't' }] },
    { type: 'MESSAGE', agentId: 'a', executorId: 'e', data: Uint8Array.from([1]) },
    {
      type: 'UPDATE_FRAMEWORK',
      frameworkInfo: { name: 'test', webuiUrl: 'http://x', frameworkId: 'f1' },
      suppressedRoles: ['*'],
    },
    { type: 'TEARDOWN' },
  ]);
});

test('launches travel with their demand, and large numbers of them in several operations', (t) => {
  const master = new ScriptedMaster();
  const { driver } = drive(master);
  master.take();
  driver.accept(['o'], Array.from({ length: 1500 }, (_, i) => ({ ...task, taskId: `web.${i}` })), { refuseSeconds: 1 });
  const [accept] = master.take();
  if (accept?.type !== 'ACCEPT') return t.fail();
  t.deepEqual(accept.operations.map((operation) => operation.taskInfos.length), [1024, 476]);
  t.is(accept.operations[0]!.taskInfos[0]!.demand, 'web');
  t.deepEqual(accept.filters, { refuseSeconds: 1 });
});

test('what the master would refuse throws where it is called, and sends nothing', (t) => {
  const master = new ScriptedMaster();
  const { driver } = drive(master);
  master.take();
  t.throws(() => driver.accept(['o'], [{ ...task, taskId: 'a/b' }]), { instanceOf: RangeError, message: /^task\.taskId/ });
  t.throws(() => driver.accept([], [task]), { instanceOf: RangeError, message: /^ACCEPT\.offerIds/ });
  t.throws(
    () => driver.demand([{ name: 'web', resources: one, count: -1 }]),
    { instanceOf: RangeError, message: /^DEMAND\.demand\[0\]\.count/ },
  );
  t.throws(() => driver.message('a', 'e', new Uint8Array(65_537)), { instanceOf: RangeError, message: /^MESSAGE\.data/ });
  const large = { ...task, command: { shell: true, value: 'x'.repeat(500_000) } };
  t.throws(
    () => driver.accept(['o'], Array.from({ length: 13 }, () => large)),
    { instanceOf: RangeError, message: /at most 6291456 bytes/ },
  );
  t.deepEqual(master.take(), []);
  t.throws(
    () => new SchedulerDriver({ link: master.link, frameworkInfo: { name: '' } }, {}).start(),
    { instanceOf: RangeError, message: /^SUBSCRIBE\.frameworkInfo\.name/ },
  );
});

test('stopped, it says what is left and comes back with its id', async (t) => {
  const master = new ScriptedMaster();
  const { driver, log } = drive(master);
  driver.kill('last');
  await driver.stop();
  t.deepEqual(master.take().map((call) => call.type), ['SUBSCRIBE', 'KILL']);
  t.false(driver.connected);
  driver.start();
  t.like(master.take()[0], { type: 'SUBSCRIBE', frameworkInfo: { frameworkId: 'f1' } });
  t.deepEqual(log, ['subscribed f1', 'subscribed f1']);
});

test('the scheduler waits for what an earlier run left before it asks for more, and does not repeat its demand', (t) => {
  const master = new ScriptedMaster();
  const known: TaskStatus = {
    taskId: 'web.old',
    state: 'TASK_RUNNING',
    source: 'SOURCE_MASTER',
    timestamp: 1,
    agentId: 'a',
    reason: 'REASON_RECONCILIATION',
  };
  const unknown: TaskStatus = {
    taskId: 'reconciliation.end',
    state: 'TASK_UNKNOWN',
    source: 'SOURCE_MASTER',
    timestamp: 1,
    reason: 'REASON_RECONCILIATION',
  };
  const scheduler = new Scheduler({ master: master.link, framework: { name: 'test' }, clock: master.clock });
  scheduler.want({ name: 'web', count: 3, resources: 'cpus:1', command: 'run' }).start();
  t.deepEqual(master.take().map((call) => call.type), ['SUBSCRIBE', 'RECONCILE', 'RECONCILE']);
  master.say({ type: 'UPDATE', status: known });
  t.deepEqual(master.take(), [], 'nothing to acknowledge, and not all answers are in');
  master.say({ type: 'UPDATE', status: unknown });
  t.like(master.take(), [{ type: 'DEMAND', demand: [{ name: 'web', count: 2 }] }]);
  master.say({
    type: 'OFFERS',
    offers: [
      {
        offerId: 'o',
        frameworkId: 'f1',
        agentId: 'b',
        hostname: 'b',
        role: '*',
        resources: parseResources('cpus:2'),
        attributes: [],
        demand: [{ name: 'web', count: 2 }],
      },
    ],
  });
  t.deepEqual(master.take().map((call) => call.type), ['ACCEPT'], 'the master takes off what is launched by itself');
  t.is(scheduler.tasks.length, 3);
  const [, launched] = scheduler.tasks;
  master.say({
    type: 'UPDATE',
    status: {
      taskId: launched!.taskId,
      state: 'TASK_DROPPED',
      source: 'SOURCE_MASTER',
      timestamp: 1,
      reason: 'REASON_INVALID_OFFERS',
    },
  });
  master.clock.advance(1_000);
  t.like(master.take(), [{ type: 'DEMAND', demand: [{ name: 'web', count: 1 }] }]);
  master.clock.advance(10_000);
  t.deepEqual(master.take().map((call) => call.type), ['RECONCILE'], 'and asks, after a while, how its tasks are');
});
