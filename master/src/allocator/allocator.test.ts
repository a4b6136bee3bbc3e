import { formatResources, parseResources, type Demand } from '@proffer/sdk/model';
import test from 'ava';
import fc from 'fast-check';
import { Allocator } from './allocator.js';
import type { Grant } from './types.js';

const NONE = parseResources('');

function allocator(agents: Record<string, string>, weights: Record<string, number> = {}, offersHeldMax = 1_000): Allocator {
  const made = new Allocator({ offersHeldMax, weights });
  for (const [agentId, total] of Object.entries(agents)) made.addAgent(agentId, parseResources(total), []);
  return made;
}

function join(made: Allocator, frameworkId: string, role: string, demand: Demand[] | 'all'): void {
  made.setFramework(frameworkId, [role]);
  made.setDemand(frameworkId, demand);
  made.setActive(frameworkId, true);
}

function want(name: string, count: number, resources: string, more: Partial<Demand> = {}): Demand {
  return { name, count, resources: parseResources(resources), ...more };
}

/** Grants as `framework: agent resources name x count`, sorted. */
function lines(grants: readonly Grant[]): string[] {
  const text = ({ frameworkId, agentId, resources, demand }: Grant): string =>
    `${frameworkId}: ${agentId} ${formatResources(resources)}${demand.map(({ name, count }) => ` ${name}x${count}`).join('')}`;
  return grants.map(text).sort();
}

/** Shares by role, to three digits. */
function shares(made: Allocator): Record<string, number> {
  return Object.fromEntries(made.roleShares().map(({ name, share }) => [name, Number(share.toFixed(3))]));
}

/** How many tasks each framework was offered in all. */
function counts(grants: readonly Grant[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { frameworkId, demand } of grants) {
    for (const { count } of demand) sum[frameworkId] = (sum[frameworkId] ?? 0) + count;
  }
  return sum;
}

const used = (grant: Grant, name: string, count: number) => ({
  used: grant.resources,
  launched: new Map([[name, count]]),
  refuseUntil: undefined,
});
const declined = (refuseUntil?: number) => ({
  used: NONE,
  launched: new Map<string, number>(),
  refuseUntil,
});

test('dominant resources decide: the example of the DRF paper', (t) => {
  // 9 cpus and 18 GB; A's tasks are <1 cpu, 4 GB>, B's <3 cpus, 1 GB>: A gets 3, B gets 2, each two thirds of its dominant
  // resource.
  const made = allocator({ a: 'cpus:9;mem:18000' });
  join(made, 'A', 'ra', [want('t', 100, 'cpus:1;mem:4000')]);
  join(made, 'B', 'rb', [want('t', 100, 'cpus:3;mem:1000')]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:3;mem:12000 tx3', 'B: a cpus:6;mem:2000 tx2']);
  t.deepEqual(shares(made), { ra: 0.667, rb: 0.667 });
});

test('progressive filling: no role is ahead of another by more than one task', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 5, max: 40 }),
      (weights, agents, cpus) => {
        const names = weights.map((_, i) => `r${i}`);
        const totals = Object.fromEntries(Array.from({ length: agents }, (_, i) => [`a${i}`, `cpus:${cpus};mem:1000`]));
        const made = allocator(totals, Object.fromEntries(names.map((name, i) => [name, weights[i]!])));
        for (const name of names) join(made, name, name, [want('t', 10_000, 'cpus:1;mem:1')]);
        const given = counts(made.allocate(0));
        const sum = names.reduce((all, name) => all + (given[name] ?? 0), 0);
        const ahead = names.some((one, i) =>
          names.some((other, j) => ((given[one] ?? 0) - 1) / weights[i]! > (given[other] ?? 0) / weights[j]! + 1e-9),
        );
        return sum === agents * cpus && !ahead;
      },
    ),
  );
  t.pass();
});

test('weights: a role of weight 3 gets three times as much', (t) => {
  const made = allocator({ a: 'cpus:100;mem:100000' }, { heavy: 3 });
  join(made, 'A', 'heavy', [want('t', 1_000, 'cpus:1;mem:10')]);
  join(made, 'B', 'light', [want('t', 1_000, 'cpus:1;mem:10')]);
  t.deepEqual(counts(made.allocate(0)), { A: 75, B: 25 });
  t.deepEqual(shares(made), { heavy: 0.25, light: 0.25 });
  made.setWeight('light', 6);
  t.deepEqual(shares(made), { heavy: 0.25, light: 0.042 });
});

test('within a role its frameworks share equally, and a role of two counts once', (t) => {
  const made = allocator({ a: 'cpus:16;mem:16000' });
  join(made, 'A', 'x', [want('t', 100, 'cpus:1;mem:1')]);
  join(made, 'B', 'x', [want('t', 100, 'cpus:1;mem:1')]);
  join(made, 'C', 'y', [want('t', 100, 'cpus:1;mem:1')]);
  t.deepEqual(counts(made.allocate(0)), { A: 4, B: 4, C: 8 });
});

test('who came later catches up as tasks end', (t) => {
  const made = allocator({ a: 'cpus:4;mem:4000' });
  join(made, 'A', 'x', [want('t', 100, 'cpus:1;mem:1')]);
  const [first] = made.allocate(0);
  t.deepEqual(lines([first!]), ['A: a cpus:4;mem:4 tx4']);
  made.settle([first!], used(first!, 't', 4));
  join(made, 'B', 'y', [want('t', 100, 'cpus:1;mem:1')]);
  t.deepEqual(made.allocate(0), []);
  t.deepEqual(shares(made), { x: 1, y: 0 });
  for (const after of [{ x: 0.75, y: 0.25 }, { x: 0.5, y: 0.5 }]) {
    made.release('a', 'A', 'x', parseResources('cpus:1;mem:1'));
    t.deepEqual(lines(made.allocate(0)), ['B: a cpus:1;mem:1 tx1']);
    t.deepEqual(shares(made), after);
  }
  made.release('a', 'A', 'x', parseResources('cpus:1;mem:1'));
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:1;mem:1 tx1'], 'equal, so who is lower now');
});

test('offers are cut to the demand, counting what is held and what was launched', (t) => {
  const made = allocator({ a: 'cpus:8;mem:8000' });
  join(made, 'A', 'x', [want('t', 3, 'cpus:1;mem:100')]);
  const [grant] = made.allocate(0);
  t.deepEqual(lines([grant!]), ['A: a cpus:3;mem:300 tx3']);
  t.deepEqual(made.allocate(0), [], 'it holds all it wants');
  made.settle([grant!], { used: parseResources('cpus:1;mem:100'), launched: new Map([['t', 1]]), refuseUntil: undefined });
  t.deepEqual(made.demandOf('A').map(({ count }) => count), [2]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:2;mem:200 tx2']);
  made.setDemand('A', [want('t', 4, 'cpus:1;mem:100'), want('u', 1, 'cpus:2;mem:100')]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:4;mem:300 tx2 ux1']);
});

test('tasks spread over the agents while there is room, and pack when there is little', (t) => {
  const made = allocator({ a: 'cpus:4;mem:400', b: 'cpus:4;mem:400', c: 'cpus:4;mem:400' });
  join(made, 'A', 'x', [want('t', 6, 'cpus:1;mem:10')]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:2;mem:20 tx2', 'A: b cpus:2;mem:20 tx2', 'A: c cpus:2;mem:20 tx2']);
  made.setDemand('A', [want('t', 16, 'cpus:1;mem:10')]);
  t.deepEqual(counts(made.allocate(0)), { A: 6 }, 'all that is left');
});

test('ports: so many of whichever, or these very ones', (t) => {
  const made = allocator({ a: 'cpus:8;mem:8000;ports:[100-109]' });
  join(made, 'A', 'x', [want('any', 2, 'cpus:1', { ports: 3 })]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:2;ports:[100-105] anyx2']);
  join(made, 'B', 'y', [want('exact', 5, 'cpus:1;ports:[108-108]', { ports: 2 })]);
  t.deepEqual(lines(made.allocate(0)), ['B: a cpus:1;ports:[106-108] exactx1'], 'one only, since the port exists once');
  join(made, 'C', 'z', [want('any', 1, 'cpus:1', { ports: 2 })]);
  t.deepEqual(made.allocate(0), [], 'one port is left');
});

test('custom resources are matched one task at a time', (t) => {
  const made = allocator({ a: 'cpus:8;mem:8000;licenses:{blue,red};slots:3' });
  join(made, 'A', 'x', [want('s', 5, 'cpus:1;slots:1'), want('l', 2, 'cpus:1;licenses:{red}')]);
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:4;licenses:{red};slots:3 sx3 lx1']);
});

test('at most so many per agent at a time', (t) => {
  const made = allocator({ a: 'cpus:8;mem:8000', b: 'cpus:8;mem:8000' });
  join(made, 'A', 'x', [want('t', 5, 'cpus:1', { maxPerAgent: 2 })]);
  const grants = made.allocate(0);
  t.deepEqual(lines(grants), ['A: a cpus:2 tx2', 'A: b cpus:2 tx2']);
  const onA = grants.find(({ agentId }) => agentId === 'a')!;
  made.settle([onA], used(onA, 't', 2));
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:1 tx1']);
});

test('a refused agent is not offered for the entry until the filter ends, is cleared, or the entry asks for more', (t) => {
  const again: [string, (made: Allocator) => number, string[]][] = [
    ['nothing', () => 9_999, []],
    ['the filter ends', () => 10_000, ['A: a cpus:1;mem:100 tx1']],
    ['cleared', (made) => (made.clearFilters('A', ['x']), 1), ['A: a cpus:1;mem:100 tx1']],
    ['it comes back', (made) => (made.setActive('A', false), made.setActive('A', true), 1), ['A: a cpus:1;mem:100 tx1']],
    ['it asks for more', (made) => (made.setDemand('A', [want('t', 1, 'cpus:2;mem:100')]), 1), ['A: a cpus:2;mem:100 tx1']],
    [
      'it asks for something else too',
      (made) => (made.setDemand('A', [want('t', 1, 'cpus:1;mem:100'), want('u', 1, 'cpus:1')]), 1),
      ['A: a cpus:1 ux1'],
    ],
    ['the same again', (made) => (made.setDemand('A', [want('t', 1, 'cpus:1;mem:100')]), 1), []],
  ];
  for (const [what, act, expected] of again) {
    const made = allocator({ a: 'cpus:4;mem:1000' });
    join(made, 'A', 'x', [want('t', 1, 'cpus:1;mem:100')]);
    const [grant] = made.allocate(0);
    made.settle([grant!], declined(10_000));
    t.deepEqual(made.allocate(0), [], what);
    t.is(made.nextDeadline, 10_000);
    const now = act(made);
    made.expire(now);
    t.deepEqual(lines(made.allocate(now)), expected, what);
  }
});

test('offers: all sees what is free of each agent; a refused agent comes again as soon as it has more', (t) => {
  const made = allocator({ a: 'cpus:4;mem:1000' });
  join(made, 'B', 'y', [want('t', 1, 'cpus:1;mem:100')]);
  const [theirs] = made.allocate(0);
  made.settle([theirs!], used(theirs!, 't', 1));
  join(made, 'A', 'x', 'all');
  const [grant] = made.allocate(0);
  t.deepEqual(lines([grant!]), ['A: a cpus:3;mem:900']);
  made.settle([grant!], declined(10_000));
  t.deepEqual(made.allocate(0), []);
  made.release('a', 'B', 'y', parseResources('cpus:0.5'));
  t.deepEqual(lines(made.allocate(0)), ['A: a cpus:3.5;mem:900']);
});

test('no starvation: room that came while a framework had no part in it is seen afterwards', (t) => {
  const one = [want('t', 1, 'cpus:2')];
  const absent: [string, (made: Allocator) => void, (made: Allocator) => void][] = [
    ['suppressed', (made) => made.suppress('A', ['x']), (made) => made.unsuppress('A', ['x'])],
    ['away', (made) => made.setActive('A', false), (made) => made.setActive('A', true)],
    ['without demand', (made) => made.setDemand('A', []), (made) => made.setDemand('A', one)],
  ];
  for (const [what, leave, back] of absent) {
    const made = allocator({ a: 'cpus:1;mem:100' });
    join(made, 'A', 'x', one);
    t.deepEqual(made.allocate(0), []);
    leave(made);
    made.addAgent('b', parseResources('cpus:4;mem:100'), []);
    t.deepEqual(made.allocate(0), []);
    back(made);
    t.deepEqual(lines(made.allocate(0)), ['A: b cpus:2 tx1'], what);
  }
});

test('no starvation: an offer that is declined makes room for the search of other agents', (t) => {
  const made = allocator({ a: 'cpus:2;mem:100' });
  join(made, 'A', 'x', [want('t', 2, 'cpus:2')]);
  const [first] = made.allocate(0);
  made.setDemand('A', [want('t', 1, 'cpus:2')]);
  made.addAgent('b', parseResources('cpus:2;mem:100'), []);
  t.deepEqual(made.allocate(0), [], 'it holds all it wants');
  made.settle([first!], declined(10_000));
  t.deepEqual(lines(made.allocate(0)), ['A: b cpus:2 tx1']);
});

test('no starvation: a framework at its cap of offers sees later what came meanwhile', (t) => {
  const made = allocator({ a: 'cpus:1;mem:100' }, {}, 1);
  join(made, 'A', 'x', [want('t', 5, 'cpus:1')]);
  const [first] = made.allocate(0);
  t.deepEqual(made.allocate(0), []);
  made.addAgent('b', parseResources('cpus:1;mem:100'), []);
  t.deepEqual(made.allocate(0), [], 'it holds as many offers as it may');
  made.settle([first!], used(first!, 't', 1));
  t.deepEqual(lines(made.allocate(0)), ['A: b cpus:1 tx1']);
});

test('an agent that came back smaller offers nothing until its tasks fit again', (t) => {
  const made = new Allocator({ offersHeldMax: 10, weights: {} });
  const task = (resources: string) => ({ frameworkId: 'A', role: 'x', resources: parseResources(resources) });
  made.addAgent('a', parseResources('cpus:2;mem:1000'), [task('cpus:2;mem:100'), task('cpus:1;mem:100')]);
  join(made, 'B', 'y', [want('t', 9, 'cpus:1;mem:1')]);
  t.deepEqual(made.allocate(0), []);
  made.release('a', 'A', 'x', parseResources('cpus:1;mem:100'));
  t.deepEqual(made.allocate(0), [], 'two of two are still in use');
  made.release('a', 'A', 'x', parseResources('cpus:2;mem:100'));
  t.deepEqual(lines(made.allocate(0)), ['B: a cpus:2;mem:2 tx2']);
  t.is(formatResources(made.freeOf('a')!), 'mem:998');
});

test('a role that nobody is in and that holds nothing is forgotten', (t) => {
  const made = allocator({ a: 'cpus:4;mem:1000' });
  join(made, 'A', 'x', [want('t', 1, 'cpus:1')]);
  const [grant] = made.allocate(0);
  made.settle([grant!], used(grant!, 't', 1));
  made.setFramework('A', ['y']);
  t.deepEqual(Object.keys(shares(made)), ['x', 'y'], 'its task is still counted');
  made.release('a', 'A', 'x', parseResources('cpus:1'));
  t.deepEqual(Object.keys(shares(made)), ['y']);
  made.removeFramework('A');
  t.deepEqual(shares(made), {});
});

test('ports go round: one that was given back is not the next one to be offered', (t) => {
  const made = allocator({ a: 'cpus:9;mem:999;ports:[31000-31003]' });
  join(made, 'f', 'role', [want('web', 1, 'cpus:1', { ports: 1 })]);
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const [grant] = made.allocate(i);
    seen.push(formatResources(grant!.resources));
    made.settle([grant!], { used: NONE, launched: new Map(), refuseUntil: undefined });
  }
  t.deepEqual(seen, [31000, 31001, 31002, 31003, 31000, 31001].map((port) => `cpus:1;ports:[${port}-${port}]`));
});
