import type { AgentToExecutor, AgentToMaster } from '@proffer/sdk/protocol';
import type { Logger, Store } from '@proffer/sdk/service';
import type { AcceptorLink, Clock, OpenerLink } from '@proffer/sdk/transport';
import type { Containerizer } from './containerizer/types.js';
import { changesOf } from './core/records.js';
import type { AgentCore } from './core/core.js';
import type { AgentEffect, AgentInput } from './core/types.js';
import type { Prober } from './health/prober.js';
import { Inbox } from './inbox.js';
import type { Sandboxes } from './sandboxes.js';

/** What the core's effects are done with. */
export interface ShellParts {
  readonly core: AgentCore;
  readonly store: Store;
  readonly containerizer: Containerizer;
  readonly prober: Prober;
  readonly sandboxes: Sandboxes;
  readonly clock: Clock;
  readonly log: Logger;
  /** The core says that all is ended which was to be ended. */
  onStopped(reason: 'stopTasks' | 'gone'): void;
  /** The disk refused: nobody knows any more what is true, and the process must end. */
  onFailure(error: Error): void;
}

/** Everything around the core: disk, clock, sockets, containers. */
export class Shell {
  readonly #parts: ShellParts;
  readonly #inbox: Inbox;
  #master: OpenerLink<AgentToMaster> | undefined;
  #executors: AcceptorLink<AgentToExecutor> | undefined;
  #cancelWake: () => void = () => undefined;
  #recovered: () => void = () => undefined;
  #closed = false;

  constructor(parts: ShellParts) {
    this.#parts = parts;
    this.#inbox = new Inbox(
      (input) => parts.core.apply(input, parts.clock.now()),
      (effect) => this.#perform(effect),
    );
  }

  /** Something happened. */
  input(input: AgentInput): void {
    this.#inbox.push(input);
  }

  /** Takes over what an earlier run left; resolves once the containerizer has found it all. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#recovered = resolve;
      this.input({ type: 'start' });
    });
  }

  useMaster(link: OpenerLink<AgentToMaster>): void {
    this.#master = link;
  }

  useExecutors(link: AcceptorLink<AgentToExecutor>): void {
    this.#executors = link;
  }

  /** Ends the links; containers run on. What is being written is the store's to finish. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#inbox.close();
    this.#cancelWake();
    await Promise.all([this.#master?.close(), this.#executors?.close()]);
  }

  #perform(effect: AgentEffect): void {
    const { containerizer, log, sandboxes } = this.#parts;
    switch (effect.type) {
      case 'send':
        return this.#master?.send(effect.message);
      case 'sendExecutor':
        return this.#executors?.send(effect.peer, effect.message);
      case 'resetExecutor':
        return this.#executors?.reset(effect.peer, effect.code, effect.message);
      case 'persist':
        return this.#persist(effect);
      case 'recover':
        return this.#recover(effect);
      case 'launch':
        sandboxes.know([effect.spec]);
        return containerizer.launch(effect.spec);
      case 'signal':
        return containerizer.signal(effect.containerId, effect.signal);
      case 'destroy':
        return containerizer.destroy(effect.containerId);
      case 'updateContainer':
        return containerizer.update(effect.containerId, effect.resources, effect.limits);
      case 'forgetContainer':
        sandboxes.ended(effect.containerId);
        return containerizer.forget(effect.containerId);
      case 'linkSandbox':
        return sandboxes.link(effect);
      case 'check':
        return this.#check(effect);
      case 'wake':
        return this.#wake(effect.at);
      case 'stopped':
        return this.#parts.onStopped(effect.reason);
      case 'log':
        return log[effect.level](effect.message);
    }
  }

  #persist({ sequence, operations }: AgentEffect & { type: 'persist' }): void {
    this.#parts.store.write(operations.flatMap(changesOf)).then(
      () => this.input({ type: 'durable', sequence }),
      (error: unknown) => this.#fail(error),
    );
  }

  #recover({ specs }: AgentEffect & { type: 'recover' }): void {
    this.#parts.sandboxes.know(specs);
    this.#parts.containerizer.recover(specs).then(
      () => {
        this.input({ type: 'recovered' });
        this.#recovered();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #check({ containerId, number, check }: AgentEffect & { type: 'check' }): void {
    void this.#parts.prober.run(containerId, check).then((result) => {
      this.input({ type: 'checkResult', containerId, number, result });
    });
  }

  #wake(at: number): void {
    this.#cancelWake();
    const { clock } = this.#parts;
    this.#cancelWake = clock.after(Math.min(Math.max(0, at - clock.now()), WAKE_MAX_MS), () => this.#awake(at));
  }

  #awake(at: number): void {
    if (at > this.#parts.clock.now()) this.#wake(at);
    else this.input({ type: 'time' });
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#inbox.close();
    this.#parts.onFailure(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Timers cannot wait longer than 2^31 ms; past a day they are set again. */
const WAKE_MAX_MS = 24 * 3600 * 1000;
