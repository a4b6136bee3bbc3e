import type { Cgroup } from '@proffer/isolator-native';
import type { ResourceLimits, Resources } from '@proffer/sdk/model';
import { combine, refuseUnhandled, type IsolatedContainer, type Isolator, type Limitation, type Preparation } from '../isolators/index.js';
import type { Machine } from './machine.js';
import { sentence } from './sentence.js';
import type { ContainerSpec, ContainerUsage } from './types.js';

/** All isolators at work on one container, and its cgroup. */
export class Isolation {
  readonly #spec: ContainerSpec;
  readonly #machine: Machine;
  #preparation: Preparation = {};
  #cgroup: Cgroup | undefined;
  #resources: Resources;
  #limits: ResourceLimits | undefined;
  #pid: number | undefined;
  #stopWatching: (() => void)[] = [];

  constructor(spec: ContainerSpec, machine: Machine) {
    this.#spec = spec;
    this.#machine = machine;
    this.#resources = spec.resources;
    this.#limits = spec.limits;
  }

  get preparation(): Preparation {
    return this.#preparation;
  }

  get cgroup(): Cgroup | undefined {
    return this.#cgroup;
  }

  /** Decides what the container gets. Throws what is wrong with its spec; nothing is made yet. */
  prepare(): void {
    refuseUnhandled(this.#spec.container, this.#machine.isolators);
    this.#preparation = combine(this.#machine.isolators.map((isolator) => isolator.prepare(this.#spec)));
  }

  /** Makes what takes time, one isolator after the other. `remove` undoes it, also where this rejects. */
  async provide(): Promise<void> {
    for (const isolator of this.#machine.isolators) {
      if (isolator.provide === undefined) continue;
      this.#preparation = combine([this.#preparation, await isolator.provide(this.#spec)]);
    }
  }

  /** Makes the cgroup with its limits in force. */
  isolate(): void {
    this.#cgroup = this.#machine.tree?.create(this.#spec.containerId, this.#preparation.limits);
    for (const isolator of this.#machine.isolators) isolator.isolate?.(this.#isolated());
  }

  /**
   * Finds what an earlier agent process made. A container runs on as it was prepared then: that its user is gone by now
   * must not end it.
   */
  recover(): void {
    this.#cgroup = this.#machine.tree?.open(this.#spec.containerId);
    const parts = this.#machine.isolators.map((isolator) => {
      try {
        isolator.recover?.(this.#isolated());
        return isolator.prepare(this.#spec);
      } catch (error) {
        this.#warn('it goes on with what it was started with', error);
        return {};
      }
    });
    this.#preparation = combine(parts);
  }

  /** New figures, which `apply` brings into force. */
  set(resources: Resources, limits: ResourceLimits | undefined): void {
    this.#resources = resources;
    this.#limits = limits;
  }

  get isChanged(): boolean {
    return this.#resources !== this.#spec.resources || this.#limits !== this.#spec.limits;
  }

  /** Changes what can be changed in a running container; a limit that the kernel refuses stays as it was and is warned of. */
  apply(): void {
    for (const isolator of this.#machine.isolators) {
      try {
        isolator.update?.(this.#isolated());
      } catch (error) {
        this.#warn(`the ${isolator.name} limit stays as it was`, error);
      }
    }
  }

  usage(): ContainerUsage {
    const figures = { timestampMs: this.#machine.clock.now() };
    const reading = this.#cgroup?.usage() ?? {};
    const isolated = this.#isolated();
    return Object.assign(figures, ...this.#machine.isolators.map((isolator) => isolator.usage?.(reading, isolated)));
  }

  /** `pid`: the container's process 1. */
  watch(onLimitation: (limitation: Limitation) => void, pid?: number): void {
    this.#pid = pid;
    for (const isolator of this.#machine.isolators) {
      try {
        const stop = isolator.watch?.(this.#isolated(), onLimitation);
        if (stop !== undefined) this.#stopWatching.push(stop);
      } catch (error) {
        this.#warn(`the ${isolator.name} limit is in force but not watched`, error);
      }
    }
  }

  unwatch(): void {
    for (const stop of this.#stopWatching.splice(0)) stop();
  }

  /** The limit that ended it, from the figures that the cgroup still has. */
  verdict(): Limitation | undefined {
    for (const isolator of this.#machine.isolators) {
      const limitation = this.#ask(isolator);
      if (limitation !== undefined) return limitation;
    }
    return undefined;
  }

  /** Kills what is in the cgroup, a second way beside the container's own. */
  kill(): void {
    this.#cgroup?.kill().catch((error: unknown) => this.#warn('not all of it could be killed', error));
  }

  /** Gives everything back, in reverse order. Rejects where something cannot go yet; may be called again. */
  async remove(): Promise<void> {
    await this.#cgroup?.remove();
    for (const isolator of this.#machine.isolators.toReversed()) await isolator.cleanup?.(this.#spec.containerId);
  }

  #ask(isolator: Isolator): Limitation | undefined {
    try {
      return isolator.verdict?.(this.#isolated());
    } catch (error) {
      this.#warn('its last figures cannot be read', error);
      return undefined;
    }
  }

  #isolated(): IsolatedContainer {
    const cgroup = this.#cgroup;
    return {
      containerId: this.#spec.containerId,
      resources: this.#resources,
      limits: this.#limits,
      sandbox: this.#spec.sandbox,
      ...(this.#spec.container === undefined ? {} : { wishes: this.#spec.container }),
      ...(cgroup === undefined ? {} : { cgroup }),
      ...(this.#pid === undefined ? {} : { pid: this.#pid }),
    };
  }

  #warn(what: string, error: unknown): void {
    this.#machine.warn(`container ${this.#spec.containerId}: ${what}: ${sentence(error)}`);
  }
}
