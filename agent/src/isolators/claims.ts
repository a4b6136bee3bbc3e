import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Which of the numbered things of one kind (processor cores, GPUs) each container holds for itself. A claim is a file in
 * the container's runtime directory, so it outlives the agent and goes with the container, also with one that nobody
 * knows any more.
 */
export class Claims {
  readonly #path: (containerId: string) => string;
  readonly #held = new Map<string, readonly number[]>();

  /** `kind` names the file; `runDir` holds the runtime directories. */
  constructor(kind: string, runDir: string) {
    this.#path = (containerId) => join(runDir, containerId, `claim-${kind}`);
  }

  of(containerId: string): readonly number[] | undefined {
    return this.#held.get(containerId);
  }

  /** Everything that some container holds. */
  taken(): ReadonlySet<number> {
    return new Set([...this.#held.values()].flat());
  }

  /** Held from now on, and by a later agent process once it is saved. */
  take(containerId: string, numbers: readonly number[]): void {
    this.#held.set(containerId, numbers);
  }

  /** Before the container runs. Throws where its runtime directory cannot be written. */
  save(containerId: string): void {
    const numbers = this.#held.get(containerId);
    if (numbers !== undefined) writeFileSync(this.#path(containerId), JSON.stringify(numbers), { mode: 0o600 });
  }

  /** What an earlier agent process gave this container. */
  load(containerId: string): void {
    const numbers = read(this.#path(containerId));
    if (numbers !== undefined) this.#held.set(containerId, numbers);
  }

  release(containerId: string): void {
    if (!this.#held.delete(containerId)) return;
    rmSync(this.#path(containerId), { force: true });
  }
}

/** A file that is not there, or was not written to its end, belongs to a container that never ran. */
function read(path: string): readonly number[] | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) && value.every((item) => Number.isInteger(item)) ? (value as number[]) : undefined;
  } catch {
    return undefined;
  }
}
