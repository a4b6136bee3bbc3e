import type { CommandInfo } from '@proffer/sdk/model';
import type { MachineContainerizer } from '../containerizer/index.js';
import type { ContainerExit, ContainerizerHandlers, ContainerSpec } from '../containerizer/types.js';

/** What containers do while no agent watches them: shared by the containerizers of one agent after the other. */
export class FakeContainers {
  readonly specs = new Map<string, ContainerSpec>();
  readonly exits = new Map<string, ContainerExit>();
  readonly signals: string[] = [];
  #handlers: ContainerizerHandlers | undefined;

  /** The containerizer of the next agent. Processes start at once, a signal ends them. */
  containerizer(handlers: ContainerizerHandlers): MachineContainerizer {
    this.#handlers = handlers;
    return {
      mode: 'plain',
      missing: [{ feature: 'namespaces', reason: 'these containers are not real', remedy: 'use real ones' }],
      recover: async (specs) => {
        for (const { containerId } of specs) this.#recovered(containerId);
        await Promise.resolve();
      },
      launch: (spec) => {
        this.specs.set(spec.containerId, spec);
        handlers.onStarted(spec.containerId, 4711);
      },
      signal: (containerId, signal) => {
        this.signals.push(signal);
        this.exit(containerId, { signal });
      },
      destroy: (containerId) => this.exit(containerId, { signal: 'SIGKILL' }),
      forget: (containerId) => void this.exits.delete(containerId),
      update: () => undefined,
      usage: (containerId) => (this.specs.has(containerId) ? { timestampMs: 0, memoryBytes: 1024 } : undefined),
      ipAddresses: () => undefined,
      exec: (_containerId: string, _command: CommandInfo) => Promise.resolve({ code: 0 }),
      close: async () => {
        this.#handlers = undefined;
        await Promise.resolve();
      },
    };
  }

  exit(containerId: string, exit: ContainerExit): void {
    if (!this.specs.delete(containerId)) return;
    this.exits.set(containerId, exit);
    this.#handlers?.onExited(containerId, exit);
  }

  #recovered(containerId: string): void {
    const exit = this.exits.get(containerId);
    if (exit !== undefined) this.#handlers?.onExited(containerId, exit);
    else if (this.specs.has(containerId)) this.#handlers?.onStarted(containerId, 4711);
    else this.#handlers?.onFailed(containerId, { step: 'launch', message: 'its launch never began' });
  }
}
