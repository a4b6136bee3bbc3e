/** What the core remembers, changed in place by the functions beside this file. */
import {
  DEFAULT_ROLE,
  NO_RESOURCES,
  type AgentInfo,
  type FrameworkInfo,
  type KillPolicy,
  type Offer,
  type Pairs,
  type Resources,
  type TaskState,
  type TaskStatus,
} from '@proffer/sdk/model';
import type { Call, FromAgent } from '@proffer/sdk/protocol';
import { noTotals, type Totals } from '../allocator/share.js';
import type { Grant } from '../allocator/index.js';
import type { Deadline } from '../collections/deadlines.js';
import type { LineItem } from '../collections/line.js';
import type { AgentRecord, PeerId } from './types.js';

/**
 * `admitting`: waits for the registry's word, nobody sees it yet. `registered`: counts, and is offered. `disconnected`:
 * its link is gone, for less than the reconnect timeout. `recovering`: admitted by the master before this one, and not
 * back yet. `unreachable`: lost. `gone`: will never come back, says an operator.
 */
export type AgentState = 'admitting' | 'registered' | 'disconnected' | 'recovering' | 'unreachable' | 'gone';

/** Tasks, with the agents that were named, that frameworks asked about too early. */
export type Questions = Map<Framework, Map<string, string | undefined>>;

export class Agent {
  readonly agentId: string;
  info: AgentInfo;
  state: AgentState;
  since: number;
  registeredAt = 0;
  /** The session through which it is reached. */
  peer: PeerId | undefined;
  /** What the registry was last told of it. */
  recorded: AgentRecord['state'] | undefined;
  /** Its registration, while the registry has to hear of it first. */
  registration: FromAgent<'REGISTER_AGENT'> | undefined;
  /** When it counts as lost. */
  deadline: Deadline | undefined;
  /** Those not removed: running, unreachable, or ended and not acknowledged. */
  readonly tasks = new Set<Task>();
  /** By framework, then by executor. */
  readonly executors = new Map<string, Map<string, Executor>>();
  readonly offers = new Set<HeldOffer>();
  /** What waits for it while it is recovering. */
  readonly questions: Questions = new Map();

  constructor(agentId: string, hostname: string, state: AgentState, since: number) {
    this.agentId = agentId;
    this.info = { hostname, httpAddress: '', resources: NO_RESOURCES, attributes: [], version: '' };
    this.state = state;
    this.since = since;
  }
}

/**
 * `subscribing`: waits for the registry's word. `recovered`: known to the master before this one, and not back yet.
 * `removed`: torn down, or its failover timeout ended; remembered so that its id never comes back.
 */
export type FrameworkState = 'subscribing' | 'connected' | 'disconnected' | 'recovered' | 'removed';

export class Framework {
  readonly frameworkId: string;
  readonly principal: string;
  info: FrameworkInfo;
  roles: readonly string[] = [DEFAULT_ROLE];
  state: FrameworkState;
  registeredAt: number;
  peer: PeerId | undefined;
  /** Its subscription, while the registry has to hear of it first. */
  subscription: Call<'SUBSCRIBE'> | undefined;
  /** True once the registry knows it: readers see it from then on. */
  admitted = false;
  /** Its end is being written to the registry. */
  removing = false;
  removedAt: number | undefined;
  failoverDeadline: number | undefined;
  deadline: Deadline | undefined;
  readonly suppressedRoles = new Set<string>();
  /** Those not removed: running, unreachable, or ended and not acknowledged. */
  readonly tasks = new Map<string, Task>();
  /** The newest ended task of each id that is still shown to people. */
  readonly completed = new Map<string, Task>();
  readonly executors = new Set<Executor>();
  readonly offers = new Set<HeldOffer>();
  /** Updates that came while its scheduler was away: sent when it is back, sooner than the agent would repeat them. */
  readonly waiting = new Map<string, TaskStatus>();
  /** Kills of tasks that returning agents may bring along. */
  readonly kills = new Map<string, KillPolicy | undefined>();
  /** How many of its questions wait for an answer. */
  questions = 0;
  /** It asked for all its tasks while agents were recovering: it is told of what they bring. */
  askedForAll = false;
  readonly used: Totals = noTotals();
  readonly offered: Totals = noTotals();

  constructor(frameworkId: string, principal: string, info: FrameworkInfo, state: FrameworkState, registeredAt: number) {
    this.frameworkId = frameworkId;
    this.principal = principal;
    this.info = info;
    this.state = state;
    this.registeredAt = registeredAt;
  }
}

export class Task implements LineItem<Task> {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly taskId: string;
  readonly launchedAt: number;
  name: string;
  role: string;
  resources: Resources;
  executorId: string | undefined;
  labels: Pairs;
  /** The newest state known: what it holds is free once this is terminal. */
  state: TaskState = 'TASK_STAGING';
  /** What it holds is counted as used. */
  holding = false;
  /** The newest status known. */
  status: TaskStatus | undefined;
  /** The status most recently sent to the framework: reconciliation answers with it, and so never overtakes an update. */
  told: TaskStatus | undefined;
  /** A kill that waits for its agent to come back. */
  kill: { readonly killPolicy: KillPolicy | undefined } | undefined;
  completed = false;
  /** Place among the completed tasks. */
  previous: Task | undefined;
  next: Task | undefined;

  constructor(framework: Framework, agent: Agent, launch: TaskHeader, launchedAt: number) {
    this.framework = framework;
    this.agent = agent;
    this.taskId = launch.taskId;
    this.name = launch.name;
    this.role = launch.role;
    this.resources = launch.resources;
    this.executorId = launch.executorId;
    this.labels = launch.labels;
    this.launchedAt = launchedAt;
  }
}

/** What the master reads of a task. */
export interface TaskHeader {
  readonly taskId: string;
  readonly name: string;
  readonly role: string;
  readonly resources: Resources;
  readonly executorId: string | undefined;
  readonly labels: Pairs;
}

/** An executor on an agent; what it needs itself counts once, however many tasks it runs. */
export class Executor {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly executorId: string;
  readonly role: string;
  readonly resources: Resources;
  /** Tasks of it that hold resources. */
  tasks = 0;
  /** It ended while tasks were on their way to it: its agent may be starting it again for them. */
  exited = false;

  constructor(framework: Framework, agent: Agent, executorId: string, role: string, resources: Resources) {
    this.framework = framework;
    this.agent = agent;
    this.executorId = executorId;
    this.role = role;
    this.resources = resources;
  }
}

/** An offer that a framework holds. */
export class HeldOffer implements LineItem<HeldOffer> {
  readonly offer: Offer;
  readonly grant: Grant;
  readonly agent: Agent;
  readonly framework: Framework;
  readonly madeAt: number;
  readonly expiresAt: number;
  /** A reader has seen it. */
  shown = false;
  previous: HeldOffer | undefined;
  next: HeldOffer | undefined;

  constructor(offer: Offer, grant: Grant, agent: Agent, framework: Framework, madeAt: number, expiresAt: number) {
    this.offer = offer;
    this.grant = grant;
    this.agent = agent;
    this.framework = framework;
    this.madeAt = madeAt;
    this.expiresAt = expiresAt;
  }
}
