/**
 * The views as the JSON that people and programs read: camelCase, scalars as ordinary numbers (cpus 0.5, mem in MiB),
 * ranges and sets as text, labels as an object, times in ISO 8601.
 */
import { fromPairs, resourcesToJson, type TaskStatus } from '@proffer/sdk/model';
import type { AgentView, FrameworkView, OfferView, RoleView, TaskView } from '../core/views.js';

export type Json = Readonly<Record<string, unknown>>;

export function agentJson(agent: AgentView): Json {
  return {
    agentId: agent.agentId,
    hostname: agent.hostname,
    httpAddress: agent.httpAddress,
    version: agent.version,
    state: agent.state,
    since: time(agent.since),
    registeredAt: time(agent.registeredAt),
    resources: resourcesToJson(agent.resources),
    used: resourcesToJson(agent.used),
    offered: resourcesToJson(agent.offered),
    attributes: Object.fromEntries(agent.attributes.map(({ name, value }) => [name, value])),
  };
}

export function frameworkJson(framework: FrameworkView): Json {
  const { info } = framework;
  return {
    frameworkId: framework.frameworkId,
    name: info.name,
    principal: framework.principal,
    state: framework.state,
    registeredAt: time(framework.registeredAt),
    roles: info.roles ?? [],
    suppressedRoles: framework.suppressedRoles,
    ...(info.failoverTimeout === undefined ? {} : { failoverTimeoutSeconds: info.failoverTimeout }),
    ...(info.user === undefined ? {} : { user: info.user }),
    ...(info.hostname === undefined ? {} : { hostname: info.hostname }),
    ...(info.webuiUrl === undefined ? {} : { webuiUrl: info.webuiUrl }),
    labels: fromPairs(info.labels ?? []),
    ...(framework.failoverDeadline === undefined ? {} : { failoverDeadline: time(framework.failoverDeadline) }),
    ...(framework.removedAt === undefined ? {} : { removedAt: time(framework.removedAt) }),
    used: resourcesToJson(framework.used),
    offered: resourcesToJson(framework.offered),
    demand: framework.demand.map((entry) => ({ ...entry, resources: resourcesToJson(entry.resources) })),
  };
}

export function taskJson(task: TaskView): Json {
  return {
    taskId: task.taskId,
    frameworkId: task.frameworkId,
    name: task.name,
    agentId: task.agentId,
    role: task.role,
    ...(task.executorId === undefined ? {} : { executorId: task.executorId }),
    state: task.state,
    source: task.source,
    launchedAt: time(task.launchedAt),
    completed: task.completed,
    resources: resourcesToJson(task.resources),
    labels: fromPairs(task.labels),
    ...(task.status === undefined ? {} : { status: statusJson(task.status) }),
  };
}

/** Without the framework's own data and the update's uuid, which mean nothing to a reader. */
function statusJson(status: TaskStatus): Json {
  const { timestamp, uuid: _uuid, data: _data, taskId: _taskId, labels, limitation, unreachableTime, ...rest } = status;
  return {
    ...rest,
    timestamp: time(timestamp * 1000),
    ...(labels === undefined ? {} : { labels: fromPairs(labels) }),
    ...(limitation === undefined ? {} : { limitation: resourcesToJson(limitation.resources) }),
    ...(unreachableTime === undefined ? {} : { unreachableTime: time(unreachableTime * 1000) }),
  };
}

export function offerJson(offer: OfferView): Json {
  return {
    offerId: offer.offerId,
    frameworkId: offer.frameworkId,
    agentId: offer.agentId,
    hostname: offer.hostname,
    role: offer.role,
    resources: resourcesToJson(offer.resources),
    demand: offer.demand,
    madeAt: time(offer.madeAt),
    expiresAt: time(offer.expiresAt),
  };
}

export function roleJson(role: RoleView): Json {
  return { ...role, allocated: resourcesToJson(role.allocated) };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
