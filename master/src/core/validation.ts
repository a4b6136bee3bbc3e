import { invalidId, invalidResources, isEmpty, type Demand, type FrameworkInfo } from '@proffer/sdk/model';
import { AGENT_TASKS_MAX, type FromAgent, type TaskLaunch } from '@proffer/sdk/protocol';
import type { Agent, Framework } from './state.js';

/** Why the task may not be launched on this agent, or undefined if it may; the message names the field. */
export function invalidTask(framework: Framework, agent: Agent, task: TaskLaunch): string | undefined {
  let fault = invalidId(task.taskId);
  if (fault !== undefined) return `taskId ${fault}`;
  if (framework.tasks.has(task.taskId)) return `taskId must be new among the framework's tasks, but "${task.taskId}" is in use`;
  if (task.agentId !== agent.agentId) return `agentId must be that of the offers, "${agent.agentId}", got "${task.agentId}"`;
  fault = invalidResources(task.resources);
  if (fault !== undefined) return `resources: ${fault}`;
  if (isEmpty(task.resources)) return 'resources must not be empty';
  if (task.executor !== undefined) {
    fault = invalidId(task.executor.executorId);
    if (fault !== undefined) return `executor.executorId ${fault}`;
    fault = invalidResources(task.executor.resources);
    if (fault !== undefined) return `executor.resources: ${fault}`;
  }
  if (agent.tasks.size >= AGENT_TASKS_MAX) {
    return `agentId names an agent that has ${AGENT_TASKS_MAX} tasks, the most it may have`;
  }
  return undefined;
}

/** Why the agent may not register like this, or undefined if it may. */
export function invalidRegistration(message: FromAgent<'REGISTER_AGENT'>): string | undefined {
  let fault = invalidId(message.agentId);
  if (fault !== undefined) return `agentId ${fault}`;
  fault = invalidResources(message.agentInfo.resources);
  if (fault !== undefined) return `agentInfo.resources: ${fault}`;
  for (const { taskId, resources, executorId } of message.tasks) {
    fault = invalidId(taskId) ?? invalidResources(resources) ?? (executorId === undefined ? undefined : invalidId(executorId));
    if (fault !== undefined) return `task ${JSON.stringify(taskId)}: ${fault}`;
  }
  for (const { executorId, resources } of message.executors) {
    fault = invalidId(executorId) ?? invalidResources(resources);
    if (fault !== undefined) return `executor ${JSON.stringify(executorId)}: ${fault}`;
  }
  return undefined;
}

/** Why this cannot be a framework, or undefined if it can. */
export function invalidFramework(info: FrameworkInfo): string | undefined {
  if (info.frameworkId !== undefined) {
    // Mixed into file names on agents, and into keys.
    const fault = invalidId(info.frameworkId) ?? (/\s/.test(info.frameworkId) ? 'must hold no white space' : undefined);
    if (fault !== undefined) return `frameworkInfo.frameworkId ${fault}`;
  }
  for (const role of info.roles ?? []) {
    const fault = invalidRole(role);
    if (fault !== undefined) return `frameworkInfo.roles: ${JSON.stringify(role)} ${fault}`;
  }
  return undefined;
}

/** Mesos' rules for the names of roles. */
function invalidRole(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role === '') return 'must not be empty';
  if (/\s/.test(role) || role.includes('\b')) return 'must hold no white space';
  if (role.startsWith('-')) return 'must not begin with "-"';
  const parts = role.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part === '*')) {
    return 'must be names joined by "/", none of them empty, ".", ".." or "*"';
  }
  return undefined;
}

/** Why this is no demand for a framework with these roles, or undefined if it is. */
export function invalidDemand(demand: readonly Demand[], roles: readonly string[]): string | undefined {
  const names = new Set<string>();
  for (const { name, role, resources, ports } of demand) {
    if (names.has(name)) return `demand: the name ${JSON.stringify(name)} is given twice`;
    names.add(name);
    if (role !== undefined && !roles.includes(role)) {
      const got = JSON.stringify(role);
      return `demand ${JSON.stringify(name)}: role must be one of the framework's, ${roles.join(', ')}; got ${got}`;
    }
    const fault = invalidResources(resources);
    if (fault !== undefined) return `demand ${JSON.stringify(name)}: resources: ${fault}`;
    if (isEmpty(resources) && (ports ?? 0) === 0) return `demand ${JSON.stringify(name)}: resources must not be empty`;
  }
  return undefined;
}

/** Why these are not among the framework's roles, or undefined if they are. */
export function foreignRole(field: string, named: readonly string[] | undefined, roles: readonly string[]): string | undefined {
  const foreign = named?.find((role) => !roles.includes(role));
  if (foreign === undefined) return undefined;
  return `${field} must be among the framework's roles, ${roles.join(', ')}; got ${JSON.stringify(foreign)}`;
}
