import { SCALAR_UNIT } from '@proffer/sdk/model';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Claims } from './claims.js';

/** The numbers of the GPUs a container was given, counted from 0 in the operator's order: `0,2`. */
export const GPUS_VARIABLE = 'PROFFER_GPUS';

export interface GivenGpus {
  readonly devices: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The agent's GPUs as device nodes: each is given whole to one container at a time. */
export class Gpus {
  readonly claims: Claims;
  readonly #nodes: readonly string[];
  readonly #common: readonly string[];

  /** `nodes`: one per GPU; `common`: control nodes that go with any of them. */
  constructor(nodes: readonly string[], common: readonly string[], claims: Claims) {
    this.#nodes = nodes;
    this.#common = common;
    this.claims = claims;
  }

  /** As many as the container's `gpus`; those it has already, where it has some. */
  prepare(spec: ContainerSpec): GivenGpus {
    const count = spec.resources.gpus / SCALAR_UNIT;
    if (count === 0) return { devices: [] };
    const numbers = this.claims.of(spec.containerId) ?? this.#claim(spec.containerId, count);
    return {
      devices: [...numbers.flatMap((number) => this.#nodes[number] ?? []), ...this.#common],
      environment: { [GPUS_VARIABLE]: numbers.join(',') },
    };
  }

  #claim(containerId: string, count: number): readonly number[] {
    if (!Number.isInteger(count)) throw new Error(`resources: gpus are given whole, got ${count}`);
    const taken = this.claims.taken();
    const free = [...this.#nodes.keys()].filter((number) => !taken.has(number)).slice(0, count);
    if (free.length < count) {
      const here = `${this.#nodes.length} GPU devices are configured here, ${this.#nodes.length - taken.size} of them free`;
      throw new Error(`resources: ${count} gpus are asked for; ${here}`);
    }
    this.claims.take(containerId, free);
    return free;
  }
}
