import { requestJson, type Service } from './request.js';

/** Resources as JSON shows them: scalars as numbers (mem and disk in MiB), the rest as text. */
export interface ResourcesJson {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
  readonly ports?: string;
}

export interface AgentJson {
  readonly agentId: string;
  readonly hostname: string;
  readonly httpAddress: string;
  readonly state: string;
  readonly since: string;
  readonly registeredAt: string;
  readonly resources: ResourcesJson;
  readonly used: ResourcesJson;
  readonly offered: ResourcesJson;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface FrameworkJson {
  readonly frameworkId: string;
  readonly name: string;
  readonly state: string;
  readonly roles: readonly string[];
  readonly registeredAt: string;
  readonly used: ResourcesJson;
}

export interface TaskJson {
  readonly taskId: string;
  readonly frameworkId: string;
  readonly name: string;
  readonly agentId: string;
  readonly role: string;
  readonly state: string;
  readonly launchedAt: string;
  readonly completed: boolean;
  readonly resources: ResourcesJson;
  readonly status?: {
    readonly healthy?: boolean;
    readonly reason?: string;
    readonly message?: string;
    readonly containerStatus?: { readonly containerId: string; readonly pid?: number };
  };
}

/** The master's `/state`, as far as the command line reads it. */
export interface StateJson {
  readonly masterId: string;
  readonly version: string;
  readonly endpoint: string;
  readonly startedAt: string;
  readonly agents: readonly AgentJson[];
  readonly frameworks: readonly FrameworkJson[];
  readonly tasks: readonly TaskJson[];
  readonly offers: readonly unknown[];
  readonly roles: readonly { readonly name: string; readonly weight: number; readonly share: number; readonly allocated: ResourcesJson }[];
}

/** The whole cluster as the master sees it. */
export async function readState(master: Service): Promise<StateJson> {
  return (await requestJson(master, 'GET', '/state')) as StateJson;
}

/** Asks the master to kill a task of any framework; its framework may start another one. */
export async function killTask(master: Service, task: Pick<TaskJson, 'frameworkId' | 'taskId'>): Promise<void> {
  const path = `/frameworks/${encodeURIComponent(task.frameworkId)}/tasks/${encodeURIComponent(task.taskId)}/kill`;
  await requestJson(master, 'POST', path);
}
