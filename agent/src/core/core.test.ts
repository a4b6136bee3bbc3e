import test from 'ava';
import { resources } from '@proffer/sdk/model';
import { fakeTask, FakeMachine, type FakeMachineOptions } from '../testing/fake-machine.js';
import type { TaskBody } from '@proffer/sdk/protocol';

function machine(options: FakeMachineOptions = {}): FakeMachine {
  const made = new FakeMachine(options);
  made.boot();
  made.settle();
  made.connect();
  return made;
}

function launch(on: FakeMachine, taskId: string, body: Partial<TaskBody> = {}, needs?: ReturnType<typeof resources>): void {
  const task = fakeTask(on.core!.agentId, taskId, body, needs);
  on.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [task] });
}

/** Acknowledges every update of the task, until there is none that is not. */
function acknowledgeAll(on: FakeMachine, taskId: string): string[] {
  for (let count = -1; count !== on.updates(taskId).length; ) {
    count = on.updates(taskId).length;
    on.acknowledge(taskId);
  }
  return on.states(taskId);
}

test('a new agent makes its id, writes it, and only then registers with it', (t) => {
  const m = new FakeMachine();
  m.boot();
  m.apply({ type: 'sessionOpened' });
  t.deepEqual(m.sent, []);
  m.settle();
  t.like(m.sent[0], { type: 'REGISTER_AGENT', agentId: 'id-1', tasks: [], executors: [] });
  m.crash();
  m.boot();
  m.settle();
  m.connect();
  t.like(m.sent[1], { type: 'REGISTER_AGENT', agentId: 'id-1' });
});

test('a command task starts, runs, ends; each update waits for the acknowledgement of the one before', (t) => {
  const m = machine();
  launch(m, 'a');
  t.deepEqual(m.states('a'), ['TASK_STARTING']);
  m.acknowledge('a');
  t.deepEqual(m.states('a'), ['TASK_STARTING', 'TASK_RUNNING']);
  m.exit(m.containerOf('a'), { code: 0 });
  m.settle();
  t.is(m.core!.view().used.cpus, 0, 'resources are free with the end, not with its acknowledgement');
  m.acknowledge('a');
  t.deepEqual(m.updates('a').map(({ latestState }) => latestState), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  t.like(m.updates('a').at(-1)!.status, { state: 'TASK_FINISHED', exit: { code: 0 }, source: 'SOURCE_AGENT' });
  t.is(m.core!.view().tasks.length, 1, 'the task is kept until its end is acknowledged');
  m.acknowledge('a');
  t.is(m.core!.view().tasks.length, 0);
  t.deepEqual([...m.disk.keys()], ['agent']);
  t.is(m.containers.size, 0, 'the containerizer was told to forget');
});

test('nothing is launched and nothing is said before it is on disk', (t) => {
  const m = machine();
  m.apply({ type: 'message', message: { type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'a')] } });
  m.apply({ type: 'message', message: { type: 'AGENT_REGISTERED', agentId: 'id-1', removedFrameworks: [] } });
  t.deepEqual([m.launches.length, m.updates('a').length], [0, 0]);
  m.sync();
  t.deepEqual([m.launches.length, m.updates('a').length], [1, 1]);
});

const endings = [
  { exit: { code: 0 }, expected: { state: 'TASK_FINISHED', exit: { code: 0 } } },
  { exit: { code: 3 }, expected: { state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', exit: { code: 3 } } },
  {
    exit: { signal: 'SIGSEGV' },
    expected: { state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', exit: { signal: 'SIGSEGV' } },
  },
  { exit: { lost: 'the monitor was killed' }, expected: { state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED' } },
  {
    exit: {
      signal: 'SIGKILL',
      limitation: { reason: 'memory', message: '101 MiB of 100 MiB', resources: resources({ mem: 101 }) },
    },
    expected: {
      state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message: '101 MiB of 100 MiB',
      limitation: { resources: resources({ mem: 101 }) }, exit: { signal: 'SIGKILL' },
    },
  },
] as const;

for (const { exit, expected } of endings) {
  test(`an end like ${JSON.stringify(exit).slice(0, 60)} is ${expected.state}`, (t) => {
    const m = machine();
    launch(m, 'a');
    m.exit(m.containerOf('a'), exit);
    m.settle();
    acknowledgeAll(m, 'a');
    t.like(m.updates('a').at(-1)!.status, expected as never);
  });
}

test('a failed launch says at which step', (t) => {
  for (const [step, reason] of [['fetch', 'REASON_FETCH_FAILED'], ['isolate', 'REASON_CONTAINER_LAUNCH_FAILED']] as const) {
    const m = machine({ startsAtOnce: false });
    launch(m, 'a');
    m.apply({ type: 'containerProgress', containerId: m.containerOf('a'), message: 'fetching 10 %' });
    m.apply({ type: 'containerProgress', containerId: m.containerOf('a'), message: 'fetching 90 %' });
    m.apply({ type: 'containerFailed', containerId: m.containerOf('a'), failure: { step, message: 'no such file' } });
    m.settle();
    t.deepEqual(acknowledgeAll(m, 'a'), ['TASK_STARTING', 'TASK_STARTING', 'TASK_FAILED']);
    t.like(m.updates('a')[1]!.status, { message: 'fetching 90 %' });
    t.is(m.updates('a')[2]!.status.reason, reason);
  }
});

test('an update is sent again after 10 s, then after twice as long each time, up to 10 minutes', (t) => {
  const m = machine();
  launch(m, 'a');
  const times: number[] = [];
  let seen = 1;
  for (let second = 1; second <= 3000; second++) {
    m.advance(1000);
    if (m.updates('a').length > seen) times.push(second);
    seen = m.updates('a').length;
  }
  t.deepEqual(times, [10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
  t.is(new Set(m.updates('a').map(({ status }) => status.uuid)).size, 1);
});

test('a task that ends behind an update in flight gives its resources back soon: the update comes again, with the end', (t) => {
  const m = machine();
  launch(m, 'a');
  m.exit(m.containerOf('a'), { code: 0 });
  m.settle();
  t.is(m.updates('a').length, 1);
  m.advance(1000);
  t.deepEqual(m.updates('a').map(({ status, latestState }) => [status.state, latestState]), [
    ['TASK_STARTING', 'TASK_STARTING'],
    ['TASK_STARTING', 'TASK_FINISHED'],
  ]);
});

test('a wrong or old acknowledgement changes nothing', (t) => {
  const m = machine();
  launch(m, 'a');
  const first = m.updates('a')[0]!.status.uuid!;
  m.say({ type: 'ACKNOWLEDGE', frameworkId: 'f', taskId: 'a', uuid: 'another' });
  t.is(m.updates('a').length, 1);
  m.acknowledge('a');
  m.say({ type: 'ACKNOWLEDGE', frameworkId: 'f', taskId: 'a', uuid: first });
  t.deepEqual(m.states('a'), ['TASK_STARTING', 'TASK_RUNNING']);
});

test('a new session gets the whole list, and then every update that is not acknowledged', (t) => {
  const m = machine();
  launch(m, 'a');
  acknowledgeAll(m, 'a');
  launch(m, 'b');
  m.apply({ type: 'sessionClosed' });
  m.exit(m.containerOf('a'), { code: 1 });
  m.settle();
  const before = m.sent.length;
  m.connect();
  t.like(m.sent[before], {
    type: 'REGISTER_AGENT',
    tasks: [
      { taskId: 'a', state: 'TASK_FAILED', status: { state: 'TASK_FAILED' } },
      { taskId: 'b', state: 'TASK_RUNNING', status: { state: 'TASK_STARTING' } },
    ],
  });
  t.deepEqual(m.sent.slice(before + 1).map((message) => message.type === 'UPDATE' && message.status.taskId), ['a', 'b']);
});

test('a launch that does not fit, is not valid or comes twice', (t) => {
  const m = machine();
  launch(m, 'big', {}, resources({ cpus: 5 }));
  t.like(m.updates('big')[0]!.status, {
    state: 'TASK_DROPPED', reason: 'REASON_INVALID_OFFERS',
    message: 'It needs cpus:5, and only cpus:4;mem:1024;ports:[31000-31009] is free',
  });
  launch(m, 'port', {}, resources({ ports: [31000, 31000] }));
  launch(m, 'same-port', {}, resources({ ports: [31000, 31000] }));
  t.is(m.states('same-port')[0], 'TASK_DROPPED');
  const invalid: [string, Partial<TaskBody>, RegExp][] = [
    ['check', { healthCheck: { type: 'HTTP' } }, /healthCheck.http is needed/],
    ['limit', { limits: { mem: 1000 } }, /limits.mem must be at least the request of 100, got 1/],
    ['bad/id', {}, /taskId must hold no control character/],
  ];
  for (const [taskId, body, message] of invalid) {
    launch(m, taskId, body);
    t.is(m.states(taskId)[0], 'TASK_ERROR');
    t.regex(m.updates(taskId)[0]!.status.message!, message);
  }
  m.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [{ ...fakeTask('id-1', 'garbled'), body: new Uint8Array([1]) }] });
  t.is(m.updates('garbled')[0]!.status.reason, 'REASON_TASK_INVALID');
  launch(m, 'port');
  t.is(m.launches.length, 1);
  m.say({ type: 'LAUNCH', frameworkId: '../f', role: '*', tasks: [fakeTask('id-1', 'x')] });
  t.is(m.launches.length, 1);
  acknowledgeAll(m, 'big');
  t.false(m.core!.view().tasks.some(({ taskId }) => taskId === 'big'));
});

test('kill: SIGTERM, then by force after the grace period, which another kill may only shorten', (t) => {
  const m = machine({ endsOnTerm: false });
  launch(m, 'a', { killPolicy: { gracePeriodSeconds: 30 } });
  acknowledgeAll(m, 'a');
  const kill = (gracePeriodSeconds: number) =>
    m.say({ type: 'KILL', frameworkId: 'f', taskId: 'a', killPolicy: { gracePeriodSeconds } });
  m.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  t.deepEqual(m.containers.get(m.containerOf('a'))!.signals, ['SIGTERM']);
  kill(100);
  kill(5);
  m.advance(4999);
  t.is(m.containers.get(m.containerOf('a'))!.state, 'running');
  m.advance(1);
  t.deepEqual(acknowledgeAll(m, 'a').slice(2), ['TASK_KILLING', 'TASK_KILLED']);
  t.like(m.updates('a').at(-1)!.status, { exit: { signal: 'SIGKILL' }, message: 'Killed on request' });
});

test('a task killed before it runs is KILLED_DURING_LAUNCH, wherever its launch is', (t) => {
  const recording = machine();
  recording.apply({ type: 'message', message: { type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'a')] } });
  recording.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  const launching = machine({ startsAtOnce: false });
  launch(launching, 'a');
  launching.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  for (const m of [recording, launching]) {
    t.deepEqual(acknowledgeAll(m, 'a'), ['TASK_STARTING', 'TASK_KILLED']);
    t.is(m.updates('a').at(-1)!.status.reason, 'REASON_TASK_KILLED_DURING_LAUNCH');
    t.is(m.containers.size, 0);
  }
  t.is(recording.launches.length, 0);
});

test('a removed framework: its tasks end, nothing is kept for it, the master hears of the end once', (t) => {
  const m = machine();
  launch(m, 'a');
  launch(m, 'b');
  m.exit(m.containerOf('b'), { code: 0 });
  m.settle();
  m.say({ type: 'SHUTDOWN_FRAMEWORK', frameworkId: 'f' });
  m.advance(3_600_000);
  t.is(m.core!.view().tasks.length, 0);
  t.deepEqual([...m.disk.keys()], ['agent']);
  t.deepEqual(m.states('a').filter((state) => state === 'TASK_KILLED').length, 1);

  const away = machine({ endsOnTerm: false });
  launch(away, 'a');
  away.apply({ type: 'sessionClosed' });
  away.connect(['f']);
  away.advance(3000);
  t.is(away.core!.view().tasks.length, 0);
});

test('without a master, only tasks that want it are stopped, and only after their time', (t) => {
  const m = machine();
  launch(m, 'stop', { onUnreachable: { stopAfterSeconds: 60 } });
  launch(m, 'keep', { onUnreachable: 'keep' });
  m.apply({ type: 'sessionClosed' });
  m.advance(59_000);
  m.connect();
  m.advance(100_000);
  t.is(m.containers.size, 2, 'with a master again there is no reason any more');
  m.apply({ type: 'sessionClosed' });
  m.advance(60_000);
  m.connect();
  acknowledgeAll(m, 'stop');
  t.like(m.updates('stop').at(-1)!.status, { state: 'TASK_KILLED', reason: 'REASON_UNREACHABLE_STOPPED' });
  t.is(acknowledgeAll(m, 'keep').at(-1), 'TASK_RUNNING');
});

test('health: changes are told, failures kill after the limit, nothing counts in the grace period', (t) => {
  let healthy = false;
  const m = machine({ check: () => ({ healthy, message: healthy ? 'fine' : 'connection refused' }) });
  const healthCheck = {
    type: 'TCP', tcp: { port: 80 }, delaySeconds: 0, intervalSeconds: 1, gracePeriodSeconds: 10, consecutiveFailures: 3,
  } as const;
  launch(m, 'a', { healthCheck });
  launch(m, 'never', { healthCheck: { ...healthCheck, consecutiveFailures: 0 } });
  acknowledgeAll(m, 'a');
  m.advance(5000);
  t.is(m.updates('a').length, 2, 'failures in the grace period are not told');
  healthy = true;
  m.advance(1000);
  acknowledgeAll(m, 'a');
  t.like(m.updates('a').at(-1)!.status, {
    state: 'TASK_RUNNING', healthy: true, reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
  });
  m.advance(10_000);
  t.is(m.updates('a').length, 3);
  healthy = false;
  m.advance(3000);
  acknowledgeAll(m, 'a');
  t.deepEqual(m.states('a').slice(3), ['TASK_RUNNING', 'TASK_KILLING', 'TASK_FAILED']);
  t.like(m.updates('a').at(-1)!.status, { reason: 'REASON_TASK_HEALTH_CHECK_FAILED', healthy: false });
  t.regex(m.updates('a').at(-1)!.status.message!, /3 times in a row; the last time: connection refused/);
  m.advance(10_000);
  acknowledgeAll(m, 'never');
  t.like(m.updates('never').at(-1)!.status, { state: 'TASK_RUNNING', healthy: false });
});

test('the result of a check that was under way when its task was killed changes nothing', (t) => {
  const m = machine({ endsOnTerm: false });
  launch(m, 'a', { healthCheck: { type: 'TCP', tcp: { port: 80 }, delaySeconds: 0, intervalSeconds: 1, gracePeriodSeconds: 0 } });
  m.advance(1000);
  const check = m.history.findLast((effect) => effect.type === 'check');
  acknowledgeAll(m, 'a');
  m.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  const result = { healthy: false, message: 'late' };
  m.apply({ type: 'checkResult', containerId: check!.containerId, number: check!.number, result });
  m.settle();
  t.is(acknowledgeAll(m, 'a').at(-1), 'TASK_KILLING');
});

test('a flapping task whose framework is away does not fill the disk', (t) => {
  let healthy = false;
  const m = machine({ check: () => ({ healthy: (healthy = !healthy), message: '' }) });
  launch(m, 'a', { healthCheck: { type: 'TCP', tcp: { port: 80 }, delaySeconds: 0, intervalSeconds: 1 } });
  m.advance(100_000);
  t.true(m.core!.view().tasks[0]!.pendingUpdates <= 2);
});

test('stop: every task ends, and the agent says so when all is acknowledged or the time is over', (t) => {
  const m = machine();
  launch(m, 'a');
  m.apply({ type: 'stopTasks' });
  m.settle();
  launch(m, 'late');
  t.is(m.states('late')[0], 'TASK_DROPPED');
  acknowledgeAll(m, 'late');
  t.is(m.stopped, undefined);
  acknowledgeAll(m, 'a');
  t.is(m.stopped, 'stopTasks');

  const alone = machine();
  launch(alone, 'a');
  alone.apply({ type: 'stopTasks' });
  alone.settle();
  alone.advance(20_000);
  t.is(alone.stopped, 'stopTasks');
  t.is(alone.core!.view().tasks.length, 1, 'what was not acknowledged stays on disk');
});

test('an agent marked gone ends everything and forgets its id', (t) => {
  const m = machine();
  launch(m, 'a');
  m.say({ type: 'ERROR', code: 'AGENT_GONE', message: 'marked gone' });
  t.is(m.stopped, 'gone');
  t.deepEqual([...m.disk.keys()], []);
});

test('the same inputs give the same effects', (t) => {
  const run = () => {
    const m = machine();
    launch(m, 'a', { healthCheck: { type: 'TCP', tcp: { port: 1 } } });
    launch(m, 'b');
    m.advance(50_000);
    m.say({ type: 'KILL', frameworkId: 'f', taskId: 'b' });
    acknowledgeAll(m, 'a');
    m.crash();
    m.boot();
    m.settle();
    m.connect();
    return m.history;
  };
  t.deepEqual(run(), run());
});
