import type { ContainerExit, ContainerFailure, ContainerizerHandlers, ContainerSpec } from './types.js';
import { resources } from '@proffer/sdk/model';

export type ContainerEvent =
  | { readonly type: 'progress'; readonly id: string; readonly message: string }
  | { readonly type: 'started'; readonly id: string; readonly pid: number }
  | { readonly type: 'failed'; readonly id: string; readonly failure: ContainerFailure }
  | { readonly type: 'exited'; readonly id: string; readonly exit: ContainerExit };

type OfType<T extends ContainerEvent['type']> = Extract<ContainerEvent, { type: T }>;

/** Handlers that remember, and that can be waited for. */
export class Recorder implements ContainerizerHandlers {
  readonly events: ContainerEvent[] = [];
  #waiting: (() => void)[] = [];

  onProgress(id: string, message: string): void {
    this.#add({ type: 'progress', id, message });
  }

  onStarted(id: string, pid: number): void {
    this.#add({ type: 'started', id, pid });
  }

  onFailed(id: string, failure: ContainerFailure): void {
    this.#add({ type: 'failed', id, failure });
  }

  onExited(id: string, exit: ContainerExit): void {
    this.#add({ type: 'exited', id, exit });
  }

  /** The first event of this kind of this container, once it is there. */
  async next<T extends ContainerEvent['type']>(type: T, id: string): Promise<OfType<T>> {
    for (;;) {
      const found = this.events.find((event): event is OfType<T> => event.type === type && event.id === id);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Kinds of events of a container, in order, without progress. */
  order(id: string): string[] {
    return this.events.filter((event) => event.id === id && event.type !== 'progress').map(({ type }) => type);
  }

  #add(event: ContainerEvent): void {
    this.events.push(event);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** A container that runs a shell command with little of everything. */
export function containerSpec(sandboxRoot: string, id: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    containerId: id,
    frameworkId: 'framework',
    taskId: id,
    sandbox: `${sandboxRoot}/sandboxes/${id}`,
    command: { shell: true, value: 'true' },
    environment: [],
    resources: resources({ cpus: 0.5, mem: 64 }),
    ...more,
  };
}
