import { EXECUTOR_UPDATES_MAX } from '../protocol/index.js';
import type { TaskStatus } from '../model/index.js';

/** Updates that the agent has not said to have on disk, oldest first. */
export class UnacknowledgedUpdates {
  readonly #byUuid = new Map<string, TaskStatus>();

  /** Throws RangeError when there are too many: the agent is away, and a SUBSCRIBE could not bring them all along. */
  add(status: TaskStatus & { readonly uuid: string }): void {
    if (this.#byUuid.size >= EXECUTOR_UPDATES_MAX) {
      throw new RangeError(`${EXECUTOR_UPDATES_MAX} updates wait for the agent; ${status.taskId} must wait until it is back`);
    }
    this.#byUuid.set(status.uuid, status);
  }

  acknowledged(uuid: string): void {
    this.#byUuid.delete(uuid);
  }

  get size(): number {
    return this.#byUuid.size;
  }

  list(): TaskStatus[] {
    return [...this.#byUuid.values()];
  }
}
