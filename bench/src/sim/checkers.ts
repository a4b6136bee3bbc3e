import { add, contains, equals, isEmpty, isTerminal, NO_RESOURCES, overlaps, type Resources } from '@proffer/sdk/model';
import type { AgentView, ClusterView, Delta, FrameworkView, OfferView, TaskView } from '@proffer/master/core';
import type { AgentNode } from './agent-node.js';
import { isOver, type FrameworkNode } from './framework-node.js';
import type { Truth } from './machine.js';
import type { MasterNode } from './master-node.js';
import type { World } from './world.js';

/** The master as a reader follows it: one view, then deltas. */
class Follower {
  readonly agents = new Map<string, AgentView>();
  readonly frameworks = new Map<string, FrameworkView>();
  readonly tasks = new Map<string, TaskView>();
  readonly offers = new Map<string, OfferView>();
  #number: number;

  constructor(view: ClusterView) {
    this.#number = view.number;
    this.#put(view);
  }

  /** Ids of agents whose account may have changed. */
  follow(delta: Delta): Set<string> {
    if (delta.number !== this.#number + 1) throw new Error(`delta ${delta.number} follows ${this.#number}`);
    this.#number = delta.number;
    const touched = new Set<string>();
    for (const { agentId } of [...delta.agents, ...delta.tasks, ...delta.offers]) touched.add(agentId);
    for (const id of delta.removed.offers) this.#touch(touched, this.offers.get(id)?.agentId);
    for (const [framework, task] of delta.removed.tasks) this.#touch(touched, this.tasks.get(`${framework}/${task}`)?.agentId);
    for (const id of delta.removed.agents) this.agents.delete(id);
    for (const id of delta.removed.frameworks) this.frameworks.delete(id);
    for (const [framework, task] of delta.removed.tasks) this.tasks.delete(`${framework}/${task}`);
    for (const id of delta.removed.offers) this.offers.delete(id);
    this.#put(delta);
    return touched;
  }

  #touch(touched: Set<string>, agentId: string | undefined): void {
    if (agentId !== undefined) touched.add(agentId);
  }

  #put(view: Pick<ClusterView, 'agents' | 'frameworks' | 'tasks' | 'offers'>): void {
    for (const agent of view.agents) this.agents.set(agent.agentId, agent);
    for (const framework of view.frameworks) this.frameworks.set(framework.frameworkId, framework);
    for (const task of view.tasks) this.tasks.set(`${task.frameworkId}/${task.taskId}`, task);
    for (const offer of view.offers) this.offers.set(offer.offerId, offer);
  }
}

/** The promises that hold at every moment, and those that hold once everything has come to rest. */
export class Checkers {
  readonly #world: World;
  readonly #master: MasterNode;
  readonly #agents: readonly AgentNode[];
  readonly #frameworks: readonly FrameworkNode[];
  readonly #truths: ReadonlyMap<string, Truth>;
  #follower: Follower | undefined;
  #followed: MasterNode['core'];

  constructor(
    world: World,
    master: MasterNode,
    agents: readonly AgentNode[],
    frameworks: readonly FrameworkNode[],
    truths: ReadonlyMap<string, Truth>,
  ) {
    this.#world = world;
    this.#master = master;
    this.#agents = agents;
    this.#frameworks = frameworks;
    this.#truths = truths;
  }

  /** After every step: the master's books balance, and nothing is held out or used twice. */
  step(): void {
    const { core } = this.#master;
    if (core === undefined) {
      this.#followed = undefined;
      return;
    }
    if (core !== this.#followed) {
      this.#followed = core;
      this.#follower = new Follower(core.snapshot());
      for (const agentId of this.#follower.agents.keys()) this.#balance(agentId);
      return;
    }
    for (const agentId of this.#follower!.follow(core.takeDelta())) this.#balance(agentId);
  }

  #balance(agentId: string): void {
    const follower = this.#follower!;
    const agent = follower.agents.get(agentId);
    if (agent === undefined) return;
    const held: { what: string; resources: Resources }[] = [];
    for (const task of follower.tasks.values()) {
      if (task.agentId === agentId && !task.completed && !isTerminal(task.state) && task.state !== 'TASK_UNREACHABLE') {
        held.push({ what: task.taskId, resources: task.resources });
      }
    }
    const used = sum(held.map(({ resources }) => resources));
    for (const offer of follower.offers.values()) if (offer.agentId === agentId) held.push({ what: offer.offerId, resources: offer.resources });
    for (let i = 0; i < held.length; i++) {
      for (let j = i + 1; j < held.length; j++) {
        if (overlaps(held[i]!.resources, held[j]!.resources)) this.#world.violated(`${held[i]!.what} and ${held[j]!.what} hold the same port of ${agentId}`);
      }
    }
    const all = sum(held.map(({ resources }) => resources));
    if (agent.state === 'registered' && !contains(agent.resources, all)) this.#world.violated(`more is held of ${agentId} than it has`);
    if (agent.state === 'registered' && !equals(agent.used, used)) {
      this.#world.violated(`${agentId} shows ${JSON.stringify(agent.used)} as used, its tasks use ${JSON.stringify(used)}`);
    }
  }

  /** Once all faults are over and time has passed: everybody agrees with what the machines really do. */
  rest(): void {
    const view = this.#master.core?.snapshot();
    if (view === undefined) return this.#world.violated('the master is not up at rest');
    for (const framework of this.#frameworks) this.#agree(framework, view);
    const known = new Set(this.#frameworks.flatMap((framework) => [...framework.known.keys()].map((taskId) => `${framework.frameworkId}/${taskId}`)));
    for (const key of this.#truths.keys()) if (!known.has(key)) this.#world.violated(`${key} was started, but no framework knows of it`);
    for (const agent of view.agents) {
      if (agent.state !== 'registered') this.#world.violated(`${agent.hostname} (${agent.agentId}) is ${agent.state} at rest`);
    }
  }

  #agree(framework: FrameworkNode, view: ClusterView): void {
    const { frameworkId } = framework;
    const tasks = new Map(view.tasks.filter((task) => task.frameworkId === frameworkId && !task.completed).map((task) => [task.taskId, task]));
    for (const { taskId, state, exit } of framework.known.values()) {
      const truth = this.#truths.get(`${frameworkId}/${taskId}`);
      const alive = truth?.alive ?? false;
      if (alive !== !isOver(state)) this.#world.violated(`${framework.name} thinks ${taskId} is ${state}, its process is ${alive ? 'alive' : 'over'}`);
      if (alive && tasks.get(taskId)?.state !== 'TASK_RUNNING') this.#world.violated(`${taskId} runs, the master has it as ${tasks.get(taskId)?.state}`);
      if (!alive && tasks.has(taskId)) this.#world.violated(`${taskId} is over, the master still has it as ${tasks.get(taskId)!.state}`);
      if (truth?.exit?.code !== undefined && exit?.code !== truth.exit.code) {
        this.#world.violated(`${taskId} ended with ${truth.exit.code}, its framework was told ${state} ${JSON.stringify(exit)}`);
      }
    }
  }

  /** Once every task was ended: nothing of them is left anywhere. */
  empty(): void {
    for (const agent of this.#agents) {
      if (agent.machine.size > 0) this.#world.violated(`${agent.name} still has ${agent.machine.size} containers`);
      const tasks = agent.core?.view().tasks ?? [];
      if (tasks.length > 0) this.#world.violated(`${agent.name} still remembers ${tasks.map(({ taskId, state }) => `${taskId} ${state}`).join(', ')}`);
    }
    const view = this.#master.core?.snapshot();
    for (const agent of view?.agents ?? []) if (!isEmpty(agent.used)) this.#world.violated(`${agent.agentId} has something in use`);
    for (const offer of view?.offers ?? []) this.#world.violated(`${offer.offerId} is still held out to ${offer.frameworkId}`);
    for (const { unfinished, name } of this.#frameworks) if (unfinished.length > 0) this.#world.violated(`${name} waits for ${unfinished.length} tasks`);
  }
}

function sum(list: readonly Resources[]): Resources {
  return list.reduce(add, NO_RESOURCES);
}
