import type { IsolationMode, MissingFeature } from '@proffer/isolator-native';
import type { CommandInfo, ResourceLimits, Resources } from '@proffer/sdk/model';
import { ContainerLife } from './container.js';
import type { Machine } from './machine.js';
import type { MachineContainerizer } from './options.js';
import { RuntimeDirectories, type Verdict } from './runtime-directory.js';
import type { ContainerizerHandlers, ContainerSpec, ContainerUsage } from './types.js';

/** The parts of a {@link Machine} that this object brings itself. */
export type MachineParts = Omit<Machine, 'handlers' | 'ended' | 'untilDone'> & {
  untilDone(what: string, action: () => Promise<void>, isClosed: () => boolean): Promise<void>;
};

/** Far longer than killing and removing takes where nothing is stuck in the kernel. */
const RECOVERY_MS = 30_000;

/** All containers of this agent, by id. */
export class LocalContainerizer implements MachineContainerizer {
  readonly mode: IsolationMode;
  readonly missing: readonly MissingFeature[];
  readonly #machine: Machine;
  readonly #handlers: ContainerizerHandlers;
  readonly #lives = new Map<string, ContainerLife>();
  readonly #work = new Set<Promise<void>>();
  #closed = false;

  constructor(
    parts: MachineParts,
    handlers: ContainerizerHandlers,
    found: { readonly mode: IsolationMode; readonly missing: readonly MissingFeature[] },
  ) {
    this.mode = found.mode;
    this.missing = found.missing;
    this.#handlers = handlers;
    this.#machine = {
      ...parts,
      handlers: {
        onProgress: (id, message) => this.#closed || handlers.onProgress(id, message),
        onStarted: (id, pid, ipAddresses) => this.#closed || handlers.onStarted(id, pid, ipAddresses),
      },
      ended: (id, verdict) => this.#ended(id, verdict),
      untilDone: (what, action) => parts.untilDone(what, action, () => this.#closed),
    };
  }

  async recover(specs: readonly ContainerSpec[]): Promise<void> {
    const known = new Set(specs.map((spec) => spec.containerId));
    const recovered = specs.map((spec) => this.#add(spec, 'recovered')?.recover());
    await this.#patiently(Promise.all([...recovered, this.#destroyOrphans(known).then(() => this.#retain(known))]));
  }

  launch(spec: ContainerSpec): void {
    const life = this.#add(spec, 'new');
    if (life !== undefined) this.#track(life.start());
  }

  signal(containerId: string, signal: NodeJS.Signals): void {
    this.#lives.get(containerId)?.signal(signal);
  }

  destroy(containerId: string): void {
    this.#lives.get(containerId)?.destroy();
  }

  forget(containerId: string): void {
    if (this.#lives.has(containerId) || RuntimeDirectories.invalidId(containerId) !== undefined) return;
    try {
      this.#machine.directories.remove(containerId);
    } catch (error) {
      this.#machine.warn(`container ${containerId}: its runtime directory cannot be removed: ${String(error)}`);
    }
  }

  update(containerId: string, resources: Resources, limits?: ResourceLimits): void {
    this.#lives.get(containerId)?.update(resources, limits);
  }

  usage(containerId: string): ContainerUsage | undefined {
    return this.#lives.get(containerId)?.usage();
  }

  ipAddresses(containerId: string): readonly string[] | undefined {
    return this.#lives.get(containerId)?.ipAddresses;
  }

  async exec(containerId: string, command: CommandInfo, timeoutMs: number): Promise<{ code: number } | { error: string }> {
    const life = this.#lives.get(containerId);
    return life === undefined ? { error: `there is no container ${containerId}` } : life.exec(command, timeoutMs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const life of this.#lives.values()) life.release();
    await this.#machine.fetcher.close();
    await Promise.all(this.#work);
    for (const isolator of this.#machine.isolators) await isolator.close?.();
    await this.#removeEmptyTree();
  }

  /** An agent comes back even when the kernel does not let go of a container; what is not done by then goes on. */
  async #patiently(work: Promise<unknown>): Promise<void> {
    const { clock } = this.#machine;
    let cancel: () => void = () => undefined;
    const late = new Promise<string>((resolve) => {
      cancel = clock.after(RECOVERY_MS, () => resolve(`not all earlier containers are settled after ${RECOVERY_MS / 1000} s`));
    });
    const outcome = await Promise.race([work, late]);
    cancel();
    if (typeof outcome === 'string') this.#machine.warn(`${outcome}; the agent goes on, and on with them`);
  }

  /** Invalid and doubled ids are answered here, since nothing may be made for them. */
  #add(spec: ContainerSpec, origin: 'new' | 'recovered'): ContainerLife | undefined {
    const id = spec.containerId;
    const fault = RuntimeDirectories.invalidId(id);
    if (fault !== undefined) {
      queueMicrotask(() => this.#handlers.onFailed(id, { step: 'prepare', message: fault }));
      return undefined;
    }
    if (this.#lives.has(id) || this.#closed) {
      const why = this.#closed ? 'the containerizer is closed' : 'it is there already';
      this.#machine.warn(`container ${id}: asked for, but ${why}`);
      return undefined;
    }
    const life = new ContainerLife(spec, this.#machine, origin);
    this.#lives.set(id, life);
    return life;
  }

  #ended(id: string, verdict: Verdict): void {
    this.#lives.delete(id);
    if (this.#closed) return;
    if ('exit' in verdict) this.#handlers.onExited(id, verdict.exit);
    else this.#handlers.onFailed(id, verdict.failure);
  }

  /** Only what is below this agent's run directory and cgroup prefix: that is all it ever made. */
  async #destroyOrphans(known: ReadonlySet<string>): Promise<void> {
    const { directories, native, tree } = this.#machine;
    const unknown = directories.list().filter((id) => !known.has(id));
    const cgroups = (tree?.list() ?? []).filter((name) => !known.has(name) && !unknown.includes(name));
    await Promise.all([
      ...unknown.map((id) =>
        this.#machine.untilDone(`container ${id}, which nobody knows any more, cannot be removed yet`, async () => {
          const cgroup = tree?.open(id);
          if (directories.wasLaunched(id)) {
            const container = await native.recover(directories.path(id), cgroup === undefined ? {} : { cgroup });
            await container.destroy();
          }
          await cgroup?.remove();
          directories.remove(id);
        }),
      ),
      ...cgroups.map((name) =>
        this.#machine.untilDone(`cgroup ${name}, which nobody knows any more, cannot be removed yet`, async () =>
          tree?.open(name)?.remove(),
        ),
      ),
    ]);
  }

  /** After the orphans, whose networks and layers are in use until they are gone. */
  async #retain(known: ReadonlySet<string>): Promise<void> {
    for (const isolator of this.#machine.isolators) {
      const what = `not everything of the isolator ${isolator.name} that nobody knows any more could be removed yet`;
      await this.#machine.untilDone(what, async () => isolator.retain?.(known));
    }
  }

  /** After the last container the tree goes too; what runs on keeps it. */
  async #removeEmptyTree(): Promise<void> {
    const { tree } = this.#machine;
    if (tree !== undefined && tree.list().length === 0) await tree.removeAll();
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}
