import { resources, type Resources } from '@proffer/sdk/model';
import {
  packBody,
  type AgentToExecutor,
  type AgentToMaster,
  type MasterToAgent,
  type TaskBody,
  type TaskLaunch,
} from '@proffer/sdk/protocol';
import type { ContainerExit, ContainerSpec } from '../containerizer/types.js';
import { AgentCore } from '../core/core.js';
import { changesOf, stateOf } from '../core/records.js';
import {
  DEFAULT_AGENT_CORE_CONFIG,
  type AgentCoreConfig,
  type AgentEffect,
  type AgentInput,
  type CheckResult,
} from '../core/types.js';
import { brokenPromise } from './write-ahead.js';

/** A container of a machine that has no kernel. */
export interface FakeContainer {
  readonly spec: ContainerSpec;
  state: 'launching' | 'running' | 'ended';
  exit?: ContainerExit;
  resources: Resources;
  /** Signals it got. */
  readonly signals: string[];
}

export interface FakeMachineOptions {
  readonly resources?: Resources;
  readonly config?: Partial<AgentCoreConfig>;
  /** Processes of tasks start at once (default), or when the test says so. */
  readonly startsAtOnce?: boolean;
  /** SIGTERM ends a task at once (default), or it holds out until it is destroyed. */
  readonly endsOnTerm?: boolean;
  /** What health checks find; healthy unless said otherwise. */
  readonly check?: (containerId: string, now: number) => CheckResult;
}

/** Thrown where a planned crash happens: everything that was not durable is lost, containers run on. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/**
 * The real agent core on a machine of memory: a disk that loses what was not synced, containers that outlive the
 * agent, a clock that moves when told to. Nothing happens by itself: `settle` lets everything that is due happen. Throws
 * where the core acts on something before it is on disk.
 */
export class FakeMachine {
  readonly disk = new Map<string, unknown>();
  readonly containers = new Map<string, FakeContainer>();
  /** Everything said to the master, in order, over all runs of the agent. */
  readonly sent: AgentToMaster[] = [];
  readonly sentToExecutors: { readonly peer: string; readonly message: AgentToExecutor }[] = [];
  readonly resets: { readonly peer: string; readonly message: string }[] = [];
  readonly launches: string[] = [];
  readonly links: string[] = [];
  readonly logs: string[] = [];
  /** What every effect was, in order: to compare two runs. */
  readonly history: AgentEffect[] = [];
  stopped: string | undefined;
  now = 1_000_000;
  core: AgentCore | undefined;
  /** The agent dies when so many more effects have been done; the next number counts from there. */
  crashes: number[] = [];
  readonly #options: FakeMachineOptions;
  #ids = 0;
  #queue: AgentInput[] = [];
  #unsynced: { readonly sequence: number; readonly effect: AgentEffect & { type: 'persist' } }[] = [];
  #wake: number | undefined;

  constructor(options: FakeMachineOptions = {}) {
    this.#options = options;
  }

  /** Starts the agent's process from what is on disk, and lets it recover. */
  boot(): void {
    this.core = new AgentCore(this.#config(), stateOf(this.disk), this.now);
    this.apply({ type: 'start' });
  }

  /** `kill -9`: what is not on disk is lost; containers run on. */
  crash(): void {
    this.core = undefined;
    this.#queue = [];
    this.#unsynced = [];
    this.#wake = undefined;
  }

  apply(input: AgentInput): void {
    if (this.core === undefined) return;
    for (const effect of this.core.apply(input, this.now)) {
      if (this.#crashesNow()) {
        this.crash();
        throw new Crash();
      }
      const broken = brokenPromise(effect, this.disk);
      if (broken !== undefined) throw new Error(broken);
      this.history.push(effect);
      this.#do(effect);
    }
  }

  #crashesNow(): boolean {
    const [left, ...later] = this.crashes;
    if (left === undefined) return false;
    this.crashes = left === 0 ? later : [left - 1, ...later];
    return left === 0;
  }

  /** A session with a master that registers the agent. */
  connect(removedFrameworks: string[] = []): void {
    this.apply({ type: 'sessionOpened' });
    this.settle();
    this.say({ type: 'AGENT_REGISTERED', agentId: this.core!.agentId, removedFrameworks });
  }

  /** A message from the master, and all that follows from it at this moment. */
  say(message: MasterToAgent): void {
    this.apply({ type: 'message', message });
    this.settle();
  }

  /** Lets the disk sync and everything happen that is due now. */
  settle(): void {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) this.apply(next);
      else if (this.#unsynced.length > 0) this.sync();
      else return;
    }
  }

  /** The oldest write that is waiting becomes durable. */
  sync(): void {
    const write = this.#unsynced.shift();
    if (write === undefined) return;
    for (const operation of write.effect.operations) {
      for (const { key, value } of changesOf(operation)) {
        if (value === undefined) this.disk.delete(key);
        else this.disk.set(key, structuredClone(value));
      }
    }
    this.apply({ type: 'durable', sequence: write.sequence });
  }

  /** Moves the clock, stopping at every moment the agent wants to be woken at. */
  advance(ms: number): void {
    const end = this.now + ms;
    while (this.#wake !== undefined && this.#wake <= end) {
      this.now = Math.max(this.now, this.#wake);
      this.#wake = undefined;
      this.apply({ type: 'time' });
      this.settle();
    }
    this.now = end;
  }

  /** The process of a container that is being launched runs. */
  started(containerId: string): void {
    const container = this.containers.get(containerId)!;
    container.state = 'running';
    this.#queue.push({ type: 'containerStarted', containerId, pid: 1000 + this.launches.indexOf(containerId) });
  }

  /** A container's process ends. */
  exit(containerId: string, exit: ContainerExit): void {
    const container = this.containers.get(containerId);
    if (container === undefined || container.state === 'ended') return;
    container.state = 'ended';
    container.exit = exit;
    this.#queue.push({ type: 'containerExited', containerId, exit });
  }

  /** The container of this task or executor. */
  containerOf(id: string): string {
    const found = [...this.containers].find(([, { spec }]) => (spec.taskId ?? spec.executorId) === id);
    if (found === undefined) throw new Error(`there is no container of ${id}`);
    return found[0];
  }

  /** States of the updates sent about this task, in order. */
  states(taskId: string): string[] {
    return this.updates(taskId).map(({ status }) => status.state);
  }

  /** The updates sent about this task, in order. */
  updates(taskId: string): Extract<AgentToMaster, { type: 'UPDATE' }>[] {
    return this.sent.filter((message) => message.type === 'UPDATE').filter(({ status }) => status.taskId === taskId);
  }

  /** Acknowledges the update sent last about this task. */
  acknowledge(taskId: string): void {
    const last = this.updates(taskId).at(-1)!;
    this.say({ type: 'ACKNOWLEDGE', frameworkId: last.frameworkId, taskId, uuid: last.status.uuid! });
  }

  #config(): AgentCoreConfig {
    return {
      ...DEFAULT_AGENT_CORE_CONFIG,
      info: {
        hostname: 'machine',
        httpAddress: '127.0.0.1:5051',
        resources: this.#options.resources ?? resources({ cpus: 4, mem: 1024, ports: [31000, 31009] }),
        attributes: [],
        version: 'test',
      },
      sandboxRoot: '/sandboxes',
      executorSocket: '/run/executors/socket',
      newId: () => `id-${++this.#ids}`,
      ...this.#options.config,
    };
  }

  #do(effect: AgentEffect): void {
    switch (effect.type) {
      case 'send':
        this.sent.push(effect.message);
        break;
      case 'sendExecutor':
        this.sentToExecutors.push(effect);
        break;
      case 'resetExecutor':
        this.resets.push(effect);
        break;
      case 'persist':
        this.#unsynced.push({ sequence: effect.sequence, effect });
        break;
      case 'recover':
        this.#recover(effect.specs);
        break;
      case 'launch':
        this.#launch(effect.spec);
        break;
      case 'signal':
        this.containers.get(effect.containerId)?.signals.push(effect.signal);
        if (this.#options.endsOnTerm !== false) this.exit(effect.containerId, { signal: effect.signal });
        break;
      case 'destroy':
        this.#destroy(effect.containerId);
        break;
      case 'updateContainer':
        this.containers.get(effect.containerId)!.resources = effect.resources;
        break;
      case 'forgetContainer':
        this.containers.delete(effect.containerId);
        break;
      case 'linkSandbox':
        this.links.push(effect.taskId);
        break;
      case 'check': {
        const result = this.#options.check?.(effect.containerId, this.now) ?? { healthy: true, message: 'fine' };
        this.#queue.push({ type: 'checkResult', containerId: effect.containerId, number: effect.number, result });
        break;
      }
      case 'wake':
        this.#wake = effect.at;
        break;
      case 'stopped':
        this.stopped = effect.reason;
        break;
      case 'log':
        this.logs.push(effect.message);
        break;
    }
  }

  #launch(spec: ContainerSpec): void {
    this.launches.push(spec.containerId);
    this.containers.set(spec.containerId, { spec, state: 'launching', resources: spec.resources, signals: [] });
    if (this.#options.startsAtOnce !== false) this.started(spec.containerId);
  }

  #destroy(containerId: string): void {
    const container = this.containers.get(containerId);
    if (container?.state === 'launching') this.#failed(containerId, 'destroyed during launch');
    else this.exit(containerId, { signal: 'SIGKILL' });
  }

  #failed(containerId: string, message: string): void {
    this.containers.delete(containerId);
    this.#queue.push({ type: 'containerFailed', containerId, failure: { step: 'launch', message } });
  }

  /** As the real one: what runs is found, what ended is told, what was being launched is gone, what nobody names is destroyed. */
  #recover(specs: readonly ContainerSpec[]): void {
    const named = new Set(specs.map(({ containerId }) => containerId));
    for (const containerId of this.containers.keys()) if (!named.has(containerId)) this.containers.delete(containerId);
    for (const { containerId } of specs) {
      const container = this.containers.get(containerId);
      if (container?.state === 'running') this.started(containerId);
      else if (container?.state === 'ended') this.#queue.push({ type: 'containerExited', containerId, exit: container.exit! });
      else this.#failed(containerId, 'its launch never began');
    }
    this.#queue.push({ type: 'recovered' });
  }
}

/** A task for a fake machine: a command of 1 cpu and 100 MiB unless said otherwise. */
export function fakeTask(
  agentId: string,
  taskId: string,
  body: Partial<TaskBody> = {},
  needs = resources({ cpus: 1, mem: 100 }),
): TaskLaunch {
  const whole = body.executor ? body : { command: { shell: true, value: 'sleep 1000' }, ...body };
  const executor = whole.executor && { executorId: whole.executor.executorId, resources: whole.executor.resources };
  return { taskId, name: taskId, agentId, resources: needs, body: packBody(whole), ...(executor && { executor }) };
}
