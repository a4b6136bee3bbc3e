import { invalidId, invalidResources, parseResources, type CommandInfo, type Resources, type TaskInfo } from '../model/index.js';

/** A number of like tasks that should run. */
export interface TaskSet extends Omit<TaskInfo, 'taskId' | 'agentId' | 'name' | 'resources' | 'command'> {
  /** Unique in its scheduler; tasks are called after it. No dot, since task ids are `<name>.<what is unique>`. */
  readonly name: string;
  readonly count: number;
  /** What one task needs, for example `'cpus:0.5;mem:64'`. */
  readonly resources: Resources | string;
  /** What each runs; a string is run by `/bin/sh -c`. Either this or `executor`. */
  readonly command?: CommandInfo | string;
  /** How many ports, whichever, each task gets: in its environment as PORT0, PORT1, ... */
  readonly ports?: number;
  /** How many of them may be on one agent; no bound when absent. */
  readonly maxPerAgent?: number;
  /** Which ended tasks are replaced: all of them (when absent), those that failed, or none. */
  readonly restart?: 'always' | 'onFailure' | 'never';
}

/** A {@link TaskSet} as the scheduler keeps it. */
export interface WantedSet {
  readonly name: string;
  readonly count: number;
  readonly resources: Resources;
  readonly ports: number;
  readonly maxPerAgent: number;
  readonly restart: 'always' | 'onFailure' | 'never';
  /** What every task of the set has, besides its id, agent and ports. */
  readonly template: Omit<TaskInfo, 'taskId' | 'agentId' | 'resources'>;
}

/** Throws RangeError naming the field. */
export function toWantedSet(set: TaskSet): WantedSet {
  const {
    name,
    count,
    resources: given,
    command,
    ports = 0,
    maxPerAgent = Number.POSITIVE_INFINITY,
    restart = 'always',
    ...rest
  } = set;
  const fault = invalidId(name);
  if (fault !== undefined) throw new RangeError(`name ${fault}`);
  if (name.includes('.') || name.length > 200) {
    throw new RangeError(`name must have no dot and at most 200 characters, got "${name}"`);
  }
  requireWhole(`${name}: count`, count, 0);
  requireWhole(`${name}: ports`, ports, 0);
  if (maxPerAgent !== Number.POSITIVE_INFINITY) requireWhole(`${name}: maxPerAgent`, maxPerAgent, 1);
  const resources = typeof given === 'string' ? parseResources(given) : given;
  const wrong = invalidResources(resources);
  if (wrong !== undefined) throw new RangeError(`${name}: resources: ${wrong}`);
  const commandInfo = typeof command === 'string' ? { shell: true, value: command } : command;
  if ((commandInfo === undefined) === (rest.executor === undefined)) {
    throw new RangeError(`${name}: a task set has exactly one of command and executor`);
  }
  const template = { ...rest, name, ...(commandInfo && { command: commandInfo }) };
  return { name, count, resources, ports, maxPerAgent, restart, template };
}

/** The set that a task belongs to, by its id. */
export function setOf(taskId: string): string {
  return taskId.slice(0, Math.max(0, taskId.indexOf('.')));
}

function requireWhole(what: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new RangeError(`${what} must be a whole number from ${minimum} up, got ${value}`);
  }
}
