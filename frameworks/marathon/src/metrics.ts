import type { Metrics } from '@proffer/sdk/service';
import type { Marathon } from './core/index.js';

/** What an operator watches of the framework. */
export function addMetrics(metrics: Metrics, core: Marathon): void {
  const { state, missing } = core.context;
  metrics.reading('marathon_apps', 'Apps', [], () => [...state.apps.values()].filter(({ deleted }) => !deleted).length);
  metrics.reading('marathon_deployments', 'Deployments that are not done', ['state'], () =>
    (['running', 'paused'] as const).map((one) => ({
      labels: { state: one },
      value: [...state.deployments.values()].filter((deployment) => deployment.state === one).length,
    })),
  );
  metrics.reading('marathon_instances', 'Instances by the state of their task', ['state'], () => {
    const counts = new Map<string, number>();
    for (const instance of state.instances.values()) counts.set(instance.state, (counts.get(instance.state) ?? 0) + 1);
    return Array.from(counts, ([name, value]) => ({ labels: { state: name }, value }));
  });
  metrics.reading('marathon_instances_missing', 'Instances that wait to be launched', [], () =>
    [...missing.values()].reduce((sum, count) => sum + count, 0),
  );
}
