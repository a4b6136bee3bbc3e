import test from 'ava';
import fc from 'fast-check';
import { Harness } from './harness.test-helper.js';
import { isHealthy } from './instance.js';
import { capacity } from './plan.js';

/** What may happen to an app in the middle of an upgrade. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('offer' as const), slots: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('healthy' as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('ended' as const), which: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('running' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fails' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('sick' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('change' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400_000 }) }) },
);

const CHECK = {
  protocol: 'HTTP',
  portIndex: 0,
  path: '/',
  gracePeriodSeconds: 300,
  intervalSeconds: 60,
  timeoutSeconds: 20,
  maxConsecutiveFailures: 3,
  delaySeconds: 0,
} as const;

const scenario = fc.record({
  instances: fc.integer({ min: 1, max: 6 }),
  minimumHealthCapacity: fc.constantFrom(0, 0.34, 0.5, 1),
  maximumOverCapacity: fc.constantFrom(0, 0.5, 1),
  steps: fc.array(step, { maxLength: 60 }),
});

function healthyCount(h: Harness): number {
  return h.instances().filter((instance) => isHealthy(instance, h.app('/a'))).length;
}

/** Everything that the cluster owes is done, again and again, until nothing changes any more. */
function settle(h: Harness): void {
  for (let i = 0; i < 60 && (i < 3 || h.deployments().length > 0); i++) {
    h.advance(301_000);
    h.offer(`settle${i}`);
    for (const { taskId, killedAt } of h.instances())
      if (killedAt === undefined) h.status(taskId, 'TASK_RUNNING', { healthy: true });
    h.endKilled();
  }
}

test('an upgrade never runs more than its bound, never ends a healthy one that it needs, and always comes to its end', (t) => {
  fc.assert(
    fc.property(scenario, ({ instances, minimumHealthCapacity, maximumOverCapacity, steps }) => {
      let h = Harness.subscribed();
      h.create('/a', { instances, healthChecks: [CHECK], upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity } });
      settle(h);
      const { minHealthy, maxCapacity } = capacity(h.app('/a'));
      h.core.define([{ appId: '/a', update: { env: { V: '1' } }, partial: true }], false, h.now);
      check(() => h.turn());
      let version = 1;
      for (const one of steps) check(() => take(one));
      settle(h);
      const bad = h.instances().filter((instance) => instance.configVersion !== h.app('/a').versionInfo.lastConfigChangeAt);
      if (bad.length > 0 || healthyCount(h) !== instances || h.deployments().length > 0) {
        throw new Error(
          `ended with ${bad.length} outdated and ${healthyCount(h)} healthy of ${instances}: ${JSON.stringify(h.deployments())}`,
        );
      }

      function check(act: () => unknown): void {
        const before = h.instances().filter((instance) => instance.killedAt === undefined);
        act();
        const ended = before.filter((instance) => h.core.context.state.instances.get(instance.taskId)?.killedAt !== undefined);
        const wasHealthy = ended.filter((instance) => instance.state === 'TASK_RUNNING' && instance.healthy === true).length;
        if (wasHealthy > 0 && healthyCount(h) < minHealthy)
          throw new Error(`ended ${wasHealthy} healthy ones: ${healthyCount(h)} < ${minHealthy} are left`);
        if (h.instances().length > maxCapacity) throw new Error(`${h.instances().length} > ${maxCapacity} instances`);
      }

      function take(one: (typeof steps)[number]): void {
        const all = h.instances();
        const chosen = 'which' in one ? all[one.which % Math.max(1, all.length)] : undefined;
        switch (one.type) {
          case 'offer':
            h.offer('h', `cpus:${one.slots};mem:10000;ports:[31000-31100]`);
            break;
          case 'running':
          case 'healthy':
          case 'sick':
            if (chosen !== undefined)
              h.status(chosen.taskId, 'TASK_RUNNING', one.type === 'running' ? {} : { healthy: one.type === 'healthy' });
            break;
          case 'ended':
            if (chosen?.killedAt !== undefined) h.status(chosen.taskId, 'TASK_KILLED');
            break;
          case 'fails':
            if (chosen !== undefined) h.status(chosen.taskId, 'TASK_FAILED');
            break;
          case 'change':
            h.core.define([{ appId: '/a', update: { env: { V: String(++version) } }, partial: true }], true, h.now);
            h.turn();
            break;
          case 'crash':
            h = h.crash();
            h.subscribe();
            break;
          case 'wait':
            h.advance(one.ms);
            break;
          default:
            one satisfies never;
        }
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
