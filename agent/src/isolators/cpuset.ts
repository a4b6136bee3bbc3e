import type { Cgroup } from '@proffer/isolator-native';
import { SCALAR_UNIT } from '@proffer/sdk/model';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Claims } from './claims.js';
import type { IsolatedContainer, Isolator, Preparation } from './types.js';

/** The cgroup of a container that went meanwhile. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV']);

/**
 * Which processor cores a container may use. One that asks for `exclusive` gets as many as its `cpus` for itself: they are
 * taken away from all that did not ask for cores, also from those that run, and given back when it ends. One core always
 * stays for the others. Programs outside this agent's containers are not moved.
 */
export function cpusetIsolator(cores: () => readonly number[], claims: Claims): Isolator {
  const pools = new CorePools(cores, claims);
  return {
    name: 'cpuset',
    handles: ['linux.cpuset'],
    prepare: (spec) => pools.prepare(spec),
    isolate(container) {
      claims.save(container.containerId);
      pools.enter(container);
    },
    update(container) {
      const cpus = claims.of(container.containerId)?.length;
      if (cpus !== undefined && container.resources.cpus !== cpus * SCALAR_UNIT) {
        throw new Error(`it has ${cpus} cores for itself, which cannot be changed while it runs`);
      }
    },
    recover(container) {
      claims.load(container.containerId);
      pools.enter(container);
    },
    cleanup: async (containerId) => pools.leave(containerId),
  };
}

interface SharedContainer {
  readonly cgroup: Cgroup;
  /** The cores it has now, as a list; undefined: all. */
  applied: string | undefined;
}

class CorePools {
  readonly #cores: () => readonly number[];
  /** Cores that one container has for itself. */
  readonly #claims: Claims;
  readonly #pinned = new Map<string, readonly number[]>();
  readonly #shared = new Map<string, SharedContainer>();

  constructor(cores: () => readonly number[], claims: Claims) {
    this.#cores = cores;
    this.#claims = claims;
  }

  prepare(spec: ContainerSpec): Preparation {
    const wish = spec.container?.linux?.cpuset;
    if (wish === undefined) return {};
    if (wish === 'exclusive') return { limits: { cpuset: { cpus: this.#claims.of(spec.containerId) ?? this.#claim(spec) } } };
    const cpus = this.#checked(wish);
    this.#pinned.set(spec.containerId, cpus);
    return { limits: { cpuset: { cpus } } };
  }

  /** It has a cgroup: whoever shares must stay off claimed cores, itself and all others. */
  enter({ containerId, cgroup, wishes }: IsolatedContainer): void {
    // What an earlier process left it with is not known, so it is set anew.
    if (cgroup !== undefined && wishes?.linux?.cpuset === undefined) this.#shared.set(containerId, { cgroup, applied: undefined });
    this.#fit();
  }

  leave(containerId: string): void {
    this.#claims.release(containerId);
    this.#pinned.delete(containerId);
    this.#shared.delete(containerId);
    this.#fit();
  }

  #claim({ containerId, resources }: ContainerSpec): readonly number[] {
    const count = resources.cpus / SCALAR_UNIT;
    if (!Number.isInteger(count) || count < 1) {
      throw new Error(`container.linux.cpuset: "exclusive" needs a whole number of cpus, got ${count}`);
    }
    const pinned = new Set([...this.#pinned.values()].flat());
    const shared = this.#sharedCores();
    // The last ones: the first have most of the machine's interrupts.
    const free = shared.filter((core) => !pinned.has(core)).slice(-count);
    if (free.length < count || shared.length - count < 1) {
      const most = Math.max(0, Math.min(free.length, shared.length - 1));
      throw new Error(`container.linux.cpuset: ${count} cores to itself are asked for, at most ${most} can be had now: one stays for the others`);
    }
    this.#claims.take(containerId, free);
    return free;
  }

  #checked(cpus: readonly number[]): readonly number[] {
    const [all, taken] = [this.#cores(), this.#claims.taken()];
    if (cpus.length === 0) throw new Error('container.linux.cpuset: names no core');
    for (const core of cpus) {
      if (!all.includes(core)) throw new Error(`container.linux.cpuset: there is no core ${core} here; there are ${all.join(', ')}`);
      if (taken.has(core)) throw new Error(`container.linux.cpuset: core ${core} belongs to another container alone`);
    }
    return [...new Set(cpus)];
  }

  #sharedCores(): number[] {
    const taken = this.#claims.taken();
    return this.#cores().filter((core) => !taken.has(core));
  }

  /** Brings into force for all who share what is left to share. */
  #fit(): void {
    const none = this.#claims.taken().size === 0;
    const cpus = none ? [] : this.#sharedCores();
    const wanted = none ? undefined : cpus.join(',');
    for (const container of this.#shared.values()) {
      if (container.applied === wanted) continue;
      try {
        container.cgroup.update({ cpuset: { cpus: none ? null : cpus } });
      } catch (error) {
        if (!GONE.has((error as { code?: string }).code ?? '')) throw error;
      }
      container.applied = wanted;
    }
  }
}
