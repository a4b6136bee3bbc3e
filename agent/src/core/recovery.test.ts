import test, { type ExecutionContext } from 'ava';
import { isTerminal, resources } from '@proffer/sdk/model';
import { Crash, fakeTask, FakeMachine } from '../testing/fake-machine.js';

/** Doing something on the machine; where the agent dies of it, it is started again and finds its master. */
function survive(m: FakeMachine, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  // The restart may be hit by the planned crash as well.
  while (m.core === undefined) {
    try {
      m.boot();
      m.settle();
      m.connect();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

/** Acknowledges everything, until nothing is waiting. */
function drain(m: FakeMachine): void {
  for (let round = 0; round < 20; round++) {
    for (const { taskId, pendingUpdates } of m.core?.view().tasks ?? []) {
      if (pendingUpdates > 0 && m.updates(taskId).length > 0) survive(m, () => m.acknowledge(taskId));
    }
    survive(m, () => m.settle());
  }
}

/** A task that is killed, one that fails, one of an executor; crashes after so many effects, and so many more. */
function story(...crashes: number[]): FakeMachine {
  const m = new FakeMachine();
  m.crashes = crashes;
  survive(m, () => {
    m.boot();
    m.settle();
    m.connect();
  });
  const agentId = m.core!.agentId;
  const executor = { executorId: 'e', command: { shell: true, value: './e' }, resources: resources({ cpus: 0.1 }) };
  const tasks = [fakeTask(agentId, 'fails'), fakeTask(agentId, 'killed'), fakeTask(agentId, 'hosted', { executor })];
  survive(m, () => m.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks }));
  drain(m);
  const known = new Set(m.core!.view().tasks.map(({ taskId }) => taskId));
  for (const [containerId, container] of m.containers) {
    if (container.spec.taskId === 'fails') survive(m, () => (m.exit(containerId, { code: 3 }), m.settle()));
  }
  // Requests are not repeated by the agent: whoever asks, asks again when nothing comes of it.
  for (let attempt = 0; attempt < 2; attempt++) {
    if (known.has('killed')) survive(m, () => m.say({ type: 'KILL', frameworkId: 'f', taskId: 'killed' }));
    survive(m, () => m.say({ type: 'SHUTDOWN_EXECUTOR', frameworkId: 'f', executorId: 'e' }));
    drain(m);
  }
  return m;
}

/** What must hold whatever the agent died of. */
function promises(t: ExecutionContext, m: FakeMachine, at: string): void {
  t.is(new Set(m.launches).size, m.launches.length, `${at}: no container is launched twice`);
  t.true(m.launches.length <= 3, `${at}: no task is launched twice`);
  t.is(m.containers.size, 0, `${at}: no container is left`);
  t.deepEqual([...m.disk.keys()], ['agent'], `${at}: nothing is left on disk`);
  for (const taskId of ['fails', 'killed', 'hosted']) {
    const states = m.states(taskId);
    const ended = states.findIndex((state) => isTerminal(state as never));
    t.true(ended >= 0 || states.length === 0, `${at}: ${taskId} was accepted, so its end is told: ${states.join(' ')}`);
    const after = ended < 0 ? [] : states.slice(ended);
    t.true(after.every((state) => state === after[0]), `${at}: nothing after the end: ${states.join(' ')}`);
    const order = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];
    const ranks = states.map((state) => (isTerminal(state as never) ? order.length : order.indexOf(state)));
    t.deepEqual(ranks, ranks.toSorted((a, b) => a - b), `${at}: updates come in order: ${states.join(' ')}`);
  }
  const failed = m.updates('fails').at(-1)?.status;
  if (failed === undefined || (failed.state === 'TASK_DROPPED' && !m.states('fails').includes('TASK_RUNNING'))) return;
  t.like(failed, { state: 'TASK_FAILED', exit: { code: 3 } }, `${at}: the exit code is not lost`);
}

test('a crash between any two effects loses nothing that was promised', (t) => {
  const whole = story();
  promises(t, whole, 'no crash');
  t.deepEqual(whole.states('fails'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
  t.deepEqual(whole.states('killed'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
  t.true(whole.history.length > 40);
  for (let crashIn = 0; crashIn < whole.history.length; crashIn++) {
    promises(t, story(crashIn), `crash at effect ${crashIn} (${whole.history[crashIn]!.type})`);
    for (const again of [0, 1, 2, 3, 5, 8, 13]) {
      promises(t, story(crashIn, again), `crash at effect ${crashIn}, and ${again} later`);
    }
  }
});

test('after kill -9 the same container goes on, and its exit code arrives', (t) => {
  const m = new FakeMachine();
  m.boot();
  m.settle();
  m.connect();
  m.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'a'), fakeTask('id-1', 'b')] });
  m.acknowledge('a');
  m.acknowledge('a');
  m.crash();
  m.exit(m.containerOf('b'), { code: 7 });
  m.boot();
  t.is(m.sent.filter(({ type }) => type === 'REGISTER_AGENT').length, 1, 'it registers only once it knows what is left');
  m.settle();
  m.connect();
  t.is(m.launches.length, 2);
  t.is(m.states('a').length, 2, 'nothing new is said about a task that simply runs');
  m.exit(m.containerOf('a'), { code: 5 });
  m.settle();
  t.like(m.updates('a').at(-1)!.status, { state: 'TASK_FAILED', exit: { code: 5 } });
  m.acknowledge('b');
  m.acknowledge('b');
  t.like(m.updates('b').at(-1)!.status, { state: 'TASK_FAILED', exit: { code: 7 } });
});

test('what became of a container while the agent was away', (t) => {
  const rebooted = new FakeMachine();
  rebooted.boot();
  rebooted.settle();
  rebooted.connect();
  rebooted.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'ran')] });
  rebooted.acknowledge('ran');
  rebooted.acknowledge('ran');
  rebooted.crash();
  rebooted.exit(rebooted.containerOf('ran'), { lost: 'the machine was restarted' });
  rebooted.boot();
  rebooted.settle();
  rebooted.connect();
  t.like(rebooted.updates('ran').at(-1)!.status, { state: 'TASK_LOST', reason: 'REASON_AGENT_RESTARTED' });

  const fetching = new FakeMachine({ startsAtOnce: false });
  fetching.boot();
  fetching.settle();
  fetching.connect();
  fetching.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'fetched')] });
  fetching.acknowledge('fetched');
  fetching.crash();
  fetching.boot();
  fetching.settle();
  fetching.connect();
  t.like(fetching.updates('fetched').at(-1)!.status, { state: 'TASK_DROPPED', reason: 'REASON_AGENT_RESTARTED' });
});

test('a kill that was under way goes on with what is left of its grace period; health checks go on too', (t) => {
  const m = new FakeMachine({ endsOnTerm: false });
  m.boot();
  m.settle();
  m.connect();
  const healthCheck = { type: 'TCP', tcp: { port: 1 }, delaySeconds: 0, intervalSeconds: 1 } as const;
  const tasks = [fakeTask('id-1', 'a', { killPolicy: { gracePeriodSeconds: 10 } }), fakeTask('id-1', 'b', { healthCheck })];
  m.say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks });
  m.say({ type: 'KILL', frameworkId: 'f', taskId: 'a' });
  m.advance(4000);
  m.crash();
  m.advance(3000);
  m.boot();
  m.settle();
  m.connect();
  t.deepEqual(m.containers.get(m.containerOf('a'))!.signals, ['SIGTERM', 'SIGTERM']);
  const checks = m.history.filter(({ type }) => type === 'check').length;
  m.advance(2999);
  t.true(m.history.filter(({ type }) => type === 'check').length >= checks + 2);
  t.is(m.containers.get(m.containerOf('a'))!.state, 'running');
  m.advance(1);
  for (let i = 0; i < 4; i++) m.acknowledge('a');
  t.is(m.states('a').at(-1), 'TASK_KILLED');
});

test('containers that nobody knows are not in the list of those to recover', (t) => {
  const m = new FakeMachine();
  m.boot();
  m.settle();
  m.connect();
  m.apply({ type: 'message', message: { type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [fakeTask('id-1', 'a')] } });
  m.crash();
  m.boot();
  t.deepEqual(m.history.findLast(({ type }) => type === 'recover'), { type: 'recover', specs: [] });
});
