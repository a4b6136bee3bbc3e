import { parseResources } from '@proffer/sdk/model';
import type { SchedulerCall } from '@proffer/sdk/protocol';
import test from 'ava';
import { demand, launch, START, Story } from './story.test-helper.js';
import type { Input } from './types.js';

/** One agent with 4 cpus and a framework that wants two tasks: F is `m1-0000`, its offer is O0. */
function begun(): Story {
  const story = new Story();
  story.agent('a', 'cpus:4;mem:1024');
  story.framework('f', { demand: [demand('web', 2, 'cpus:1;mem:128')] });
  return story;
}

function accept(story: Story, offers: string[], ...tasks: ReturnType<typeof launch>[]): string[] {
  return story.says(
    'f',
    { type: 'ACCEPT', offerIds: offers.map((id) => `m1-${id}`), operations: [{ type: 'LAUNCH', taskInfos: tasks }] },
  );
}

function acknowledge(story: Story, taskId: string, state: string, agentId = 'a'): string[] {
  return story.says('f', { type: 'ACKNOWLEDGE', agentId, taskId, uuid: `${taskId}-${state}` });
}

const F = 'm1-0000';

/** Two tasks, t1 and t2, that run on agent a. */
function running(): Story {
  const story = begun();
  accept(story, ['O0'], launch('t1', 'a', 'cpus:1;mem:128'), launch('t2', 'a', 'cpus:1;mem:128'));
  for (const taskId of ['t1', 't2']) {
    story.status('a', F, taskId, 'TASK_RUNNING');
    acknowledge(story, taskId, 'TASK_RUNNING');
  }
  return story;
}

/** How agent a brings t1 and t2 along when it registers again. */
const BROUGHT = ['t1', 't2'].map((taskId) => ({
  frameworkId: F,
  taskId,
  name: taskId,
  role: '*',
  resources: parseResources('cpus:1;mem:128'),
  state: 'TASK_RUNNING' as const,
  status: {
    taskId,
    state: 'TASK_RUNNING' as const,
    source: 'SOURCE_EXECUTOR' as const,
    timestamp: START / 1000,
    uuid: `${taskId}-TASK_RUNNING`,
    agentId: 'a',
  },
}));

test('a task from its offer to its acknowledged end', (t) => {
  const story = new Story();
  t.deepEqual(story.agent('a', 'cpus:4;mem:1024;ports:[31000-31009]'), ['persist agent a admitted', 'a < AGENT_REGISTERED a']);
  t.deepEqual(story.framework('f', { demand: [demand('web', 2, 'cpus:1;mem:128', { ports: 1 })] }), [
    'persist framework m1-0000',
    'f < SUBSCRIBED m1-0000',
    'f < OFFERS O0 a cpus:2;mem:256;ports:[31000-31001] webx2',
  ]);
  t.deepEqual(accept(story, ['O0'], launch('t1', 'a', 'cpus:1;mem:128;ports:[31001-31001]')), ['a < LAUNCH t1']);
  t.deepEqual(story.status('a', F, 't1', 'TASK_RUNNING'), ['f < UPDATE t1 TASK_RUNNING']);
  t.deepEqual(acknowledge(story, 't1', 'TASK_RUNNING'), ['a < ACKNOWLEDGE t1-TASK_RUNNING']);
  t.deepEqual(story.advance(4_999), [], 'the rest of the offer is refused for 5 s');
  t.deepEqual(story.advance(1), ['f < OFFERS O1 a cpus:1;mem:128;ports:[31002-31002] webx1']);
  t.deepEqual(story.says('f', { type: 'DEMAND', demand: [] }), []);
  t.deepEqual(story.says('f', { type: 'DECLINE', offerIds: ['m1-O1'] }), []);
  t.deepEqual(story.says('f', { type: 'KILL', taskId: 't1', killPolicy: { gracePeriodSeconds: 9 } }), ['a < KILL t1 in 9 s']);
  t.deepEqual(story.status('a', F, 't1', 'TASK_KILLED'), ['f < UPDATE t1 TASK_KILLED']);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 0, 'free before the end is acknowledged');
  t.deepEqual(story.core.snapshot().tasks.map(({ completed }) => completed), [false]);
  t.deepEqual(acknowledge(story, 't1', 'TASK_KILLED'), ['a < ACKNOWLEDGE t1-TASK_KILLED']);
  t.deepEqual(
    story.core.snapshot().tasks.map(({ completed, state }) => ({ completed, state })),
    [{ completed: true, state: 'TASK_KILLED' }],
  );
});

test('without demand nothing is offered; offers: all shows everything', (t) => {
  const story = new Story();
  story.agent('a', 'cpus:4;mem:1024');
  t.deepEqual(story.framework('f'), ['persist framework m1-0000', 'f < SUBSCRIBED m1-0000']);
  t.deepEqual(story.framework('g', { offers: 'all' }), [
    'persist framework m1-0001',
    'g < SUBSCRIBED m1-0001',
    'g < OFFERS O0 a cpus:4;mem:1024',
  ]);
  t.deepEqual(story.says('g', { type: 'DECLINE', offerIds: ['m1-O0'], filters: { refuseSeconds: 60 } }), []);
  t.deepEqual(story.says('g', { type: 'REVIVE' }), ['g < OFFERS O1 a cpus:4;mem:1024']);
  t.deepEqual(story.says('g', { type: 'SUPPRESS' }), []);
  t.deepEqual(story.advance(30_000), ['g < RESCIND O1'], 'held too long, and not offered again to one who wants none');
});

test('an offer that is held too long is rescinded, and offered again without a filter', (t) => {
  const story = begun();
  t.deepEqual(story.advance(29_999), []);
  t.deepEqual(story.advance(1), ['f < RESCIND O0', 'f < OFFERS O1 a cpus:2;mem:256 webx2']);
  t.deepEqual(
    accept(story, ['O0'], launch('t1', 'a', 'cpus:1;mem:128')),
    ['f < UPDATE t1 TASK_DROPPED REASON_INVALID_OFFERS (no uuid)'],
  );
});

test('one bad offer id spoils all of an ACCEPT, and nobody else', (t) => {
  const bad: [string, (story: Story) => string[]][] = [
    ['unknown', () => ['O0', 'O9']],
    ['twice', () => ['O0', 'O0']],
    ["another framework's", (story) => {
      story.framework('g', { offers: 'all' });
      return ['O0', 'O1'];
    }],
    [
      "another agent's",
      (story) => {
        story.agent('b', 'cpus:1;mem:128');
        story.says('f', { type: 'DEMAND', demand: [demand('web', 3, 'cpus:1;mem:128')] });
        return ['O0', 'O1'];
      },
    ],
  ];
  for (const [what, prepare] of bad) {
    const story = begun();
    const offers = prepare(story);
    const theirs = story.core.snapshot().offers.filter(({ frameworkId }) => frameworkId !== F);
    const lines = accept(story, offers, launch('t1', 'a', 'cpus:1;mem:128'), launch('t2', 'a', 'cpus:1;mem:128'));
    t.deepEqual(
      lines.slice(0, 2),
      ['t1', 't2'].map((id) => `f < UPDATE ${id} TASK_DROPPED REASON_INVALID_OFFERS (no uuid)`),
      what,
    );
    const view = story.core.snapshot();
    t.false(view.offers.some(({ offerId }) => offerId === 'm1-O0'), `${what}: the good offers are ended too`);
    t.deepEqual(view.offers.filter(({ frameworkId }) => frameworkId !== F), theirs, what);
    t.deepEqual(view.tasks, [], what);
  }
});

test('a bad task gets TASK_ERROR that names the field, and the others go on', (t) => {
  const executor = (executorId: string, resources: string) => ({
    executor: { executorId, resources: parseResources(resources) },
  });
  const bad: [RegExp, ReturnType<typeof launch>][] = [
    [/^taskId must hold no control/, launch('a/b', 'a', 'cpus:1')],
    [/^taskId must be new/, launch('good', 'a', 'cpus:1')],
    [/^agentId must be that of the offers/, launch('t', 'b', 'cpus:1')],
    [/^resources must not be empty/, launch('t', 'a', '')],
    [/^resources: the task needs cpus:9/, launch('t', 'a', 'cpus:9')],
    [/^resources: the task needs cpus:0.001 and its executor cpus:1,/, launch('t', 'a', 'cpus:0.001', executor('e', 'cpus:1'))],
    [
      /^resources: ports must be sorted/,
      { ...launch('t', 'a', 'cpus:1'), resources: { ...parseResources('cpus:1'), ports: [5, 4] } },
    ],
    [
      /^resources: the task needs cpus:0.1;rack:\{r\} and its executor/,
      launch('t', 'a', 'cpus:0.1;rack:{r}', executor('e', 'cpus:0.1;rack:1')),
    ],
    [/^executor.resources must not name ports/, launch('t', 'a', 'cpus:0.1;ports:[1-2]', executor('e', 'cpus:0.1;ports:[2-3]'))],
    [/^executor.executorId must not be/, launch('t', 'a', 'cpus:0.1', executor('..', 'cpus:0.1'))],
  ];
  for (const [message, task] of bad) {
    const story = begun();
    const good = [launch('good', 'a', 'cpus:1;mem:100'), launch('other', 'a', 'cpus:0.5;mem:100')];
    const effects = story.core.apply(
      {
        type: 'message',
        peer: 'f',
        principal: 'anonymous',
        message: { type: 'ACCEPT', offerIds: ['m1-O0'], operations: [{ type: 'LAUNCH', taskInfos: [good[0]!, task, good[1]!] }] },
      },
      START,
    );
    const [update, sent] = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
    if (update?.type !== 'UPDATE' || sent?.type !== 'LAUNCH') return t.fail('an UPDATE and a LAUNCH were expected');
    t.like(update.status, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', source: 'SOURCE_MASTER' });
    t.regex(update.status.message ?? '', message);
    t.deepEqual(sent.tasks.map(({ taskId }) => taskId), ['good', 'other']);
  }
});

test("an executor's own needs are counted once, until it ends", (t) => {
  const story = begun();
  const executor = { executorId: 'e', resources: parseResources('cpus:0.5') };
  story.says('f', { type: 'DEMAND', demand: [demand('web', 3, 'cpus:1;mem:128')] });
  accept(story, ['O0', 'O1'], launch('t1', 'a', 'cpus:1', { executor }), launch('t2', 'a', 'cpus:1', { executor }));
  const used = (): number => story.core.snapshot().agents[0]!.used.cpus;
  t.is(used(), 2_500);
  for (const taskId of ['t1', 't2']) story.status('a', F, taskId, 'TASK_FINISHED');
  t.is(used(), 500);
  t.true(
    story.says(
      'a',
      { type: 'EXECUTOR_EXITED', frameworkId: F, executorId: 'e', status: 0 },
    ).includes('f < FAILURE a executor e'),
  );
  t.is(used(), 0);
});

test('an executor that ends while tasks are on their way to it may be started again for them', (t) => {
  for (const [fate, usedThen, usedAtEnd] of [['TASK_LOST', 0, 0], ['TASK_RUNNING', 1_500, 500]] as const) {
    const story = begun();
    const executor = { executorId: 'e', resources: parseResources('cpus:0.5') };
    accept(story, ['O0'], launch('t1', 'a', 'cpus:1', { executor }));
    const used = (): number => story.core.snapshot().agents[0]!.used.cpus;
    story.says('a', { type: 'EXECUTOR_EXITED', frameworkId: F, executorId: 'e', status: 1 });
    t.is(used(), 1_500);
    story.status('a', F, 't1', fate);
    t.is(used(), usedThen);
    story.status('a', F, 't1', 'TASK_FINISHED');
    t.is(used(), usedAtEnd, 'a new run of it ends when its agent says so');
  }
});

test('a scheduler that says nothing of a failover timeout has a week', (t) => {
  const story = running();
  const WEEK_MS = 7 * 24 * 3600 * 1000;
  story.closes('f');
  t.deepEqual(story.advance(WEEK_MS - 1), []);
  t.deepEqual(story.advance(1)[0], 'persist framework m1-0000 removed');
});

test('updates: the head of the queue is told, the newest state frees; a terminal state is final', (t) => {
  const story = running();
  t.deepEqual(story.status('a', F, 't1', 'TASK_RUNNING', 'TASK_FINISHED'), ['f < UPDATE t1 TASK_RUNNING']);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 1_000, 'free although the framework was not told of the end yet');
  t.deepEqual(
    story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't1' }] }),
    ['f < UPDATE t1 TASK_RUNNING REASON_RECONCILIATION (no uuid)'],
  );
  story.status('a', F, 't1', 'TASK_FINISHED');
  story.status('a', F, 't1', 'TASK_RUNNING', 'TASK_RUNNING');
  t.is(story.core.snapshot().tasks.find(({ taskId }) => taskId === 't1')?.state, 'TASK_FINISHED');
  t.deepEqual(story.status('a', 'nobody', 't9', 'TASK_RUNNING'), ['a < SHUTDOWN_FRAMEWORK nobody']);
});

test('an agent whose link is reset: offers are rescinded, kills wait, and what its launch missed is dropped', (t) => {
  const story = begun();
  accept(story, ['O0'], launch('t1', 'a', 'cpus:1;mem:128'));
  story.status('a', F, 't1', 'TASK_RUNNING');
  story.advance(5_000);
  t.deepEqual(story.closes('a'), ['f < RESCIND O1']);
  t.deepEqual(story.says('f', { type: 'KILL', taskId: 't1' }), []);
  t.deepEqual(story.agent('a', 'cpus:2;mem:512', { peer: 'a2', tasks: [BROUGHT[0]!] }), [
    'a2 < AGENT_REGISTERED a',
    'a2 < KILL t1',
    'f < OFFERS O2 a cpus:1;mem:128 webx1',
  ], 'it came back smaller, and is accepted so');
  accept(story, ['O2'], launch('t3', 'a', 'cpus:1;mem:128'));
  story.closes('a2');
  t.deepEqual(story.agent('a', 'cpus:2;mem:512', { peer: 'a3', tasks: [BROUGHT[0]!] }), [
    'f < UPDATE t3 TASK_DROPPED REASON_AGENT_REREGISTERED (no uuid)',
    'a3 < AGENT_REGISTERED a',
  ]);
  t.deepEqual(story.agent('a', 'cpus:2;mem:512', { peer: 'a4' }), [
    'a3 is reset: UNKNOWN_SESSION',
    'f < UPDATE t1 TASK_LOST REASON_AGENT_REREGISTERED (no uuid)',
    'a4 < AGENT_REGISTERED a',
  ], 'the newest session wins');
  t.deepEqual(story.closes('a3'), [], 'the end of the older one means nothing');
});

test('an agent that stays away: the registry first, then the frameworks; on return its tasks run on', (t) => {
  const story = running();
  story.closes('a');
  story.holdWrites = true;
  t.deepEqual(story.advance(15_000), ['persist agent a unreachable']);
  t.deepEqual(story.durable(), [
    'f < UPDATE t1 TASK_UNREACHABLE REASON_AGENT_REMOVED (no uuid)',
    'f < UPDATE t2 TASK_UNREACHABLE REASON_AGENT_REMOVED (no uuid)',
    'f < FAILURE a',
  ]);
  t.deepEqual(story.says('f', { type: 'RECONCILE', tasks: [] }), [], 'all: without those out of reach');
  t.deepEqual(
    story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't1', agentId: 'a' }] }),
    ['f < UPDATE t1 TASK_UNREACHABLE REASON_RECONCILIATION (no uuid)'],
  );
  t.deepEqual(story.agent('a', 'cpus:4;mem:1024', { tasks: BROUGHT }), ['persist agent a admitted']);
  t.deepEqual(story.durable(), [
    'f < UPDATE t1 TASK_RUNNING REASON_AGENT_REREGISTERED (no uuid)',
    'f < UPDATE t2 TASK_RUNNING REASON_AGENT_REREGISTERED (no uuid)',
    'a < AGENT_REGISTERED a',
  ]);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 2_000);
  story.holdWrites = false;
  t.deepEqual(
    story.closes('a', 'PEER_LOST').slice(0, 1),
    ['persist agent a unreachable'],
    'who did not answer pings is lost at once',
  );
});

test('an agent that comes back while its loss is being written is not lost', (t) => {
  const story = running();
  story.closes('a');
  story.holdWrites = true;
  story.advance(15_000);
  t.deepEqual(story.agent('a', 'cpus:4;mem:1024', { tasks: BROUGHT }), ['persist agent a admitted']);
  t.deepEqual(story.durable(), ['a < AGENT_REGISTERED a']);
  t.deepEqual(story.core.snapshot().tasks.map(({ state }) => state), ['TASK_RUNNING', 'TASK_RUNNING']);
});

test('an agent marked gone never comes back', (t) => {
  const story = running();
  t.deepEqual(story.apply({ type: 'operator', call: { type: 'markAgentGone', agentId: 'a' } }), [
    'persist agent a gone',
    'f < UPDATE t1 TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED (no uuid)',
    'f < UPDATE t2 TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED (no uuid)',
    'f < FAILURE a',
    'a < ERROR AGENT_GONE',
    'a is reset: AGENT_GONE',
  ]);
  t.deepEqual(story.agent('a', 'cpus:4', { peer: 'a2' }), ['a2 < ERROR AGENT_GONE', 'a2 is reset: AGENT_GONE']);
  t.deepEqual(
    story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't1', agentId: 'a' }] }),
    ['f < UPDATE t1 TASK_GONE_BY_OPERATOR REASON_RECONCILIATION (no uuid)'],
  );
});

test('who a framework is: name and principal, or its id', (t) => {
  const story = begun();
  t.deepEqual(story.framework('f', { peer: 'f2' }), ['f2 < ERROR FRAMEWORK_NAME_IN_USE', 'f2 is reset: FRAMEWORK_NAME_IN_USE']);
  t.deepEqual(
    story.framework('f', { peer: 'p', principal: 'somebody' }),
    ['persist framework m1-0001', 'p < SUBSCRIBED m1-0001'],
  );
  t.deepEqual(story.framework('f', { peer: 'f2', frameworkInfo: { name: 'f', frameworkId: F } }), [
    'f < ERROR FRAMEWORK_FAILED_OVER',
    'f is reset: FRAMEWORK_FAILED_OVER',
    'f2 < SUBSCRIBED m1-0000',
  ]);
  t.deepEqual(story.closes('f'), [], 'the end of the old session means nothing');
  t.deepEqual(story.closes('f2'), ['persist framework m1-0000 away']);
  t.deepEqual(
    story.framework('f', { peer: 'f3' }),
    ['persist framework m1-0000', 'f3 < SUBSCRIBED m1-0000'],
    'it is away: the name is enough',
  );
  t.deepEqual(story.framework('x', { peer: 'x', principal: 'thief', frameworkInfo: { name: 'x', frameworkId: F } }), [
    'x < ERROR FRAMEWORK_NAME_IN_USE',
    'x is reset: FRAMEWORK_NAME_IN_USE',
  ]);
  t.deepEqual(story.says('stranger', { type: 'REVIVE' }), ['stranger is reset: NOT_REGISTERED']);
});

test('a scheduler that is away: its tasks run on, its updates wait, and then its time is up', (t) => {
  const story = running();
  t.deepEqual(story.closes('f'), ['persist framework m1-0000 away']);
  t.deepEqual(story.status('a', F, 't1', 'TASK_FINISHED'), []);
  t.deepEqual(story.framework('f', { peer: 'f2', frameworkInfo: { name: 'f', failoverTimeout: 60 } }), [
    'persist framework m1-0000',
    'f2 < SUBSCRIBED m1-0000',
    'f2 < UPDATE t1 TASK_FINISHED',
  ]);
  story.says('f2', { type: 'ACKNOWLEDGE', agentId: 'a', taskId: 't1', uuid: 't1-TASK_FINISHED' });
  story.closes('f2');
  t.deepEqual(story.advance(59_999), []);
  t.deepEqual(story.advance(1), ['persist framework m1-0000 removed', 'a < SHUTDOWN_FRAMEWORK m1-0000']);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 1_000, 'not free before the agent says that it ended');
  t.deepEqual(story.status('a', F, 't2', 'TASK_KILLED'), ['a < ACKNOWLEDGE t2-TASK_KILLED'], 'acknowledged in its place');
  t.is(story.core.snapshot().agents[0]!.used.cpus, 0);
  t.deepEqual(
    story.framework('f', { peer: 'f3', frameworkInfo: { name: 'f', frameworkId: F } }),
    ['f3 < ERROR FRAMEWORK_REMOVED', 'f3 is reset: FRAMEWORK_REMOVED'],
  );
  t.deepEqual(
    story.framework('f', { peer: 'f4' }),
    ['persist framework m1-0001', 'f4 < SUBSCRIBED m1-0001'],
    'the name is free again',
  );
  story.closes('a');
  t.deepEqual(story.agent('a', 'cpus:4;mem:1024', { tasks: BROUGHT }), ['a < AGENT_REGISTERED a without m1-0000']);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 2_000);
  story.advance(60_000);
  t.is(story.core.snapshot().agents[0]!.used.cpus, 0, 'an agent that never answers does not hold it for ever');
});

test('a second task of one id is told to end, and its framework never hears of it', (t) => {
  const story = running();
  t.deepEqual(story.agent('b', 'cpus:4', { tasks: [BROUGHT[0]!] }), [
    'persist agent b admitted',
    'b < AGENT_REGISTERED b',
    'b < KILL t1',
  ]);
  t.deepEqual(story.status('b', F, 't1', 'TASK_KILLED'), ['b < ACKNOWLEDGE t1-TASK_KILLED']);
  t.deepEqual(story.core.snapshot().tasks.map(({ taskId, agentId, state }) => [taskId, agentId, state]), [
    ['t1', 'a', 'TASK_RUNNING'],
    ['t2', 'a', 'TASK_RUNNING'],
  ]);
});

test('an id that a framework brings is kept, and never given to another', (t) => {
  const story = new Story();
  t.deepEqual(story.framework('f', { frameworkInfo: { name: 'f', frameworkId: 'm1-0000' } })[1], 'f < SUBSCRIBED m1-0000');
  t.deepEqual(story.framework('g')[1], 'g < SUBSCRIBED m1-0001');
});

test('an operator changes a weight: what is offered is shared out again, and the next master knows it', (t) => {
  const story = new Story();
  story.agent('a', 'cpus:8;mem:1024');
  for (const name of ['x', 'y']) {
    story.framework(name, { frameworkInfo: { name, roles: [name] }, demand: [demand('t', 8, 'cpus:1;mem:1')] });
  }
  const lines = story.apply({ type: 'operator', call: { type: 'setWeight', role: 'x', weight: 3 } });
  t.deepEqual(lines.slice(0, 2), ['persist setWeight', 'x < RESCIND O0']);
  t.like(story.core.roles().find(({ name }) => name === 'x'), { weight: 3 });
  const none: Input = { type: 'operator', call: { type: 'setWeight', role: 'x', weight: 0 } };
  t.throws(() => story.apply(none), { message: /must be above 0/ });
  story.failover();
  story.framework('x', { frameworkInfo: { name: 'x', roles: ['x'] } });
  t.like(story.core.roles().find(({ name }) => name === 'x'), { weight: 3 });
});

test('teardown ends the session and the tasks', (t) => {
  const story = running();
  t.deepEqual(story.says('f', { type: 'TEARDOWN' }), [
    'persist framework m1-0000 removed',
    'f < ERROR FRAMEWORK_REMOVED',
    'f is reset: FRAMEWORK_REMOVED',
    'a < SHUTDOWN_FRAMEWORK m1-0000',
  ]);
  t.throws(
    () => story.apply({ type: 'operator', call: { type: 'teardown', frameworkId: F } }),
    { name: 'OperatorError', message: /removed already/ },
  );
});

test('a new master: answers wait for agents that are still coming back, deadlines hold, and nobody loses a task', (t) => {
  const story = running();
  story.framework('g', { frameworkInfo: { name: 'g', failoverTimeout: 300 } });
  story.agent('b', 'cpus:1;mem:128');
  story.closes('g');
  t.deepEqual(story.failover(), ['persist framework m1-0000 away']);
  t.deepEqual(
    story.framework('f', { frameworkInfo: { name: 'f', frameworkId: F } }),
    ['persist framework m1-0000', 'f < SUBSCRIBED m1-0000'],
  );
  const asked = [{ taskId: 't1', agentId: 'a' }, { taskId: 't9', agentId: 'nowhere' }];
  t.deepEqual(story.says('f', { type: 'RECONCILE', tasks: asked }), [
    'f < UPDATE t9 TASK_UNKNOWN REASON_RECONCILIATION (no uuid)',
    'f < RECOVERING t1',
  ]);
  t.deepEqual(story.says('f', { type: 'KILL', taskId: 't2', agentId: 'a' }), ['f < RECOVERING t2']);
  t.deepEqual(story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't6' }] }), ['f < RECOVERING t6'], 'it may be anywhere');
  t.deepEqual(story.agent('a', 'cpus:4;mem:1024', { tasks: BROUGHT }), [
    'a < AGENT_REGISTERED a',
    'a < KILL t2',
    'f < UPDATE t1 TASK_RUNNING REASON_RECONCILIATION (no uuid)',
    'f < UPDATE t2 TASK_RUNNING REASON_RECONCILIATION (no uuid)',
  ], 'known already: no write, and what was asked is answered');
  t.deepEqual(story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't1', agentId: 'a' }, { taskId: 't8', agentId: 'a' }] }), [
    'f < UPDATE t1 TASK_RUNNING REASON_RECONCILIATION (no uuid)',
    'f < UPDATE t8 TASK_GONE REASON_RECONCILIATION (no uuid)',
  ]);
  t.deepEqual(story.advance(300_000), ['persist framework m1-0001 removed'], "g's deadline is that of the master before");
  t.deepEqual(story.advance(300_000), [
    'persist agent b unreachable',
    'f < UPDATE t6 TASK_UNKNOWN REASON_RECONCILIATION (no uuid)',
  ], 'b did not come back in ten minutes');
  t.deepEqual(
    story.says('f', { type: 'RECONCILE', tasks: [{ taskId: 't7', agentId: 'b' }] }),
    ['f < UPDATE t7 TASK_UNREACHABLE REASON_RECONCILIATION (no uuid)'],
  );
});

test('calls that cannot be are refused with the field, and change nothing', (t) => {
  const story = begun();
  const before = story.core.snapshot();
  const calls: SchedulerCall[] = [
    { type: 'DEMAND', demand: [demand('x', 1, 'cpus:1', { role: 'other' })] },
    { type: 'DEMAND', demand: [demand('x', 1, 'cpus:1'), demand('x', 1, 'cpus:1')] },
    { type: 'DEMAND', demand: [demand('x', 1, '')] },
    { type: 'SUPPRESS', roles: ['other'] },
    { type: 'REVIVE', roles: ['other'] },
    { type: 'UPDATE_FRAMEWORK', frameworkInfo: { name: 'f', roles: ['a b'] } },
    { type: 'UPDATE_FRAMEWORK', frameworkInfo: { name: 'f', frameworkId: 'other' } },
  ];
  for (const call of calls) {
    t.deepEqual(story.says('f', call), ['f < REJECTED INVALID_MESSAGE'], JSON.stringify(call));
  }
  t.deepEqual(story.core.snapshot(), before);
  t.deepEqual(
    story.framework('h', { frameworkInfo: { name: 'h', roles: ['../x'] } }),
    ['h < ERROR INVALID_MESSAGE', 'h is reset: INVALID_MESSAGE'],
  );
  t.deepEqual(story.agent('../a', 'cpus:1', { peer: 'z' }), ['z < ERROR INVALID_MESSAGE', 'z is reset: INVALID_MESSAGE']);
  t.throws(
    () => story.apply({ type: 'operator', call: { type: 'killTask', frameworkId: F, taskId: 'no' } }),
    { message: /has no task "no"/ },
  );
  t.throws(() => story.apply({ type: 'operator', call: { type: 'markAgentGone', agentId: 'no' } }), { message: /no agent "no"/ });
});

test('who subscribes or registers again and is refused is gone, and may come back', (t) => {
  const story = begun();
  t.deepEqual(story.framework('f', { frameworkInfo: { name: 'f', roles: ['a b'] } }), [
    'f < ERROR INVALID_MESSAGE',
    'f is reset: INVALID_MESSAGE',
    'persist framework m1-0000 away',
  ]);
  t.deepEqual(story.framework('f', { peer: 'f2' }), ['persist framework m1-0000', 'f2 < SUBSCRIBED m1-0000']);
  const [error, reset] = story.framework('other', { peer: 'f2' });
  t.deepEqual([error, reset], ['f2 < ERROR INVALID_MESSAGE', 'f2 is reset: INVALID_MESSAGE']);
  const bad = { ...launch('..', 'a', 'cpus:1'), frameworkId: F, role: '*', state: 'TASK_RUNNING' as const };
  const { body: _body, agentId: _agentId, ...record } = bad;
  t.deepEqual(story.agent('a', 'cpus:4', { tasks: [record] }), ['a < ERROR INVALID_MESSAGE', 'a is reset: INVALID_MESSAGE']);
  t.is(story.core.snapshot().agents[0]!.state, 'disconnected');
});

test('roles may change while connected; what is offered in a role that is left is taken back', (t) => {
  const story = new Story();
  story.agent('a', 'cpus:4;mem:1024');
  story.framework('f', { frameworkInfo: { name: 'f', roles: ['x', 'y'] }, demand: [demand('one', 1, 'cpus:1', { role: 'y' })] });
  t.deepEqual(
    story.says('f', { type: 'UPDATE_FRAMEWORK', frameworkInfo: { name: 'f', roles: ['x'] } }),
    ['f < RESCIND O0', 'persist framework m1-0000'],
  );
  t.deepEqual(story.core.roles().map(({ name }) => name), ['x']);
});

test('readers: a snapshot and the deltas after it give the same as a later snapshot', (t) => {
  const story = begun();
  const first = story.core.snapshot();
  t.deepEqual(story.core.takeDelta(), {
    number: first.number + 1, agents: [], frameworks: [], tasks: [], offers: [],
    removed: { agents: [], frameworks: [], tasks: [], offers: [] },
  });
  accept(story, ['O0'], launch('t1', 'a', 'cpus:1;mem:128'));
  const delta = story.core.takeDelta();
  t.deepEqual(delta.removed.offers, ['m1-O0']);
  t.deepEqual(delta.tasks.map(({ taskId, state }) => [taskId, state]), [['t1', 'TASK_STAGING']]);
  t.like(delta.agents[0]!, { used: { cpus: 1_000 }, offered: { cpus: 0 } });
  t.like(delta.frameworks[0]!, { used: { cpus: 1_000 }, offered: { cpus: 0 }, demand: [{ name: 'web', count: 1 }] });
});

test('what is remembered of ended tasks is bounded, and an id may be used again', (t) => {
  const story = new Story({ completedTasksMax: 2 });
  story.agent('a', 'cpus:1;mem:128');
  story.framework('f', { demand: [demand('web', 9, 'cpus:1;mem:128')] });
  story.core.snapshot();
  ['t1', 't2', 't3', 't2'].forEach((taskId, i) => {
    accept(story, [`O${i}`], launch(taskId, 'a', 'cpus:1;mem:128'));
    story.status('a', F, taskId, 'TASK_FINISHED');
    acknowledge(story, taskId, 'TASK_FINISHED');
  });
  t.deepEqual(story.core.takeDelta().removed.tasks, [[F, 't1']]);
  t.deepEqual(story.core.snapshot().tasks.map(({ taskId }) => taskId), ['t3', 't2']);
});
