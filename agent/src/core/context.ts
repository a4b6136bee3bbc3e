import { add, NO_RESOURCES, subtract, type Resources } from '@proffer/sdk/model';
import type { AgentToMaster } from '@proffer/sdk/protocol';
import type { ExecutorEntry, TaskEntry } from './entries.js';
import { Journal } from './journal.js';
import { Timers } from './timers.js';
import type { AgentCoreConfig, AgentEffect } from './types.js';

/** What all parts of the core share: who the agent is, what it runs, what it knows of the moment. */
export class Context {
  readonly config: AgentCoreConfig;
  readonly journal = new Journal();
  readonly timers = new Timers();
  readonly agentId: string;
  /** By `frameworkId/taskId`; a task stays until the framework acknowledged its end. */
  readonly tasks = new Map<string, TaskEntry>();
  /** By `frameworkId/executorId`; an executor stays until its container is gone. */
  readonly executors = new Map<string, ExecutorEntry>();
  /** Whose a container is; gone with its end. */
  readonly containers = new Map<string, TaskEntry | ExecutorEntry>();
  /** Executors by their sessions. */
  readonly peers = new Map<string, ExecutorEntry>();
  /** Milliseconds since 1970; never goes back. */
  now: number;
  /** The master counts this agent in the present session. */
  registered = false;
  /** Since when there has been no master. */
  withoutMasterSince: number;
  /** No task is accepted any more. */
  stopping = false;
  #used: Resources = NO_RESOURCES;
  #effects: AgentEffect[] = [];

  constructor(config: AgentCoreConfig, agentId: string, now: number) {
    this.config = config;
    this.agentId = agentId;
    this.now = now;
    this.withoutMasterSince = now;
  }

  emit(effect: AgentEffect): void {
    this.#effects.push(effect);
  }

  /** The effects since the last call. */
  takeEffects(): AgentEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Sends to the master, if there is one that counts this agent. */
  send(message: AgentToMaster): void {
    if (this.registered) this.emit({ type: 'send', message });
  }

  log(level: 'info' | 'warn' | 'error', message: string): void {
    this.emit({ type: 'log', level, message });
  }

  get used(): Resources {
    return this.#used;
  }

  /** What could be launched now. */
  get free(): Resources {
    return subtract(this.config.info.resources, this.#used);
  }

  take(resources: Resources): void {
    this.#used = add(this.#used, resources);
  }

  giveBack(resources: Resources): void {
    this.#used = subtract(this.#used, resources);
  }
}
