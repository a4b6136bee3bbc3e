import { NO_PAIRS, NO_RESOURCES, parseResources, type TaskState } from '@proffer/sdk/model';
import { systemClock } from '@proffer/sdk/transport';
import test from 'ava';
import type { AgentView, ClusterView, Delta, TaskView } from '../core/views.js';
import { Feed } from './feed.js';
import { agentJson, taskJson } from './json.js';
import { taskQuery } from './query.js';
import { ReadModel } from './read-model.js';
import { tasks } from './read-routes.js';

const EMPTY: ClusterView = { number: 3, agents: [], frameworks: [], tasks: [], offers: [] };
const NOTHING = { agents: [], frameworks: [], tasks: [], offers: [] };

function task(taskId: string, state: TaskState, frameworkId = 'f1'): TaskView {
  return {
    frameworkId,
    taskId,
    name: taskId,
    agentId: 'a1',
    role: '*',
    resources: parseResources('cpus:0.5;mem:32;ports:[31000-31000]'),
    labels: [['tier', 'web']],
    state,
    source: 'SOURCE_EXECUTOR',
    launchedAt: 0,
    completed: false,
  };
}

function agent(agentId: string): AgentView {
  return {
    agentId,
    hostname: 'h',
    httpAddress: '127.0.0.1:5051',
    version: '1',
    state: 'registered',
    since: 0,
    registeredAt: 0,
    resources: NO_RESOURCES,
    used: NO_RESOURCES,
    offered: NO_RESOURCES,
    attributes: [{ name: 'rack', type: 'TEXT', value: 'r1' }],
  };
}

function delta(number: number, changes: Partial<Delta>): Delta {
  return { number, ...NOTHING, removed: NOTHING, ...changes };
}

test('the read model follows deltas, counts tasks by state, and refuses a delta out of turn', (t) => {
  const model = new ReadModel({ ...EMPTY, tasks: [task('t1', 'TASK_STAGING')] }, []);
  model.apply(delta(4, { agents: [agent('a1')], tasks: [task('t1', 'TASK_RUNNING'), task('t2', 'TASK_STAGING')] }), []);
  t.is(model.agents.size, 1);
  t.deepEqual(Object.fromEntries(model.tasksByState), { TASK_STAGING: 1, TASK_RUNNING: 1 });
  t.throws(() => model.apply(delta(6, {}), []), { message: 'delta 5 is due, got 6' });
  model.apply(delta(5, { removed: { ...NOTHING, agents: ['a1'], tasks: [['f1', 't1'], ['f1', 'unknown']] } }), []);
  t.is(model.agents.size, 0);
  t.is(model.task('f1', 't1'), undefined);
  t.deepEqual(Object.fromEntries(model.tasksByState), { TASK_STAGING: 1, TASK_RUNNING: 0 });
});

test('the feed asks the core once per change, however often it is asked itself', (t) => {
  let number = 3;
  let taken = 0;
  const source = {
    snapshot: () => EMPTY,
    takeDelta: () => {
      taken++;
      return delta(++number, {});
    },
    roles: () => [],
  };
  const feed = new Feed(source, { ...systemClock, after: () => () => undefined });
  void [feed.model, feed.model];
  t.is(taken, 0);
  feed.changed();
  feed.changed();
  t.is(feed.model.number, 4);
  t.is(feed.model.number, 4);
  t.is(taken, 1);
});

test('tasks are filtered and counted, and wrong parameters are named', (t) => {
  const model = new ReadModel({ ...EMPTY, tasks: [task('t1', 'TASK_RUNNING'), task('t2', 'TASK_FAILED'), task('t1', 'TASK_RUNNING', 'f2')] }, []);
  const ids = (query: Record<string, string>): unknown => {
    const found = tasks(model, taskQuery(query));
    return [found.total, ...found.tasks.map((one) => `${String(one['frameworkId'])}/${String(one['taskId'])}`)];
  };
  t.deepEqual(ids({}), [3, 'f1/t1', 'f1/t2', 'f2/t1']);
  t.deepEqual(ids({ framework: 'f1', state: 'TASK_RUNNING' }), [1, 'f1/t1']);
  t.deepEqual(ids({ agent: 'elsewhere' }), [0]);
  t.deepEqual(ids({ limit: '1' }), [3, 'f1/t1']);
  t.throws(() => taskQuery({ limit: '-1' }), { message: /^limit must be a whole number from 0 to 100000, got "-1"$/ });
  t.throws(() => taskQuery({ state: 'RUNNING' }), { message: /^state must be one of TASK_STAGING/ });
  t.throws(() => taskQuery({ stat: 'x' }), { message: /"stat" is not a known parameter/ });
  t.throws(() => taskQuery({ limit: ['1', '2'] }), { message: /^limit must be given once/ });
});

test('JSON has ordinary numbers, ISO times and labels as an object', (t) => {
  const status = { taskId: 't1', state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', timestamp: 1.5, uuid: 'u', healthy: true } as const;
  t.like(taskJson({ ...task('t1', 'TASK_RUNNING'), status }), {
    resources: { cpus: 0.5, mem: 32, ports: '[31000-31000]' },
    labels: { tier: 'web' },
    launchedAt: '1970-01-01T00:00:00.000Z',
    status: { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', healthy: true, timestamp: '1970-01-01T00:00:01.500Z' },
  });
  t.like(agentJson(agent('a1')), { attributes: { rack: 'r1' }, state: 'registered' });
  t.deepEqual(taskJson({ ...task('t1', 'TASK_RUNNING'), labels: NO_PAIRS })['labels'], {});
});
