import test from 'ava';
import { parseResources } from '../model/index.js';
import { EXECUTOR_UPDATES_MAX, packBody, type AgentToExecutor, type ExecutorToAgent } from '../protocol/index.js';
import { MemoryNetwork, VirtualClock } from '../transport/index.js';
import { ExecutorDriver } from './driver.js';
import { readExecutorEnvironment } from './environment.js';

const environment = { socket: '/s', token: 'secret', frameworkId: 'f', executorId: 'e', agentId: 'a' };
const subscribed: AgentToExecutor = { type: 'SUBSCRIBED', agentId: 'a', frameworkId: 'f', executorId: 'e' };
const header = { taskId: 't1', name: 't', agentId: 'a', resources: parseResources('cpus:1') };

/** An agent that is this test, and an executor that logs what it is told. */
class Bench {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly heard: ExecutorToAgent[] = [];
  readonly log: string[] = [];
  readonly driver: ExecutorDriver;
  #peer = '';
  #ids = 0;
  #acceptor = this.#listen();

  constructor() {
    this.driver = new ExecutorDriver(
      {
        subscribed: (event) => this.log.push(`subscribed ${event.agentId}`),
        disconnected: (code) => this.log.push(`disconnected ${code}`),
        launch: (task) => this.log.push(`launch ${task.taskId} ${task.executor?.executorId}`),
        kill: (taskId, policy) => this.log.push(`kill ${taskId} ${policy?.gracePeriodSeconds}`),
        message: (data) => this.log.push(`message ${data.length}`),
        shutdown: (grace) => this.log.push(`shutdown ${grace}`),
        error: (code) => this.log.push(`error ${code}`),
      },
      {
        environment,
        clock: this.clock,
        newId: () => `u${++this.#ids}`,
        link: this.network.opener('executor', 'agent', 'executor'),
      },
    );
    this.driver.start();
    this.clock.settle();
  }

  say(message: AgentToExecutor): void {
    this.#acceptor.send(this.#peer, message);
    this.clock.settle();
  }

  take(): ExecutorToAgent[] {
    this.clock.settle();
    return this.heard.splice(0);
  }

  crashAgent(): void {
    this.network.crash('agent');
  }

  restartAgent(): void {
    this.#acceptor = this.#listen();
    this.clock.advance(30_000);
  }

  #listen() {
    return this.network.acceptor('agent', ['executor'])({
      onMessages: (peer, messages) => {
        this.#peer = peer;
        this.heard.push(...messages);
      },
      onClosed: () => {},
    });
  }
}

test('it subscribes with its token, and is told what to do', (t) => {
  const bench = new Bench();
  t.deepEqual(
    bench.take(),
    [{ type: 'SUBSCRIBE', frameworkId: 'f', executorId: 'e', token: 'secret', unacknowledgedUpdates: [] }],
  );
  bench.say(subscribed);
  const executor = { executorId: 'e', command: { shell: true, value: 'run' }, resources: parseResources('cpus:1') };
  bench.say({ type: 'LAUNCH', task: { ...header, body: packBody({ executor }) } });
  bench.say({ type: 'KILL', taskId: 't1', killPolicy: { gracePeriodSeconds: 2 } });
  bench.say({ type: 'MESSAGE', data: new Uint8Array(3) });
  bench.say({ type: 'SHUTDOWN', gracePeriodSeconds: 5 });
  t.deepEqual(bench.log, ['subscribed a', 'launch t1 e', 'kill t1 2', 'message 3', 'shutdown 5']);
});

test('a task whose body cannot be read is TASK_ERROR', (t) => {
  const bench = new Bench();
  bench.take();
  bench.say(subscribed);
  bench.say({ type: 'LAUNCH', task: { ...header, body: Uint8Array.from([0xc1]) } });
  t.like(bench.take()[0], { type: 'UPDATE', status: { taskId: 't1', state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID' } });
  t.deepEqual(bench.log, ['subscribed a']);
});

test('an update is kept until it is acknowledged, sent again after a while, and brought along after the agent was away', (t) => {
  const bench = new Bench();
  bench.take();
  bench.driver.sendStatusUpdate({ taskId: 't0', state: 'TASK_RUNNING' });
  t.deepEqual(bench.take(), [], 'not before the subscription');
  bench.say(subscribed);
  t.like(
    bench.take()[0],
    { type: 'UPDATE', status: { taskId: 't0', uuid: 'u1', source: 'SOURCE_EXECUTOR', agentId: 'a', executorId: 'e' } },
  );
  bench.say({ type: 'ACKNOWLEDGED', taskId: 't0', uuid: 'u1' });
  t.is(bench.driver.unacknowledged, 0);

  t.is(bench.driver.sendStatusUpdate({ taskId: 't1', state: 'TASK_FINISHED', data: Uint8Array.from([7]) }), 'u2');
  t.is(bench.take().length, 1);
  bench.clock.advance(30_000);
  t.like(bench.take()[0], { type: 'UPDATE', status: { uuid: 'u2' } });

  bench.crashAgent();
  bench.clock.advance(60_000);
  bench.driver.sendStatusUpdate({ taskId: 't2', state: 'TASK_RUNNING' });
  bench.restartAgent();
  const [subscribe] = bench.take();
  t.like(subscribe, { type: 'SUBSCRIBE', unacknowledgedUpdates: [{ uuid: 'u2', data: Uint8Array.from([7]) }, { uuid: 'u3' }] });
  bench.say(subscribed);
  t.deepEqual(bench.take(), [], 'what SUBSCRIBE brought is not said twice at once');
  t.deepEqual(bench.log, ['subscribed a', 'disconnected PEER_LOST', 'subscribed a']);
});

test('without its agent it goes on for 15 minutes, then ends', (t) => {
  const bench = new Bench();
  bench.say(subscribed);
  bench.log.length = 0;
  bench.crashAgent();
  bench.clock.advance(15 * 60_000);
  t.deepEqual(bench.log, ['disconnected PEER_LOST']);
  bench.clock.advance(30_000);
  t.deepEqual(bench.log, ['disconnected PEER_LOST', 'shutdown 5']);
});

test('a refused executor is over', (t) => {
  const bench = new Bench();
  bench.say({ type: 'ERROR', code: 'NOT_REGISTERED', message: 'wrong token' });
  bench.clock.advance(60 * 60_000);
  t.deepEqual(bench.log, ['error NOT_REGISTERED']);
});

test('what the agent would refuse throws, and updates are bounded', (t) => {
  const bench = new Bench();
  t.throws(
    () => bench.driver.sendStatusUpdate({ taskId: 'a/b', state: 'TASK_RUNNING' }),
    { instanceOf: RangeError, message: /^UPDATE\.status\.taskId/ },
  );
  t.throws(() => bench.driver.sendMessage(new Uint8Array(65_537)), { instanceOf: RangeError, message: /^MESSAGE\.data/ });
  for (let i = 0; i < EXECUTOR_UPDATES_MAX; i++) bench.driver.sendStatusUpdate({ taskId: 't', state: 'TASK_RUNNING' });
  t.throws(
    () => bench.driver.sendStatusUpdate({ taskId: 't', state: 'TASK_RUNNING' }),
    { instanceOf: RangeError, message: /updates wait for the agent/ },
  );
});

test('the environment is read, and what lacks is named', (t) => {
  const variables = {
    MESOS_DOMAIN_SOCKET: '/s',
    PROFFER_EXECUTOR_TOKEN: 'secret',
    MESOS_FRAMEWORK_ID: 'f',
    MESOS_EXECUTOR_ID: 'e',
    MESOS_AGENT_ID: 'a',
  };
  t.deepEqual(readExecutorEnvironment(variables), environment);
  t.is(readExecutorEnvironment({ ...variables, PROFFER_EXECUTOR_SOCKET: '/own' }).socket, '/own');
  t.throws(
    () => readExecutorEnvironment({ ...variables, PROFFER_EXECUTOR_TOKEN: undefined }),
    { message: /sets PROFFER_EXECUTOR_TOKEN; it is not set/ },
  );
  t.throws(() => readExecutorEnvironment({}), { message: /PROFFER_EXECUTOR_SOCKET or MESOS_DOMAIN_SOCKET/ });
});
