import test from 'ava';
import { resources, type TaskStatus } from '@proffer/sdk/model';
import type { AgentToExecutor } from '@proffer/sdk/protocol';
import { fakeTask, FakeMachine, type FakeMachineOptions } from '../testing/fake-machine.js';

const executor = { executorId: 'e', command: { shell: true, value: './executor' }, resources: resources({ cpus: 0.1, mem: 32 }) };

function machine(options: FakeMachineOptions = {}): FakeMachine {
  const made = new FakeMachine({ endsOnTerm: true, ...options });
  made.boot();
  made.settle();
  made.connect();
  return made;
}

function launch(on: FakeMachine, ...taskIds: string[]): void {
  const tasks = taskIds.map((taskId) => fakeTask(on.core!.agentId, taskId, { executor }));
  on.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks });
}

function subscribe(on: FakeMachine, peer: string, unacknowledgedUpdates: TaskStatus[] = [], token?: string): void {
  const environment = new Map(on.containers.get(on.containerOf('e'))?.spec.environment ?? []);
  const shown = token ?? environment.get('PROFFER_EXECUTOR_TOKEN')!;
  const message = { type: 'SUBSCRIBE', frameworkId: 'f', executorId: 'e', token: shown, unacknowledgedUpdates } as const;
  on.apply({ type: 'executorMessage', peer, message });
  on.settle();
}

function report(on: FakeMachine, peer: string, taskId: string, state: TaskStatus['state'], uuid = `${taskId} ${state}`): void {
  on.apply({ type: 'executorMessage', peer, message: { type: 'UPDATE', status: said(taskId, state, uuid) } });
  on.settle();
}

function said(taskId: string, state: TaskStatus['state'], uuid = `${taskId} ${state}`): TaskStatus {
  return { taskId, state, source: 'SOURCE_EXECUTOR', timestamp: 5, uuid };
}

function heard(on: FakeMachine, peer: string): string[] {
  const name = (message: AgentToExecutor) => {
    if (message.type === 'LAUNCH') return `LAUNCH ${message.task.taskId}`;
    return 'taskId' in message ? `${message.type} ${message.taskId}` : message.type;
  };
  return on.sentToExecutors.filter((sent) => sent.peer === peer).map(({ message }) => name(message));
}

function acknowledgeAll(on: FakeMachine, taskId: string): string[] {
  for (let count = -1; count !== on.updates(taskId).length; ) {
    count = on.updates(taskId).length;
    on.acknowledge(taskId);
  }
  return on.states(taskId);
}

test('one container for all tasks of an executor; they wait until it has subscribed with its token', (t) => {
  const m = machine();
  launch(m, 'a', 'b');
  t.is(m.launches.length, 1);
  const container = m.containers.get(m.containerOf('e'))!;
  t.is(container.resources.cpus, 2100);
  t.is(m.core!.view().used.cpus, 2100);
  t.deepEqual(m.links, ['a', 'b'], 'the sandbox can be read under each task');
  subscribe(m, 'p', [], 'guess');
  t.deepEqual([heard(m, 'p'), m.resets.map(({ peer }) => peer)], [['ERROR'], ['p']]);
  subscribe(m, 'q');
  t.deepEqual(heard(m, 'q'), ['SUBSCRIBED', 'LAUNCH a', 'LAUNCH b']);
  launch(m, 'c');
  t.is(heard(m, 'q').at(-1), 'LAUNCH c');
  t.is(container.resources.cpus, 3100);
});

test('an update is on disk before the executor may forget it, and one that comes twice is passed on once', (t) => {
  const m = machine();
  launch(m, 'a');
  subscribe(m, 'p');
  m.apply({ type: 'executorMessage', peer: 'p', message: { type: 'UPDATE', status: said('a', 'TASK_RUNNING') } });
  t.deepEqual([heard(m, 'p').length, m.states('a').length], [2, 0]);
  m.settle();
  t.is(heard(m, 'p').at(-1), 'ACKNOWLEDGED a');
  t.like(m.updates('a')[0]!.status, {
    state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', executorId: 'e', agentId: 'id-1', timestamp: 5,
  });
  m.acknowledge('a');
  report(m, 'p', 'a', 'TASK_RUNNING');
  t.is(heard(m, 'p').filter((name) => name === 'ACKNOWLEDGED a').length, 2);
  t.is(m.states('a').length, 1);
  report(m, 'p', 'a', 'TASK_FINISHED');
  report(m, 'p', 'a', 'TASK_FAILED');
  t.deepEqual(acknowledgeAll(m, 'a'), ['TASK_RUNNING', 'TASK_FINISHED']);
  t.is(m.core!.view().used.cpus, 100, 'the idle executor runs on');
  t.is(m.containers.get(m.containerOf('e'))!.resources.cpus, 100);
});

test('updates that an executor must not send are refused and change nothing', (t) => {
  const m = machine();
  launch(m, 'a');
  report(m, 'stranger', 'a', 'TASK_RUNNING');
  subscribe(m, 'p');
  report(m, 'p', 'a', 'TASK_UNREACHABLE');
  t.is(heard(m, 'p').at(-1), 'ACKNOWLEDGED a', 'or it would come again and again');
  t.regex(m.logs.at(-1)!, /update of executor e dropped: .* got TASK_UNREACHABLE for task a/);
  t.deepEqual(m.states('a'), []);
  t.deepEqual(m.resets.map(({ peer }) => peer), ['stranger']);
});

test('an executor that does not subscribe within a minute of its start is ended', (t) => {
  const m = machine({ startsAtOnce: false });
  launch(m, 'a');
  m.advance(600_000);
  t.is(m.containers.size, 1, 'fetching does not count');
  m.started(m.containerOf('e'));
  m.settle();
  m.advance(60_000);
  t.like(m.updates('a')[0]!.status, { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT' });
  t.is(m.containers.size, 0);
});

test('when an executor dies its tasks are GONE, or FAILED where a limit was hit, or DROPPED if it never got them', (t) => {
  const died = machine();
  launch(died, 'a');
  subscribe(died, 'p');
  report(died, 'p', 'a', 'TASK_RUNNING');
  died.exit(died.containerOf('e'), { code: 9 });
  died.settle();
  t.like(died.sent.at(-1), { type: 'EXECUTOR_EXITED', executorId: 'e', status: 9 });
  acknowledgeAll(died, 'a');
  t.like(died.updates('a').at(-1)!.status, { state: 'TASK_GONE', reason: 'REASON_EXECUTOR_TERMINATED' });
  t.is(died.core!.view().used.cpus, 0);
  t.deepEqual([...died.disk.keys()], ['agent']);
  launch(died, 'again');
  t.is(died.launches.length, 2, 'the next task gets a new one');

  const limited = machine();
  launch(limited, 'a');
  subscribe(limited, 'p');
  const limitation = { reason: 'memory', message: 'too much', resources: resources({ mem: 50 }) } as const;
  limited.exit(limited.containerOf('e'), { signal: 'SIGKILL', limitation });
  limited.settle();
  t.is(limited.updates('a')[0]!.status.reason, 'REASON_CONTAINER_LIMITATION_MEMORY');

  const early = machine();
  launch(early, 'a');
  early.exit(early.containerOf('e'), { code: 1 });
  early.settle();
  t.is(early.states('a')[0], 'TASK_DROPPED');
});

test('kill: the executor is asked; a task it never got ends at once, and so does an executor nobody needs', (t) => {
  const m = machine();
  launch(m, 'a', 'b');
  m.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  t.like(m.updates('a')[0]!.status, { state: 'TASK_KILLED', reason: 'REASON_TASK_KILLED_DURING_LAUNCH' });
  subscribe(m, 'p');
  m.say({ type: 'KILL', frameworkId: 'f', taskId: 'b', killPolicy: { gracePeriodSeconds: 7 } });
  t.deepEqual(m.sentToExecutors.at(-1)!.message, { type: 'KILL', taskId: 'b', killPolicy: { gracePeriodSeconds: 7 } });

  const unneeded = machine();
  launch(unneeded, 'a');
  unneeded.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  t.is(unneeded.containers.size, 0);
});

test('shutdown: SHUTDOWN, and the end by force after 5 s', (t) => {
  const m = machine();
  launch(m, 'a');
  subscribe(m, 'p');
  report(m, 'p', 'a', 'TASK_RUNNING');
  m.say({ type: 'SHUTDOWN_EXECUTOR', frameworkId: 'f', executorId: 'e' });
  t.deepEqual(m.sentToExecutors.at(-1)!.message, { type: 'SHUTDOWN', gracePeriodSeconds: 5 });
  launch(m, 'late');
  t.like(m.updates('late')[0]!.status, { state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED' });
  m.advance(4999);
  t.is(m.containers.size, 1);
  m.advance(1);
  acknowledgeAll(m, 'a');
  t.like(m.updates('a').at(-1)!.status, { state: 'TASK_KILLED', reason: 'REASON_EXECUTOR_TERMINATED' });
});

test('messages pass both ways while there is somebody to hear them', (t) => {
  const m = machine();
  launch(m, 'a');
  const data = new Uint8Array([1, 2]);
  m.say({ type: 'MESSAGE', frameworkId: 'f', executorId: 'e', data });
  subscribe(m, 'p');
  m.say({ type: 'MESSAGE', frameworkId: 'f', executorId: 'e', data });
  t.is(heard(m, 'p').filter((name) => name === 'MESSAGE').length, 1);
  m.apply({ type: 'executorMessage', peer: 'p', message: { type: 'MESSAGE', data } });
  t.deepEqual(m.sent.at(-1), { type: 'MESSAGE', frameworkId: 'f', executorId: 'e', data });
  m.apply({ type: 'executorClosed', peer: 'p' });
  m.say({ type: 'MESSAGE', frameworkId: 'f', executorId: 'e', data });
  t.is(heard(m, 'p').filter((name) => name === 'MESSAGE').length, 1);
});

test('after a restart of the agent the executor comes back with what was not acknowledged; one that does not is ended', (t) => {
  const m = machine();
  launch(m, 'a', 'b');
  subscribe(m, 'p');
  report(m, 'p', 'a', 'TASK_RUNNING');
  m.acknowledge('a');
  m.crash();
  m.boot();
  m.settle();
  m.connect();
  t.like(m.sent.findLast((message) => message.type === 'REGISTER_AGENT'), {
    executors: [{ executorId: 'e' }],
    tasks: [{ taskId: 'a', executorId: 'e' }, { taskId: 'b' }],
  });
  subscribe(m, 'q', [said('a', 'TASK_RUNNING'), said('a', 'TASK_FINISHED')]);
  t.deepEqual(heard(m, 'q'), ['SUBSCRIBED', 'ACKNOWLEDGED a', 'LAUNCH b', 'ACKNOWLEDGED a']);
  t.deepEqual(acknowledgeAll(m, 'a'), ['TASK_RUNNING', 'TASK_FINISHED']);
  m.crash();
  m.boot();
  m.settle();
  m.connect();
  m.advance(15_000);
  t.like(m.updates('b')[0]!.status, { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT' });
});

test('an executor that does not end a task out of reach is ended itself', (t) => {
  const m = machine();
  m.say({
    type: 'LAUNCH', frameworkId: 'f', role: '*',
    tasks: [fakeTask('id-1', 'a', { executor, onUnreachable: { stopAfterSeconds: 30 } })],
  });
  subscribe(m, 'p');
  report(m, 'p', 'a', 'TASK_RUNNING');
  m.apply({ type: 'sessionClosed' });
  m.advance(30_000);
  t.is(heard(m, 'p').at(-1), 'KILL a');
  m.advance(3000);
  t.is(heard(m, 'p').at(-1), 'SHUTDOWN');
  m.advance(5000);
  t.is(m.containers.size, 0);
  m.connect();
  acknowledgeAll(m, 'a');
  t.like(m.updates('a').at(-1)!.status, { state: 'TASK_KILLED', reason: 'REASON_UNREACHABLE_STOPPED' });
});

test('an executor of another command under the same id is refused', (t) => {
  const m = machine();
  launch(m, 'a');
  const other = { ...executor, command: { shell: true, value: './other' } };
  m.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'b', { executor: other })] });
  t.is(m.states('b')[0], 'TASK_ERROR');
});
