import test from 'ava';
import fc from 'fast-check';
import { broken, drain } from './invariants.test-helper.js';
import { happen, register, subscribe, type Step } from './workload.test-helper.js';
import { World } from './world.test-helper.js';

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));

test('whatever happens in whatever order: nothing is offered twice, nothing is negative, the books agree, nothing leaks', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
      const world = begun();
      for (const next of steps) {
        happen(world, next);
        const faults = broken(world);
        if (faults.length > 0) throw new Error(faults.join('\n'));
      }
      const leaks = drain(world);
      if (leaks.length > 0) throw new Error(`at the end: ${leaks.join('\n')}`);
    }),
    { numRuns: 400, includeErrorInReport: true },
  );
  t.pass();
});

test('the same inputs give the same effects and the same views', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const world = begun();
      for (const next of steps) happen(world, next);
      const twin = world.twin();
      world.inputs.forEach(({ input, now }, i) => {
        let effects: unknown = [];
        try {
          effects = twin.apply(input, now);
        } catch {
          // The first core refused the same call.
        }
        if (JSON.stringify(effects) !== JSON.stringify(world.effects[i])) {
          throw new Error(`input ${i} gives other effects: ${JSON.stringify(input)}`);
        }
      });
      if (JSON.stringify(twin.snapshot()) !== JSON.stringify(world.core.snapshot())) throw new Error('the views differ');
    }),
    { numRuns: 50, includeErrorInReport: true },
  );
  t.pass();
});

test('a reader that follows the deltas sees what a snapshot shows', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const world = begun();
      const seen = new Map<string, unknown>();
      let core: unknown;
      for (const next of steps) {
        if (world.core !== core) {
          core = world.core;
          seen.clear();
          for (const [key, value] of entries(world.core.snapshot())) seen.set(key, value);
        }
        happen(world, next);
        if (world.core !== core) continue;
        const { removed, ...changed } = world.core.takeDelta();
        for (const [kind, ids] of Object.entries(removed)) for (const id of ids) seen.delete(`${kind} ${String(id)}`);
        for (const [key, value] of entries(changed)) seen.set(key, value);
      }
      if (world.core !== core) return;
      const shown = new Map(entries(world.core.snapshot()));
      for (const key of new Set([...seen.keys(), ...shown.keys()])) {
        const [was, is] = [JSON.stringify(seen.get(key)), JSON.stringify(shown.get(key))];
        if (was !== is) throw new Error(`${key} is seen as ${was} and is ${is}`);
      }
    }),
    { numRuns: 100, includeErrorInReport: true },
  );
  t.pass();
});

/** All agents registered, all frameworks subscribed. */
function begun(): World {
  const world = new World();
  for (let i = 0; i < 3; i++) {
    register(world, i);
    subscribe(world, i, 4 * i + 3);
  }
  world.catchUp();
  return world;
}

type Views = Pick<ReturnType<World['core']['snapshot']>, 'agents' | 'frameworks' | 'tasks' | 'offers'>;

function entries({ agents, frameworks, tasks, offers }: Views): [string, unknown][] {
  return [
    ...agents.map((agent): [string, unknown] => [`agents ${agent.agentId}`, agent]),
    ...frameworks.map((framework): [string, unknown] => [`frameworks ${framework.frameworkId}`, framework]),
    ...tasks.map((task): [string, unknown] => [`tasks ${task.frameworkId},${task.taskId}`, task]),
    ...offers.map((offer): [string, unknown] => [`offers ${offer.offerId}`, offer]),
  ];
}
