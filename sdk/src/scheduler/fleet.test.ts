import test from 'ava';
import fc from 'fast-check';
import {
  add,
  contains,
  countRanges,
  formatResources,
  NO_RESOURCES,
  overlaps,
  parseResources,
  type Offer,
  type TaskStatus,
} from '../model/index.js';
import { Fleet } from './fleet.js';
import { fillOffer } from './match.js';
import { toWantedSet, type TaskSet } from './task-set.js';

const offer = (resources: string, agentId = 'a'): Offer => ({
  offerId: `offer-${agentId}`,
  frameworkId: 'f',
  agentId,
  hostname: agentId,
  role: '*',
  resources: parseResources(resources),
  attributes: [],
  demand: [{ name: 'web', count: 100 }],
});
const web = (changes: Partial<TaskSet> = {}): TaskSet => ({
  name: 'web',
  count: 3,
  resources: 'cpus:1;mem:32',
  command: 'run',
  ...changes,
});
const status = (taskId: string, state: TaskStatus['state'], agentId = 'a'): TaskStatus => ({
  taskId,
  state,
  source: 'SOURCE_AGENT',
  timestamp: 0,
  agentId,
});

function counter(): () => string {
  let n = 0;
  return () => String(++n);
}

const fills: readonly (readonly [name: string, set: Partial<TaskSet>, offered: string, launched: readonly string[]])[] = [
  ['as many as are missing', {}, 'cpus:8;mem:1024', ['cpus:1;mem:32', 'cpus:1;mem:32', 'cpus:1;mem:32']],
  ['as many as fit', {}, 'cpus:2.5;mem:1024', ['cpus:1;mem:32', 'cpus:1;mem:32']],
  ['none where one thing lacks', {}, 'cpus:8;mem:31', []],
  ['no more than may be on one agent', { maxPerAgent: 1 }, 'cpus:8;mem:1024', ['cpus:1;mem:32']],
  [
    'each with ports of its own',
    { ports: 2, count: 2 },
    'cpus:8;mem:1024;ports:[10-12,20-30]',
    ['cpus:1;mem:32;ports:[10-11]', 'cpus:1;mem:32;ports:[12-12,20-20]'],
  ],
  ['none without enough ports', { ports: 2 }, 'cpus:8;mem:1024;ports:[10-10]', []],
  [
    'the port that it must have, and another',
    { resources: 'cpus:1;ports:[80]', ports: 1 },
    'cpus:8;ports:[79-81]',
    ['cpus:1;ports:[79-80]'],
  ],
];

for (const [name, set, offered, launched] of fills) {
  test(`an offer is filled with ${name}`, (t) => {
    const wanted = toWantedSet(web(set));
    const missingOnAgent = Math.min(wanted.count, wanted.maxPerAgent);
    const launches = fillOffer(offer(offered), [{ set: wanted, missing: wanted.count, missingOnAgent }], counter());
    t.deepEqual(launches.map((launch) => formatResources(launch.resources)), launched);
  });
}

test('a launch says its demand, its ports and its agent', (t) => {
  const [launch] = fillOffer(
    offer('cpus:8;mem:64;ports:[31000-31009]'),
    [{ set: toWantedSet(web({ ports: 2 })), missing: 1, missingOnAgent: 1 }],
    counter(),
  );
  t.like(launch, { taskId: 'web.1', name: 'web', agentId: 'a', demand: 'web' });
  t.deepEqual(
    launch!.command,
    { shell: true, value: 'run', environment: [['PORT0', '31000'], ['PORT1', '31001'], ['PORTS', '31000,31001']] },
  );
  const { demand: _, ...rest } = fillOffer(
    { ...offer('cpus:8;mem:64'), demand: [] },
    [{ set: toWantedSet(web()), missing: 1, missingOnAgent: 1 }],
    counter(),
  )[0]!;
  t.false('demand' in rest && rest.demand !== undefined);
});

test('an executor is paid for once on an offer', (t) => {
  const { command: _, ...rest } = web();
  const set = toWantedSet({
    ...rest,
    executor: { executorId: 'e', command: { shell: true, value: 'x' }, resources: parseResources('cpus:1') },
  });
  const launches = fillOffer(offer('cpus:3;mem:1024'), [{ set, missing: 3, missingOnAgent: 3 }], counter());
  t.is(launches.length, 2, 'two tasks and the executor take three cpus');
});

test('whatever is offered: launches fit it together, and share no port', (t) => {
  const amounts = fc.record({
    cpus: fc.integer({ min: 0, max: 8 }),
    ports: fc.integer({ min: 0, max: 20 }),
    each: fc.integer({ min: 1, max: 3 }),
    own: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(amounts, ({ cpus, ports, each, own }) => {
      const held = offer(`cpus:${cpus};mem:1024${ports > 0 ? `;ports:[100-${99 + ports}]` : ''}`);
      const launches = fillOffer(
        held,
        [{ set: toWantedSet(web({ ports: own, resources: `cpus:${each};mem:1`, count: 9 })), missing: 9, missingOnAgent: 9 }],
        counter(),
      );
      let sum = NO_RESOURCES;
      for (const { resources } of launches) {
        t.false(overlaps(sum, resources));
        t.is(countRanges(resources.ports), own);
        sum = add(sum, resources);
      }
      t.true(contains(held.resources, sum));
      t.is(launches.length, Math.min(9, Math.floor(cpus / each), own === 0 ? 9 : Math.floor(ports / own)));
    }),
  );
});

const badSets: readonly (readonly [set: Partial<TaskSet>, error: RegExp])[] = [
  [{ name: 'a.b' }, /name must have no dot/],
  [{ name: 'a/b' }, /name must hold no control/],
  [{ count: -1 }, /web: count must be a whole number from 0 up, got -1/],
  [{ ports: 0.5 }, /web: ports must be a whole number/],
  [{ maxPerAgent: 0 }, /web: maxPerAgent must be a whole number from 1 up/],
  [{ resources: 'cpus' }, /a resource looks like name:value/],
];

for (const [set, error] of badSets) {
  test(`a task set is refused by the name of its field: ${JSON.stringify(set)}`, (t) => {
    t.throws(() => toWantedSet(web(set)), { instanceOf: RangeError, message: error });
  });
}

function running(changes: Partial<TaskSet> = {}): Fleet {
  const fleet = new Fleet(counter());
  fleet.want(toWantedSet(web(changes)));
  for (const { taskId } of fleet.place(offer('cpus:8;mem:1024'), 0)) fleet.onStatus(status(taskId, 'TASK_RUNNING'), 0);
  return fleet;
}

const wants = (fleet: Fleet, now: number): number => fleet.demand(now)[0]?.count ?? 0;

test('a fleet asks for what is missing, and for nothing once it is launched', (t) => {
  const fleet = new Fleet(counter());
  fleet.want(toWantedSet(web({ ports: 1, maxPerAgent: 2 })));
  t.deepEqual(fleet.demand(0), [{ name: 'web', resources: parseResources('cpus:1;mem:32'), count: 3, ports: 1, maxPerAgent: 2 }]);
  t.is(fleet.place(offer('cpus:8;mem:1024;ports:[1-9]'), 0).length, 2, 'no more than two on one agent');
  t.is(wants(fleet, 0), 1);
  t.is(fleet.place(offer('cpus:8;mem:1024;ports:[1-9]'), 0).length, 0);
  t.is(fleet.place(offer('cpus:8;mem:1024;ports:[1-9]', 'b'), 0).length, 1);
  t.deepEqual(fleet.demand(0), []);
});

test('a fleet replaces what ends, later and later while it goes on ending, and soon again after a steady run', (t) => {
  const fleet = running({ count: 1 });
  let now = 1_000;
  for (const delay of [1_000, 2_000, 4_000]) {
    fleet.onStatus(status(fleet.tasks[0]!.taskId, 'TASK_FAILED'), now);
    t.is(wants(fleet, now + delay - 1), 0);
    t.is(fleet.nextLaunchAt(now), now + delay);
    now += delay;
    t.is(wants(fleet, now), 1);
    fleet.place(offer('cpus:8;mem:1024'), now);
  }
  fleet.onStatus(status(fleet.tasks[0]!.taskId, 'TASK_FAILED'), now + 60_000);
  t.is(fleet.nextLaunchAt(now + 60_000), now + 61_000);
});

const restarts = [
  ['always', 'TASK_FINISHED', 1],
  ['always', 'TASK_FAILED', 1],
  ['onFailure', 'TASK_FINISHED', 0],
  ['onFailure', 'TASK_LOST', 1],
  ['never', 'TASK_FAILED', 0],
] as const;

for (const [restart, state, missing] of restarts) {
  test(`restart "${restart}" replaces ${missing === 0 ? 'nothing' : 'the task'} after ${state}`, (t) => {
    const fleet = running({ count: 1, restart });
    fleet.onStatus(status('web.1', state), 0);
    t.is(wants(fleet, 120_000), missing);
    t.deepEqual(fleet.tasks, []);
    t.deepEqual(fleet.takeSurplus(), []);
  });
}

test('an unreachable task is replaced; when it is back, the newest one is too many', (t) => {
  const fleet = running({ count: 1 });
  fleet.onStatus(status('web.1', 'TASK_UNREACHABLE'), 10);
  t.is(wants(fleet, 10), 1);
  fleet.place(offer('cpus:1;mem:32', 'b'), 20);
  t.deepEqual(fleet.takeSurplus(), []);
  fleet.onStatus(status('web.1', 'TASK_RUNNING'), 30);
  t.deepEqual(fleet.takeSurplus().map((task) => task.taskId), ['web.2']);
  t.deepEqual(fleet.takeSurplus(), [], 'told once');
  fleet.onStatus(status('web.2', 'TASK_KILLED'), 40);
  t.is(wants(fleet, 40), 0);
  t.is(fleet.nextLaunchAt(40), undefined, 'its end was wanted');
});

test('scaling down ends the newest, unwanting ends all, tasks of an earlier run are taken over', (t) => {
  const fleet = new Fleet(counter());
  fleet.want(toWantedSet(web({ count: 2 })));
  for (const [i, id] of ['web.x', 'web.y', 'web.z'].entries()) t.is(fleet.onStatus(status(id, 'TASK_RUNNING'), i)?.set, 'web');
  t.is(fleet.onStatus(status('other.1', 'TASK_RUNNING'), 0), undefined);
  t.deepEqual(fleet.takeSurplus().map((task) => task.taskId), ['web.z']);
  fleet.unwant('web');
  t.deepEqual(fleet.takeSurplus().map((task) => task.taskId), ['web.y', 'web.x']);
  t.deepEqual(fleet.demand(0), []);
});
