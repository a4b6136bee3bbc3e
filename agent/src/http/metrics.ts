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

/** Those that are one number. */
type Figure = Exclude<keyof ContainerUsage, 'io' | 'interfaces'>;

const FIGURES: readonly [name: string, help: string, figure: Figure][] = [
  ['proffer_container_cpu_user_seconds', 'CPU time in user mode.', 'cpuUserSeconds'],
  ['proffer_container_cpu_system_seconds', 'CPU time in the kernel.', 'cpuSystemSeconds'],
  ['proffer_container_cpu_throttled_seconds', 'Time that the CPU quota held it back.', 'cpuThrottledSeconds'],
  ['proffer_container_cpu_periods', 'Periods in which it ran under its CPU quota.', 'cpuPeriods'],
  ['proffer_container_cpu_throttled_periods', 'Periods in which the CPU quota ran out.', 'cpuThrottledPeriods'],
  ['proffer_container_cpu_pressure_seconds', 'Time in which something in it waited for a CPU.', 'cpuPressureSeconds'],
  ['proffer_container_memory_bytes', 'Memory in use.', 'memoryBytes'],
  ['proffer_container_memory_limit_bytes', 'Memory it may use.', 'memoryLimitBytes'],
  ['proffer_container_memory_peak_bytes', 'The most memory it has used.', 'memoryPeakBytes'],
  ['proffer_container_memory_anonymous_bytes', 'Memory of its processes.', 'memoryAnonBytes'],
  ['proffer_container_memory_file_bytes', 'Page cache.', 'memoryFileBytes'],
  ['proffer_container_memory_kernel_bytes', 'Memory of the kernel on its behalf.', 'memoryKernelBytes'],
  ['proffer_container_memory_pressure_seconds', 'Time in which something in it waited for memory.', 'memoryPressureSeconds'],
  ['proffer_container_memory_stall_seconds', 'Time in which all of it waited for memory.', 'memoryStallSeconds'],
  ['proffer_container_io_pressure_seconds', 'Time in which something in it waited for a disk.', 'ioPressureSeconds'],
  ['proffer_container_io_stall_seconds', 'Time in which all of it waited for a disk.', 'ioStallSeconds'],
  ['proffer_container_disk_bytes', 'What its sandbox takes, as last measured.', 'diskBytes'],
  ['proffer_container_disk_limit_bytes', 'Its disk.', 'diskLimitBytes'],
  ['proffer_container_oom_kills', 'Processes killed for want of memory.', 'oomKills'],
  ['proffer_container_pids', 'Processes and threads.', 'pids'],
];

const DISK_FIGURES = [
  ['proffer_container_io_bytes', 'Bytes read from and written to disks.', 'readBytes', 'writeBytes'],
  ['proffer_container_io_operations', 'Reads from and writes to disks.', 'readOperations', 'writeOperations'],
] as const;

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
  for (const [name, help, read, write] of DISK_FIGURES) {
    metrics.reading(name, help, [...LABELS, 'device', 'direction'], () =>
      containers().flatMap((container) => (container.usage?.io ?? []).flatMap((disk) => [
        { labels: { ...labelsOf(container), device: disk.device, direction: 'read' }, value: disk[read] },
        { labels: { ...labelsOf(container), device: disk.device, direction: 'write' }, value: disk[write] },
      ])));
  }
}

function reading(container: ListedContainer, figure: Figure): Labelled[] {
  const value = container.usage?.[figure];
  return value === undefined ? [] : [{ labels: labelsOf(container), value }];
}

function labelsOf({ containerId, frameworkId, taskId, executorId }: ListedContainer): Labelled['labels'] {
  return { container_id: containerId, framework_id: frameworkId, task_id: taskId ?? '', executor_id: executorId ?? '' };
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
