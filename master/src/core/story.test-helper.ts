/** Tells what a core does as lines that can be compared with a story: for tests of the core itself. */
import { formatResources, parseResources, type Demand, type TaskState } from '@proffer/sdk/model';
import type {
  AgentToMaster,
  Call,
  ExecutorRecord,
  MasterToAgent,
  ProtocolErrorCode,
  SchedulerCall,
  SchedulerEvent,
  TaskLaunch,
  TaskRecord,
} from '@proffer/sdk/protocol';
import { MasterCore } from './core.js';
import { Records } from '../registry/records.js';
import {
  DEFAULT_CORE_CONFIG,
  EMPTY_REGISTRY,
  type CoreConfig,
  type Effect,
  type Input,
  type RegistryOperation,
  type Rejected,
} from './types.js';

export const START = 1_000_000_000_000;

/** A demand entry from text: `web` times 3 of `cpus:1;mem:128`. */
export function demand(name: string, count: number, resources: string, more: Partial<Demand> = {}): Demand {
  return { name, count, resources: parseResources(resources), ...more };
}

/** A task to launch, from text. */
export function launch(taskId: string, agentId: string, resources: string, more: Partial<TaskLaunch> = {}): TaskLaunch {
  return { taskId, name: taskId, agentId, resources: parseResources(resources), body: new Uint8Array(), ...more };
}

/** A core, its peers and its registry. Each step returns the effects as lines. */
export class Story {
  core: MasterCore;
  now = START;
  readonly #records = new Records();
  readonly #config: CoreConfig;
  #masters = 1;
  /** Writes are durable at once, unless held back here. */
  holdWrites = false;
  #sequence = 0;
  #wake: number | undefined;

  constructor(config: Partial<CoreConfig> = {}) {
    this.#config = { ...DEFAULT_CORE_CONFIG, masterId: 'm1', version: '0', ...config };
    this.core = new MasterCore(this.#config, EMPTY_REGISTRY, this.now);
    this.apply({ type: 'time' });
  }

  /** The agent's peer has its id as its name, unless another is given. */
  agent(
    agentId: string,
    resources: string,
    more: { peer?: string; tasks?: TaskRecord[]; executors?: ExecutorRecord[]; hostname?: string } = {},
  ): string[] {
    return this.says(more.peer ?? agentId, {
      type: 'REGISTER_AGENT',
      agentId,
      agentInfo: {
        hostname: more.hostname ?? `${agentId}.local`,
        httpAddress: '',
        resources: parseResources(resources),
        attributes: [],
        version: '0',
      },
      tasks: more.tasks ?? [],
      executors: more.executors ?? [],
    });
  }

  /** The framework's peer has its name as its name, unless another is given. */
  framework(name: string, more: Partial<Call<'SUBSCRIBE'>> & { peer?: string; principal?: string } = {}): string[] {
    const { peer = name, principal = 'anonymous', frameworkInfo, ...rest } = more;
    return this.says(peer, { type: 'SUBSCRIBE', frameworkInfo: { name, ...frameworkInfo }, ...rest }, principal);
  }

  /** A status update from an agent; its uuid is `<taskId>-<state>`. */
  status(agentId: string, frameworkId: string, taskId: string, state: TaskState, latestState: TaskState = state): string[] {
    const status = {
      taskId,
      state,
      source: 'SOURCE_EXECUTOR',
      timestamp: this.now / 1000,
      uuid: `${taskId}-${state}`,
      agentId,
    } as const;
    return this.says(agentId, { type: 'UPDATE', frameworkId, status, latestState });
  }

  says(peer: string, message: AgentToMaster | SchedulerCall, principal = 'anonymous'): string[] {
    return this.apply({ type: 'message', peer, principal, message });
  }

  /** The peer's session ends; its link may open again at once, unless it is lost. */
  closes(peer: string, code: ProtocolErrorCode = 'DISCONNECTED'): string[] {
    return this.apply({ type: 'peerClosed', peer, code });
  }

  /** Lets so many milliseconds pass, waking the core when it asked for it. */
  advance(ms: number): string[] {
    const end = this.now + ms;
    const lines: string[] = [];
    while (this.#wake !== undefined && this.#wake <= end) {
      this.now = Math.max(this.now, this.#wake);
      lines.push(...this.apply({ type: 'time' }));
    }
    this.now = end;
    return lines;
  }

  /** All that was written is durable now. */
  durable(): string[] {
    return this.apply({ type: 'durable', sequence: this.#sequence });
  }

  /** A new master from what is in the registry; all sessions are gone. */
  failover(): string[] {
    this.#masters++;
    this.#sequence = 0;
    this.#wake = undefined;
    this.core = new MasterCore({ ...this.#config, masterId: `m${this.#masters}` }, this.#records.state(), this.now);
    return this.apply({ type: 'time' });
  }

  /** The input's effects, and those of the writes and wakes that are due at once. */
  apply(input: Input): string[] {
    if (input.type === 'time') this.#wake = undefined;
    const lines: string[] = [];
    for (const effect of this.core.apply(input, this.now)) {
      if (effect.type === 'wake') {
        this.#wake = effect.at;
        continue;
      }
      if (effect.type === 'persist') {
        this.#sequence = effect.sequence;
        this.#records.apply(effect.operation);
      }
      lines.push(describe(effect));
    }
    if (lines.some((line) => line.startsWith('persist')) && !this.holdWrites) lines.push(...this.durable());
    if (this.#wake !== undefined && this.#wake <= this.now) lines.push(...this.apply({ type: 'time' }));
    return lines;
  }
}

function describe(effect: Effect): string {
  switch (effect.type) {
    case 'persist':
      return `persist ${describeOperation(effect.operation)}`;
    case 'reset':
      return `${effect.peer} is reset: ${effect.code}`;
    case 'send':
      return `${effect.peer} < ${describeMessage(effect.message)}`;
    case 'wake':
      return `wake at ${effect.at}`;
  }
}

function describeOperation(operation: RegistryOperation): string {
  switch (operation.type) {
    case 'saveAgent':
      return `agent ${operation.agent.agentId} ${operation.agent.state}`;
    case 'saveFramework': {
      const { frameworkId, removedAt, failoverDeadline } = operation.framework;
      return `framework ${frameworkId}${removedAt !== undefined ? ' removed' : failoverDeadline !== undefined ? ' away' : ''}`;
    }
    default:
      return operation.type;
  }
}

function describeMessage(message: SchedulerEvent | MasterToAgent | Rejected): string {
  switch (message.type) {
    case 'OFFERS':
      return `OFFERS ${message.offers
        .map(({ offerId, agentId, resources, demand }) => {
          const cut = demand.map(({ name, count }) => ` ${name}x${count}`).join('');
          return `${offerId.slice(offerId.indexOf('-') + 1)} ${agentId} ${formatResources(resources)}${cut}`;
        })
        .join(' | ')}`;
    case 'RESCIND':
      return `RESCIND ${message.offerId.slice(message.offerId.indexOf('-') + 1)}`;
    case 'UPDATE': {
      const { taskId, state, reason, uuid } = message.status;
      return `UPDATE ${taskId} ${state}${reason === undefined ? '' : ` ${reason}`}${uuid === undefined ? ' (no uuid)' : ''}`;
    }
    case 'LAUNCH':
      return `LAUNCH ${message.tasks.map(({ taskId }) => taskId).join(' ')}`;
    case 'KILL':
      return `KILL ${message.taskId}${message.killPolicy === undefined ? '' : ` in ${message.killPolicy.gracePeriodSeconds} s`}`;
    case 'ACKNOWLEDGE':
      return `ACKNOWLEDGE ${message.uuid}`;
    case 'SUBSCRIBED':
      return `SUBSCRIBED ${message.frameworkId}`;
    case 'AGENT_REGISTERED':
      return `AGENT_REGISTERED ${[message.agentId, ...message.removedFrameworks.map((id) => `without ${id}`)].join(' ')}`;
    case 'SHUTDOWN_FRAMEWORK':
      return `SHUTDOWN_FRAMEWORK ${message.frameworkId}`;
    case 'FAILURE':
      return `FAILURE ${message.agentId}${message.executorId === undefined ? '' : ` executor ${message.executorId}`}`;
    case 'ERROR':
    case 'REJECTED':
      return `${message.type} ${message.code}`;
    case 'RECOVERING':
      return `RECOVERING ${message.taskIds.join(' ')}`;
    default:
      return message.type;
  }
}
