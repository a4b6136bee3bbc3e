import {
  add,
  contains,
  countRanges,
  eachInRanges,
  NO_RESOURCES,
  subtract,
  takeRanges,
  type CommandInfo,
  type Offer,
  type Pairs,
  type Ranges,
  type Resources,
} from '../model/index.js';
import type { WantedSet } from './task-set.js';
import type { Launch } from './types.js';

/** How many more tasks of a set may be placed, in all and on the agent at hand. */
export interface Vacancy {
  readonly set: WantedSet;
  readonly missing: number;
  readonly missingOnAgent: number;
}

/**
 * Fills an offer with tasks, set by set in the order given, as long as what is left of it holds one more. Pure: `newId`
 * makes the part of a task's id that is unique.
 */
export function fillOffer(offer: Offer, vacancies: readonly Vacancy[], newId: () => string): Launch[] {
  let left = offer.resources;
  const launches: Launch[] = [];
  for (const { set, missing, missingOnAgent } of vacancies) {
    // An executor is counted beside its tasks, once on an agent; its first task pays for it.
    let executor = set.template.executor?.resources ?? NO_RESOURCES;
    for (let count = Math.min(missing, missingOnAgent); count > 0; count--) {
      const taken = takeTask(left, set, executor);
      if (taken === undefined) break;
      left = subtract(left, add(taken, executor));
      executor = NO_RESOURCES;
      launches.push(toLaunch(offer, set, taken, newId));
    }
  }
  return launches;
}

/** What one task of the set would take of these resources; undefined if it does not fit. */
function takeTask(left: Resources, set: WantedSet, executor: Resources): Resources | undefined {
  const base = add(set.resources, executor);
  if (!contains(left, base)) return undefined;
  if (set.ports === 0) return set.resources;
  const ports = takeRanges(subtract(left, base).ports, set.ports);
  return countRanges(ports) === set.ports ? add(set.resources, { ...NO_RESOURCES, ports }) : undefined;
}

function toLaunch(offer: Offer, set: WantedSet, resources: Resources, newId: () => string): Launch {
  const { command } = set.template;
  const offered = offer.demand.some((entry) => entry.name === set.name);
  return {
    ...set.template,
    taskId: `${set.name}.${newId()}`,
    agentId: offer.agentId,
    resources,
    ...(command && { command: withPorts(command, resources.ports) }),
    ...(offered && { demand: set.name }),
  };
}

function withPorts(command: CommandInfo, ports: Ranges): CommandInfo {
  if (ports.length === 0) return command;
  const numbers = [...eachInRanges(ports)].map(String);
  const variables: Pairs = [...numbers.map((port, i) => [`PORT${i}`, port] as const), ['PORTS', numbers.join(',')]];
  return { ...command, environment: [...variables, ...(command.environment ?? [])] };
}
