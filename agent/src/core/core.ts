import type { MasterToAgent } from '@proffer/sdk/protocol';
import { Checks } from './checks.js';
import { Context } from './context.js';
import { keyOf, type ExecutorEntry, type TaskEntry } from './entries.js';
import { ExecutorLink } from './executor-link.js';
import { Executors } from './executors.js';
import { Launches } from './launches.js';
import { recover, specsOf } from './recovery.js';
import { registration } from './registration.js';
import { Shutdowns } from './shutdowns.js';
import { CommandTasks } from './tasks.js';
import type { AgentCoreConfig, AgentEffect, AgentInput, AgentState, AgentView, TaskView } from './types.js';
import { Updates } from './updates.js';
import { taskView, viewOf } from './view.js';

type ContainerEvent = Extract<AgentInput, { containerId: string }>;

/**
 * The agent as a deterministic state machine: inputs in, effects out. The same inputs give the same effects, always.
 *
 * What must survive is written before it is acted upon: a launch before the container, a status before it is sent, an
 * exit before the containerizer may forget it. So whatever the moment the process dies at, the next core, made from
 * what was durable, goes on from there.
 */
export class AgentCore {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #checks: Checks;
  readonly #tasks: CommandTasks;
  readonly #executors: Executors;
  readonly #executorLink: ExecutorLink;
  readonly #launches: Launches;
  readonly #shutdowns: Shutdowns;
  readonly #isNew: boolean;
  #session = false;
  #recovered = false;
  #identityDurable = false;
  #wake: number | undefined;

  constructor(config: AgentCoreConfig, state: AgentState, now: number) {
    this.#isNew = state.agentId === undefined;
    this.#context = new Context(config, state.agentId ?? config.newId(), now);
    this.#updates = new Updates(this.#context);
    this.#checks = new Checks(this.#context, this.#updates, (task, message) => {
      this.#tasks.kill(task, 'health', undefined, message);
    });
    this.#tasks = new CommandTasks(this.#context, this.#updates, this.#checks);
    this.#executors = new Executors(this.#context, this.#updates);
    this.#executorLink = new ExecutorLink(this.#context, this.#updates, this.#executors);
    this.#launches = new Launches(this.#context, this.#updates, this.#tasks, this.#executors);
    this.#shutdowns = new Shutdowns(this.#context, this.#updates, this.#tasks, this.#executors);
    recover(this.#context, this.#updates, state);
  }

  get agentId(): string {
    return this.#context.agentId;
  }

  /** One thing that happened, at `now` in milliseconds since 1970, and what is to be done for it, in this order. */
  apply(input: AgentInput, now: number): AgentEffect[] {
    this.#context.now = Math.max(this.#context.now, now);
    this.#handle(input);
    this.#shutdowns.checkStopped();
    const persist = this.#context.journal.flush();
    if (persist !== undefined) this.#context.emit(persist);
    const { next } = this.#context.timers;
    if (next !== undefined && next !== this.#wake) this.#context.emit({ type: 'wake', at: next });
    this.#wake = next;
    return this.#context.takeEffects();
  }

  /** What the agent is and runs, for people. */
  view(): AgentView {
    return viewOf(this.#context);
  }

  /** One task that has not been forgotten yet. */
  task(frameworkId: string, taskId: string): TaskView | undefined {
    const task = this.#context.tasks.get(keyOf(frameworkId, taskId));
    return task && taskView(task);
  }

  #handle(input: AgentInput): void {
    switch (input.type) {
      case 'start':
        return this.#start();
      case 'recovered':
        this.#recovered = true;
        return this.#register();
      case 'sessionOpened':
        this.#session = true;
        return this.#register();
      case 'sessionClosed':
        return this.#sessionClosed();
      case 'message':
        return this.#masterMessage(input.message);
      case 'executorMessage':
        return this.#executorLink.message(input.peer, input.message);
      case 'executorClosed':
        return this.#executorLink.closed(input.peer);
      case 'durable':
        return this.#context.journal.durable(input.sequence);
      case 'time':
        this.#wake = undefined;
        return this.#context.timers.fire(this.#context.now);
      case 'stopTasks':
        return this.#shutdowns.stop('stopTasks');
      case 'containerProgress':
      case 'containerStarted':
      case 'containerFailed':
      case 'containerExited':
      case 'checkResult':
        return this.#containerEvent(input);
    }
  }

  #start(): void {
    const { journal, agentId } = this.#context;
    if (this.#isNew) journal.record({ type: 'saveAgent', agentId });
    journal.whenDurable(() => {
      this.#identityDurable = true;
      this.#register();
    });
    this.#shutdowns.disconnected();
    this.#executors.recovered();
    this.#context.emit({ type: 'recover', specs: specsOf(this.#context) });
  }

  /** Once all is known that an earlier run left, and the own id cannot be lost any more. */
  #register(): void {
    if (!this.#session || !this.#recovered || !this.#identityDurable) return;
    this.#context.emit({ type: 'send', message: registration(this.#context) });
  }

  #sessionClosed(): void {
    this.#session = false;
    if (!this.#context.registered) return;
    this.#context.registered = false;
    this.#updates.disconnected();
    this.#shutdowns.disconnected();
  }

  #masterMessage(message: MasterToAgent): void {
    switch (message.type) {
      case 'AGENT_REGISTERED':
        return this.#registered(message.agentId, message.removedFrameworks);
      case 'ERROR':
        return this.#refused(message.code, message.message);
      case 'LAUNCH':
        return this.#launches.launch(message);
      case 'KILL':
        return this.#withTask(message.frameworkId, message.taskId, (task) =>
          this.#shutdowns.kill(task, 'request', message.killPolicy?.gracePeriodSeconds),
        );
      case 'ACKNOWLEDGE':
        return this.#withTask(message.frameworkId, message.taskId, (task) => this.#updates.acknowledged(task, message.uuid));
      case 'SHUTDOWN_FRAMEWORK':
        return this.#shutdowns.framework(message.frameworkId);
      case 'SHUTDOWN_EXECUTOR': {
        const executor = this.#executors.find(message.frameworkId, message.executorId);
        return executor && this.#executors.shutdown(executor, 'shutdown');
      }
      case 'MESSAGE':
        return this.#executors.message(message.frameworkId, message.executorId, message.data);
    }
  }

  #registered(agentId: string, removedFrameworks: readonly string[]): void {
    if (agentId !== this.#context.agentId) {
      return this.#context.log('error', `AGENT_REGISTERED for ${agentId} ignored: this is agent ${this.#context.agentId}`);
    }
    this.#context.registered = true;
    this.#context.log('info', `registered as agent ${agentId}`);
    this.#shutdowns.registered();
    for (const frameworkId of removedFrameworks) this.#shutdowns.framework(frameworkId);
    this.#updates.registered();
  }

  #refused(code: string, message: string): void {
    this.#context.log('error', `the master refused this agent: ${code}: ${message}`);
    if (code === 'AGENT_GONE') this.#shutdowns.stop('gone');
  }

  /** What is said of a container that has ended is late, and changes nothing. */
  #containerEvent(input: ContainerEvent): void {
    const entry = this.#context.containers.get(input.containerId);
    if (entry?.kind === 'task') this.#taskEvent(entry, input);
    else if (entry?.kind === 'executor') this.#executorEvent(entry, input);
  }

  #taskEvent(task: TaskEntry, event: ContainerEvent): void {
    switch (event.type) {
      case 'containerProgress':
        return this.#tasks.progressed(task, event.message);
      case 'containerStarted':
        return this.#tasks.started(task, event.pid, event.ipAddresses);
      case 'containerFailed':
        return this.#tasks.failed(task, event.failure);
      case 'containerExited':
        return this.#tasks.exited(task, event.exit);
      case 'checkResult':
        return this.#checks.result(task, event.number, event.result);
    }
  }

  #executorEvent(executor: ExecutorEntry, event: ContainerEvent): void {
    switch (event.type) {
      case 'containerStarted':
        return this.#executors.started(executor, event.pid);
      case 'containerFailed':
        return this.#executors.failed(executor, event.failure);
      case 'containerExited':
        return this.#executors.exited(executor, event.exit);
      case 'containerProgress':
      case 'checkResult':
        // An executor reports on its tasks itself.
        return undefined;
    }
  }

  /** What is said about a task that is not here any more is late, and changes nothing. */
  #withTask(frameworkId: string, taskId: string, then: (task: TaskEntry) => void): void {
    const task = this.#context.tasks.get(keyOf(frameworkId, taskId));
    if (task !== undefined) then(task);
  }
}
