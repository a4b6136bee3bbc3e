import { resourcesToJson, type Resources } from '@proffer/sdk/model';
import type { Metrics } from '@proffer/sdk/service';
import type { ContainerUsage } from '../containerizer/types.js';
import type { AgentView } from '../core/types.js';
import { containersOf, type ListedContainer, type StateOptions } from './state.js';

type Labelled = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** The agent's figures for Prometheus, read from the core and the kernel when somebody asks. */
export function measureAgent(metrics: Metrics, options: StateOptions): void {
  metrics.reading('proffer_agent_registered', 'Whether a master counts this agent.', [], () => Number(options.view().registered));
  metrics.reading('proffer_agent_tasks', 'Tasks by state.', ['state'], () => tasksByState(options.view()));
  metrics.reading('proffer_agent_unacknowledged_updates', 'Status updates that wait for an acknowledgement.', [], () =>
    options.view().tasks.reduce((sum, task) => sum + task.pendingUpdates, 0),
  );
  metrics.reading('proffer_agent_resources', 'Scalar resources: cpus, MiB of mem and disk, gpus.', ['name', 'kind'], () => {
    const { info, used } = options.view();
    return [...scalars(info.resources, 'total'), ...scalars(used, 'used')];
  });
  measureContainers(metrics, options);
}

const LABELS = ['container_id', 'framework_id', 'task_id', 'executor_id'];

const FIGURES: readonly [name: string, help: string, figure: keyof ContainerUsage][] = [
  ['proffer_container_cpu_user_seconds', 'CPU time in user mode.', 'cpuUserSeconds'],
  ['proffer_container_cpu_system_seconds', 'CPU time in the kernel.', 'cpuSystemSeconds'],
  ['proffer_container_cpu_throttled_seconds', 'Time that the CPU quota held it back.', 'cpuThrottledSeconds'],
  ['proffer_container_memory_bytes', 'Memory in use.', 'memoryBytes'],
  ['proffer_container_memory_limit_bytes', 'Memory it may use.', 'memoryLimitBytes'],
  ['proffer_container_memory_peak_bytes', 'The most memory it has used.', 'memoryPeakBytes'],
  ['proffer_container_oom_kills', 'Processes killed for want of memory.', 'oomKills'],
  ['proffer_container_pids', 'Processes and threads.', 'pids'],
];

function measureContainers(metrics: Metrics, options: StateOptions): void {
  // One look at the kernel serves all figures of one request, which reads them in one turn.
  let look: readonly ListedContainer[] | undefined;
  const containers = (): readonly ListedContainer[] => {
    if (look === undefined) {
      look = containersOf(options);
      setImmediate(() => (look = undefined));
    }
    return look;
  };
  for (const [name, help, figure] of FIGURES) {
    metrics.reading(name, help, LABELS, () => containers().flatMap((container) => reading(container, figure)));
  }
}

function reading(container: ListedContainer, figure: keyof ContainerUsage): Labelled[] {
  const { containerId, frameworkId, taskId, executorId, usage } = container;
  const value = usage?.[figure];
  if (value === undefined) return [];
  const labels = { container_id: containerId, framework_id: frameworkId, task_id: taskId ?? '', executor_id: executorId ?? '' };
  return [{ labels, value }];
}

function tasksByState(view: AgentView): Labelled[] {
  const counts = new Map<string, number>();
  for (const { state } of view.tasks) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { state }, value }));
}

function scalars(resources: Resources, kind: string): Labelled[] {
  const json = resourcesToJson(resources);
  return ['cpus', 'mem', 'disk', 'gpus'].map((name) => ({ labels: { name, kind }, value: Number(json[name]) }));
}
