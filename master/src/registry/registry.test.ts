import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore, openStore } from '@proffer/sdk/service';
import test from 'ava';
import fc from 'fast-check';
import type { RegistryOperation, RegistryState } from '../core/types.js';
import { Registry, REGISTRY_FORMAT } from './registry.js';

const id = fc.constantFrom('a', 'b', 'c', 'd');
const agent = fc.record({ agentId: id, hostname: fc.string({ maxLength: 8 }), state: fc.constantFrom('admitted', 'unreachable', 'gone'), since: fc.nat() });
const framework = fc.record(
  { frameworkId: id, principal: fc.constant('anonymous'), info: fc.record({ name: fc.string({ minLength: 1, maxLength: 8 }) }), failoverDeadline: fc.nat(), removedAt: fc.nat() },
  { requiredKeys: ['frameworkId', 'principal', 'info'], noNullPrototype: true },
);
const operation: fc.Arbitrary<RegistryOperation> = fc.oneof(
  agent.map((value) => ({ type: 'saveAgent' as const, agent: { ...value } as never })),
  id.map((agentId) => ({ type: 'forgetAgent' as const, agentId })),
  framework.map((value) => ({ type: 'saveFramework' as const, framework: { ...value, info: { ...value.info } } })),
  id.map((frameworkId) => ({ type: 'forgetFramework' as const, frameworkId })),
  fc.tuple(id, fc.double({ min: 0.1, max: 10, noNaN: true })).map(([role, weight]) => ({ type: 'setWeight' as const, role, weight })),
);

function sorted(state: RegistryState): RegistryState {
  return {
    agents: [...state.agents].sort((a, b) => a.agentId.localeCompare(b.agentId)),
    frameworks: [...state.frameworks].sort((a, b) => a.frameworkId.localeCompare(b.frameworkId)),
    weights: Object.fromEntries(Object.entries(state.weights).sort(([a], [b]) => a.localeCompare(b))),
  };
}

test('operations one by one, in batches, and read back from the store give the same registry', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 8 }), { maxLength: 8 }), async (batches) => {
      const oneByOne = new Registry(new MemoryStore());
      for (const one of batches.flat()) await oneByOne.commit([one]);
      const store = new MemoryStore();
      const batched = new Registry(store);
      for (const batch of batches) await batched.commit(batch);
      const expected = sorted(oneByOne.state());
      t.deepEqual(sorted(batched.state()), expected);
      t.deepEqual(sorted(new Registry(store).state()), expected);
    }),
    { numRuns: 100 },
  );
});

test('what was acknowledged is there after a crash, what was not is not', async (t) => {
  const store = new MemoryStore({ manual: true });
  const registry = new Registry(store);
  const first = registry.commit([{ type: 'setWeight', role: 'batch', weight: 2 }]);
  void registry.commit([{ type: 'setWeight', role: 'batch', weight: 3 }]).catch(() => undefined);
  store.sync(1);
  await first;
  t.deepEqual(new Registry(store.crash()).state().weights, { batch: 2 });
});

test('on a disk: epochs only grow, and a registry of a newer build is refused', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-registry-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const expected of [1, 2, 3]) {
    const registry = new Registry(await openStore(directory));
    t.is(await registry.beginEpoch(), expected);
    await registry.commit([{ type: 'saveAgent', agent: { agentId: `a${expected}`, hostname: 'h', state: 'admitted', since: 1 } }]);
    await registry.close();
  }
  const store = await openStore(directory);
  t.deepEqual(new Registry(store).state().agents.map((one) => one.agentId), ['a1', 'a2', 'a3']);
  await store.write([{ key: 'format', value: REGISTRY_FORMAT + 1 }]);
  t.throws(() => new Registry(store), { message: /format 2.*reads up to 1/ });
  await store.close();
});
