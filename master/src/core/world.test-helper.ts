/** A small world around a core: agents and frameworks that remember what they were told. For tests of the core itself. */
import {
  isTerminal,
  parseResources,
  type Demand,
  type Offer,
  type Resources,
  type TaskState,
  type TaskStatus,
} from '@proffer/sdk/model';
import type {
  AgentToMaster,
  ExecutorRecord,
  MasterToAgent,
  SchedulerCall,
  SchedulerEvent,
  TaskRecord,
} from '@proffer/sdk/protocol';
import { Records } from '../registry/records.js';
import { MasterCore } from './core.js';
import { DEFAULT_CORE_CONFIG, OperatorError, type Effect, type Input, type Rejected } from './types.js';

export const AGENTS = [
  'cpus:4;mem:1000;ports:[100-107]',
  'cpus:2;mem:2000',
  'cpus:8;mem:500;ports:[100-103];slots:2',
].map(parseResources);
const FRAMEWORKS = [['x'], ['x', 'y'], ['*']];
export const SIZES = ['cpus:1;mem:100', 'cpus:0.5;mem:300', 'cpus:2;mem:50', 'cpus:1;slots:1'].map(parseResources);

interface AgentTask {
  readonly record: TaskRecord;
  state: TaskState;
  doomed: boolean;
  /** The status most recently sent. */
  sent?: TaskStatus;
}

/** An agent that really has the tasks that it was sent. */
export interface WorldAgent {
  readonly agentId: string;
  peer: string | undefined;
  session: number;
  resources: Resources;
  readonly tasks: Map<string, AgentTask>;
  readonly executors: Map<string, ExecutorRecord>;
}

export interface WorldFramework {
  readonly name: string;
  readonly roles: readonly string[];
  peer: string | undefined;
  session: number;
  frameworkId: string | undefined;
  readonly offers: Map<string, Offer>;
  /** Offers that it once had. */
  readonly past: string[];
  readonly unacknowledged: { agentId: string; taskId: string; uuid: string }[];
  readonly launched: string[];
}

export class World {
  core: MasterCore;
  now = 1_000_000_000_000;
  /** Everything that the present core was told, and what it answered. */
  readonly inputs: { readonly input: Input; readonly now: number }[] = [];
  readonly effects: Effect[][] = [];
  readonly agents: WorldAgent[];
  readonly frameworks: WorldFramework[];
  /** What went wrong by the world's own books. */
  readonly faults: string[] = [];
  readonly #records = new Records();
  #startRegistry = this.#records.state();
  #startedAt = this.now;
  #masters = 1;
  #sequence = 0;
  #names = 0;
  #wake: number | undefined;

  constructor() {
    this.core = this.#newCore();
    this.agents = AGENTS.map((resources, i) => ({
      agentId: `a${i}`,
      peer: undefined,
      session: 0,
      resources,
      tasks: new Map(),
      executors: new Map(),
    }));
    this.frameworks = FRAMEWORKS.map((roles, i) => ({
      name: `f${i}`,
      roles,
      peer: undefined,
      session: 0,
      frameworkId: undefined,
      offers: new Map(),
      past: [],
      unacknowledged: [],
      launched: [],
    }));
    this.apply({ type: 'time' });
  }

  /** A second core that starts as the present one did. */
  twin(): MasterCore {
    return new MasterCore(this.#config(), this.#startRegistry, this.#startedAt);
  }

  apply(input: Input): void {
    if (input.type === 'time') this.#wake = undefined;
    let effects: Effect[] = [];
    this.inputs.push({ input, now: this.now });
    try {
      effects = this.core.apply(input, this.now);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
    }
    this.effects.push(effects);
    for (const effect of effects) this.#perform(effect);
  }

  says(from: { readonly peer: string | undefined }, message: AgentToMaster | SchedulerCall): void {
    if (from.peer !== undefined) this.apply({ type: 'message', peer: from.peer, principal: 'p', message });
  }

  /** All that was written is durable, and all that is due now happens. */
  catchUp(): void {
    this.apply({ type: 'durable', sequence: this.#sequence });
    for (let i = 0; i < 100 && this.#wake !== undefined && this.#wake <= this.now; i++) this.apply({ type: 'time' });
  }

  register(agent: WorldAgent): void {
    agent.peer = `${agent.agentId}#${agent.session++}`;
    const tasks = Array.from(agent.tasks.values(), ({ record, state, sent: status }) => ({
      ...record,
      state,
      ...(status && { status }),
    }));
    const agentInfo = { hostname: agent.agentId, httpAddress: '', resources: agent.resources, attributes: [], version: '' };
    const executors = [...agent.executors.values()];
    this.says(agent, { type: 'REGISTER_AGENT', agentId: agent.agentId, agentInfo, tasks, executors });
  }

  demand(seed: number): Demand[] {
    return [0, 1].map((i) => {
      const each = SIZES[(seed + i) % SIZES.length]!;
      const ports = seed % 5 === 0 ? { ports: 1 } : {};
      return { name: `d${i}`, resources: each, count: (seed >> i) % 5, ...ports, ...(seed % 7 === 0 ? { maxPerAgent: 1 } : {}) };
    });
  }

  newTaskId(): string {
    return `t${this.#names++}`;
  }

  /** A new master from what is in the registry. */
  failover(): void {
    this.#masters++;
    this.#sequence = 0;
    this.#wake = undefined;
    this.#startRegistry = this.#records.state();
    this.#startedAt = this.now;
    this.inputs.length = 0;
    this.effects.length = 0;
    for (const agent of this.agents) agent.peer = undefined;
    for (const framework of this.frameworks) {
      framework.peer = undefined;
      framework.offers.clear();
    }
    this.core = this.#newCore();
    this.apply({ type: 'time' });
  }

  #newCore(): MasterCore {
    return new MasterCore(this.#config(), this.#startRegistry, this.#startedAt);
  }

  #config(): ConstructorParameters<typeof MasterCore>[0] {
    return {
      ...DEFAULT_CORE_CONFIG,
      masterId: `m${this.#masters}`,
      version: '',
      completedTasksMax: 5,
      offersHeldMax: 4,
      weights: { y: 2 },
    };
  }

  #perform(effect: Effect): void {
    if (effect.type === 'persist') {
      this.#sequence = effect.sequence;
      this.#records.apply(effect.operation);
    } else if (effect.type === 'wake') {
      this.#wake = effect.at;
    } else if (effect.type === 'reset') {
      for (const end of [...this.agents, ...this.frameworks]) if (end.peer === effect.peer) end.peer = undefined;
    } else {
      const agent = this.agents.find(({ peer }) => peer === effect.peer);
      const framework = this.frameworks.find(({ peer }) => peer === effect.peer);
      if (agent !== undefined) this.#toAgent(agent, effect.message as MasterToAgent);
      if (framework !== undefined) this.#toFramework(framework, effect.message as SchedulerEvent | Rejected);
    }
  }

  #toAgent(agent: WorldAgent, message: MasterToAgent): void {
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the rest changes nothing in this small world
    switch (message.type) {
      case 'LAUNCH':
        for (const { taskId, name, resources, executor } of message.tasks) {
          if (agent.tasks.has(taskId)) this.faults.push(`${taskId} was launched twice on ${agent.agentId}`);
          const record = {
            frameworkId: message.frameworkId,
            taskId,
            name,
            role: message.role,
            resources,
            state: 'TASK_STAGING' as const,
            ...(executor === undefined ? {} : { executorId: executor.executorId }),
          };
          if (executor !== undefined) {
            const { frameworkId, role } = message;
            agent.executors.set(`${frameworkId} ${executor.executorId}`, { frameworkId, role, ...executor });
          }
          agent.tasks.set(taskId, { record, state: 'TASK_STAGING', doomed: false });
        }
        break;
      case 'KILL': {
        const task = agent.tasks.get(message.taskId);
        if (task !== undefined) task.doomed = true;
        break;
      }
      case 'ACKNOWLEDGE': {
        const state = agent.tasks.get(message.taskId)?.state ?? 'TASK_STAGING';
        if (isTerminal(state) && message.uuid === `${message.taskId}-${state}`) agent.tasks.delete(message.taskId);
        break;
      }
      case 'SHUTDOWN_FRAMEWORK':
        for (const task of agent.tasks.values()) if (task.record.frameworkId === message.frameworkId) task.doomed = true;
        break;
      case 'AGENT_REGISTERED':
        for (const task of agent.tasks.values()) {
          if (message.removedFrameworks.includes(task.record.frameworkId)) task.doomed = true;
        }
    }
  }

  #toFramework(framework: WorldFramework, event: SchedulerEvent | Rejected): void {
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the rest changes nothing in this small world
    switch (event.type) {
      case 'SUBSCRIBED':
        framework.frameworkId = event.frameworkId;
        framework.offers.clear();
        break;
      case 'OFFERS':
        for (const offer of event.offers) {
          if (framework.past.includes(offer.offerId)) this.faults.push(`offer ${offer.offerId} was made twice`);
          framework.offers.set(offer.offerId, offer);
          framework.past.push(offer.offerId);
        }
        break;
      case 'RESCIND':
        framework.offers.delete(event.offerId);
        break;
      case 'UPDATE': {
        const { taskId, uuid, agentId } = event.status;
        if (uuid !== undefined && agentId !== undefined) framework.unacknowledged.push({ agentId, taskId, uuid });
        break;
      }
      case 'ERROR':
        framework.peer = undefined;
        if (event.code === 'FRAMEWORK_REMOVED') framework.frameworkId = undefined;
    }
  }
}
