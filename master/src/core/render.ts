/** What readers see of things. */
import { NO_RESOURCES, add, subtract, type Resources } from '@proffer/sdk/model';
import { resourcesOf } from '../allocator/share.js';
import type { Cluster } from './cluster.js';
import { frameworkRecord } from './framework-state.js';
import type { Agent, Framework, HeldOffer, Task } from './state.js';
import type { AgentView, FrameworkView, OfferView, TaskView } from './views.js';

/** Undefined while the registry has not heard of the agent. */
export function renderAgent(cluster: Cluster, agent: Agent): AgentView | undefined {
  if (agent.state === 'admitting') return undefined;
  let offered: Resources = NO_RESOURCES;
  for (const { grant } of agent.offers) offered = add(offered, grant.resources);
  const { agentId, info, state, since, registeredAt } = agent;
  return {
    agentId,
    hostname: info.hostname,
    httpAddress: info.httpAddress,
    version: info.version,
    state,
    since,
    registeredAt,
    resources: info.resources,
    used: subtract(cluster.allocator.allocatedOf(agentId) ?? NO_RESOURCES, offered),
    offered,
    attributes: info.attributes,
  };
}

/** Undefined while the registry has not heard of the framework. */
export function renderFramework(cluster: Cluster, framework: Framework): FrameworkView | undefined {
  if (!framework.admitted) return undefined;
  return {
    ...frameworkRecord(framework),
    state: framework.state === 'subscribing' ? 'disconnected' : framework.state,
    registeredAt: framework.registeredAt,
    used: resourcesOf(framework.used),
    offered: resourcesOf(framework.offered),
    demand: cluster.allocator.demandOf(framework.frameworkId),
    suppressedRoles: [...framework.suppressedRoles],
  };
}

export function renderTask(task: Task): TaskView {
  const { framework, agent, taskId, name, role, executorId, resources, labels, state, status, launchedAt, completed } = task;
  return {
    frameworkId: framework.frameworkId,
    taskId,
    name,
    agentId: agent.agentId,
    role,
    ...(executorId === undefined ? {} : { executorId }),
    resources,
    labels,
    state,
    source: status?.source ?? 'SOURCE_MASTER',
    launchedAt,
    ...(status === undefined ? {} : { status }),
    completed,
  };
}

export function renderOffer({ offer, madeAt, expiresAt }: HeldOffer): OfferView {
  return { ...offer, madeAt, expiresAt };
}
