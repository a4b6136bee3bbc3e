import { formatResources, isEmpty, isTerminal, type Offer } from '@proffer/sdk/model';
import { acknowledge, register, subscribe, update } from './workload.test-helper.js';
import type { World } from './world.test-helper.js';

/** Executors are not shown, but counted: two for each of three frameworks, each a hundredth of a cpu. */
const EXECUTORS_CPUS_MAX = 60;

/** What the core must never be caught at, whatever happened. */
export function broken(world: World): string[] {
  const faults = [...world.faults];
  const view = world.core.snapshot();
  for (const agent of view.agents) {
    const tasks = view.tasks.filter(
      ({ agentId, state }) => agentId === agent.agentId && !isTerminal(state) && state !== 'TASK_UNREACHABLE',
    );
    const offers = view.offers.filter(({ agentId }) => agentId === agent.agentId);
    if (agent.state === 'unreachable' || agent.state === 'gone') {
      if (offers.length > 0) faults.push(`${agent.agentId} is ${agent.state} and offered`);
      continue;
    }
    if (agent.state !== 'registered' && offers.length > 0) faults.push(`${agent.agentId} is ${agent.state} and offered`);
    for (const name of ['cpus', 'mem'] as const) {
      const used = tasks.reduce((sum, { resources }) => sum + resources[name], 0);
      const offered = offers.reduce((sum, { resources }) => sum + resources[name], 0);
      if (agent.offered[name] !== offered) {
        faults.push(`${agent.agentId} says ${agent.offered[name]} ${name} offered, its offers hold ${offered}`);
      }
      const beside = agent.used[name] - used;
      if (beside < 0 || beside > (name === 'cpus' ? EXECUTORS_CPUS_MAX : 0)) {
        faults.push(`${agent.agentId} says ${agent.used[name]} ${name} used, its tasks hold ${used}`);
      }
      if (offered > 0 && agent.used[name] + offered > agent.resources[name]) {
        faults.push(`${agent.agentId} has ${agent.resources[name]} ${name}, ${used} used and ${offered} offered`);
      }
    }
    const ports = offers.flatMap(({ resources }) => [...resources.ports]);
    if (new Set(ports).size !== ports.length && ports.length > 2 && overlapping(offers)) {
      faults.push(`${agent.agentId}: a port is offered twice`);
    }
  }
  for (const framework of view.frameworks) {
    const offered = view.offers.filter(
      ({ frameworkId }) => frameworkId === framework.frameworkId,
    ).reduce((sum, { resources }) => sum + resources.cpus, 0);
    if (framework.offered.cpus !== offered) {
      faults.push(`${framework.frameworkId} says ${framework.offered.cpus} offered, its offers hold ${offered}`);
    }
    if (framework.used.cpus < 0 || framework.used.mem < 0) faults.push(`${framework.frameworkId} uses less than nothing`);
    if (framework.state !== 'connected' && offered > 0) {
      faults.push(`${framework.frameworkId} is ${framework.state} and holds offers`);
    }
  }
  for (const { name, share } of world.core.roles()) if (!(share >= 0)) faults.push(`role ${name} has the share ${share}`);
  return faults;
}

function overlapping(offers: readonly Offer[]): boolean {
  const seen = new Set<number>();
  for (const { resources } of offers) {
    for (let i = 0; i < resources.ports.length; i += 2) {
      for (let port = resources.ports[i]!; port <= resources.ports[i + 1]!; port++) {
        if (seen.has(port)) return true;
        seen.add(port);
      }
    }
  }
  return false;
}

/** With this a framework subscribes without demand. */
const NO_DEMAND = 10;

/**
 * Lets everything come to its end: who may come back does, all tasks end and are acknowledged. Returns what is still
 * held then: a leak.
 */
export function drain(world: World): string[] {
  for (let round = 0; round < 5; round++) {
    world.now += 70_000;
    world.catchUp();
    world.agents.forEach((agent, i) => agent.peer === undefined && register(world, i));
    world.frameworks.forEach((framework, i) => framework.peer === undefined && subscribe(world, i, NO_DEMAND));
    world.catchUp();
    world.agents.forEach((agent, i) => {
      for (const task of agent.tasks.values()) task.doomed = true;
      for (let task = agent.tasks.size - 1; task >= 0; task--) update(world, i, task);
    });
    world.frameworks.forEach((framework, i) => {
      while (framework.unacknowledged.length > 0 && framework.peer !== undefined) acknowledge(world, i, 0);
    });
  }
  return [...broken(world), ...leaks(world)];
}

function leaks(world: World): string[] {
  const faults: string[] = [];
  const view = world.core.snapshot();
  for (const { agentId, state, used } of view.agents) {
    if (state === 'registered' && !isEmpty(used)) faults.push(`${agentId} has no task, and uses ${formatResources(used)}`);
  }
  for (const { frameworkId, used } of view.frameworks) {
    if (!isEmpty(used)) faults.push(`${frameworkId} has no task, and uses ${formatResources(used)}`);
  }
  for (const { taskId, state, completed, agentId } of view.tasks) {
    if (!completed && state !== 'TASK_UNREACHABLE') faults.push(`${taskId} on ${agentId} is still in ${state}`);
  }
  return faults;
}
