import { resourcesToJson } from '@proffer/sdk/model';
import type { HttpServer } from '@proffer/sdk/service';
import type { ContainerUsage } from '../containerizer/types.js';
import { sandboxOf } from '../core/specs.js';
import type { AgentView, ExecutorView, TaskView } from '../core/types.js';

/** What tasks go without on this machine, and what would turn it on. */
export interface NotIsolated {
  readonly feature: string;
  readonly reason: string;
  readonly remedy: string;
}

export interface StateOptions {
  readonly sandboxRoot: string;
  readonly workDir: string;
  readonly isolation: { readonly mode: string; readonly missing: readonly NotIsolated[] };
  readonly view: () => AgentView;
  readonly usage: (containerId: string) => ContainerUsage | undefined;
}

/** A container as `/containers` shows it. */
export interface ListedContainer {
  readonly containerId: string;
  readonly frameworkId: string;
  readonly taskId?: string;
  readonly executorId?: string;
  readonly pid?: number;
  /** Path of its sandbox on this machine. */
  readonly sandbox: string;
  readonly resources: Record<string, number | string>;
  readonly usage?: ContainerUsage;
}

/** `/state` and `/containers`. */
export function serveState(app: HttpServer, options: StateOptions): void {
  app.get('/state', () => stateOf(options));
  app.get('/containers', () => ({ containers: containersOf(options) }));
}

function stateOf({ workDir, isolation, view }: StateOptions): unknown {
  const { agentId, registered, info, used, tasks, executors } = view();
  return {
    agentId,
    registered,
    hostname: info.hostname,
    httpAddress: info.httpAddress,
    version: info.version,
    workDir,
    resources: resourcesToJson(info.resources),
    used: resourcesToJson(used),
    attributes: info.attributes,
    isolation: {
      mode: isolation.mode,
      missing: isolation.missing.map(({ feature, reason, remedy }) => ({ feature, reason, remedy })),
    },
    tasks: tasks.map(withJson),
    executors: executors.map(withJson),
  };
}

function withJson({ resources, ...view }: TaskView | ExecutorView): unknown {
  return { ...view, resources: resourcesToJson(resources) };
}

/** Every container that has not ended, with its figures of this moment. */
export function containersOf({ sandboxRoot, view, usage }: StateOptions): ListedContainer[] {
  const { tasks, executors } = view();
  const own = tasks.filter((task) => !task.ended && task.executorId === undefined);
  return [...own.map((task) => listed(task, task.taskId)), ...executors.map((executor) => listed(executor, executor.executorId))];

  function listed(owner: TaskView | ExecutorView, id: string): ListedContainer {
    const { containerId, frameworkId, pid } = owner;
    const figures = usage(containerId);
    return {
      containerId,
      frameworkId,
      ...('taskId' in owner ? { taskId: id } : { executorId: id }),
      ...(pid !== undefined && { pid }),
      sandbox: sandboxOf(sandboxRoot, frameworkId, id, containerId),
      resources: resourcesToJson(owner.resources),
      ...(figures && { usage: figures }),
    };
  }
}
