import type { AgentInput, ContainerExit, ContainerSpec } from '@proffer/agent/core';
import type { World } from './world.js';

interface SimContainer {
  readonly spec: ContainerSpec;
  state: 'launching' | 'running' | 'ended';
  exit?: ContainerExit;
}

/** What became of a task's process, as nobody but the machine knows. */
export interface Truth {
  launches: number;
  alive: boolean;
  exit?: ContainerExit;
}

/** A machine: its containers outlive the agent's process, and die with its power. */
export class Machine {
  readonly name: string;
  /** By `framework/task`. */
  readonly truths: Map<string, Truth>;
  readonly #world: World;
  readonly #containers = new Map<string, SimContainer>();
  /** The running agent, if there is one. */
  listener: ((input: AgentInput) => void) | undefined;

  constructor(world: World, name: string, truths: Map<string, Truth>) {
    this.#world = world;
    this.name = name;
    this.truths = truths;
  }

  get alive(): readonly ContainerSpec[] {
    return [...this.#containers.values()].filter(({ state }) => state === 'running').map(({ spec }) => spec);
  }

  /** Containers that nobody has cleaned up. */
  get size(): number {
    return this.#containers.size;
  }

  launch(spec: ContainerSpec): void {
    this.#containers.set(spec.containerId, { spec, state: 'launching' });
    this.#later(this.#world.random.between(1, 300), () => this.#start(spec.containerId));
  }

  signal(containerId: string): void {
    if (!this.#world.random.chance(0.2)) this.#later(this.#world.random.between(0, 2000), () => this.#end(containerId, { signal: 'SIGTERM' }));
  }

  destroy(containerId: string): void {
    const container = this.#containers.get(containerId);
    if (container === undefined) return;
    if (container.state === 'launching') this.#fail(containerId, 'destroyed during launch');
    else this.#later(1, () => this.#end(containerId, { signal: 'SIGKILL' }));
  }

  forget(containerId: string): void {
    if (this.#containers.get(containerId)?.state === 'ended') this.#containers.delete(containerId);
  }

  recover(specs: readonly ContainerSpec[]): void {
    const named = new Set(specs.map(({ containerId }) => containerId));
    for (const containerId of this.#containers.keys()) {
      if (named.has(containerId)) continue;
      this.#end(containerId, { signal: 'SIGKILL' });
      this.#containers.delete(containerId);
    }
    for (const { containerId } of specs) {
      const container = this.#containers.get(containerId);
      if (container?.state === 'running') this.#tell({ type: 'containerStarted', containerId, pid: 1 });
      else if (container?.state === 'ended') this.#tell({ type: 'containerExited', containerId, exit: container.exit! });
      else this.#fail(containerId, 'its launch never ended');
    }
    this.#tell({ type: 'recovered' });
  }

  /** Nothing runs any more, and how it ended is lost with the page cache, also what had ended and was not told on disk. */
  losePower(): void {
    for (const [containerId, container] of this.#containers) {
      if (container.state === 'launching') {
        this.#containers.delete(containerId);
        continue;
      }
      container.state = 'ended';
      container.exit = { lost: 'the machine lost power' };
      Object.assign(this.truths.get(keyOf(container.spec))!, { alive: false, exit: container.exit });
    }
  }

  #start(containerId: string): void {
    const container = this.#containers.get(containerId);
    if (container?.state !== 'launching') return;
    container.state = 'running';
    const key = keyOf(container.spec);
    const truth = this.truths.get(key) ?? { launches: 0, alive: false };
    this.truths.set(key, truth);
    truth.launches++;
    truth.alive = true;
    if (truth.launches > 1) this.#world.violated(`${key} was started ${truth.launches} times`);
    this.#tell({ type: 'containerStarted', containerId, pid: 1 });
    const { random } = this.#world;
    if (random.chance(0.5)) this.#later(random.between(100, 120_000), () => this.#end(containerId, { code: random.chance(0.7) ? 0 : 1 }));
  }

  #end(containerId: string, exit: ContainerExit): void {
    const container = this.#containers.get(containerId);
    if (container?.state !== 'running') return;
    container.state = 'ended';
    container.exit = exit;
    Object.assign(this.truths.get(keyOf(container.spec))!, { alive: false, exit });
    this.#tell({ type: 'containerExited', containerId, exit });
  }

  #fail(containerId: string, message: string): void {
    this.#containers.delete(containerId);
    this.#tell({ type: 'containerFailed', containerId, failure: { step: 'launch', message } });
  }

  #tell(input: AgentInput): void {
    const { listener } = this;
    this.#later(0, () => {
      if (listener !== undefined && listener === this.listener) listener(input);
    });
  }

  #later(ms: number, callback: () => void): void {
    this.#world.clock.after(ms, callback);
  }
}

function keyOf(spec: ContainerSpec): string {
  return `${spec.frameworkId}/${spec.taskId ?? spec.executorId}`;
}
