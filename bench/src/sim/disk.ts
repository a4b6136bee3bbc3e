import type { Clock } from '@proffer/sdk/transport';
import type { Random } from './random.js';

/** One change of a {@link Disk}; `undefined` deletes. */
export interface Change {
  readonly key: string;
  readonly value: unknown;
}

/**
 * A disk that takes its time and loses what was not synced when its node crashes. Writes become durable in order; a
 * crash may keep any number of the first writes that were under way, reported or not, as a real disk would.
 */
export class Disk {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #durable = new Map<string, unknown>();
  #pending: (readonly Change[])[] = [];
  /** Raised by a crash: what was reported to an earlier process is nobody's business any more. */
  #life = 0;
  #lastDurableAt = 0;
  /** Called once, when the next write begins: a moment at which a crash hurts most. */
  onNextWrite: (() => void) | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Calls back once the changes would survive a crash. */
  write(changes: readonly Change[], done: () => void): void {
    const begun = this.onNextWrite;
    this.onNextWrite = undefined;
    begun?.();
    const life = this.#life;
    this.#pending.push(structuredClone(changes));
    const at = Math.max(this.#lastDurableAt, this.#clock.now() + this.#random.between(0, 8));
    this.#lastDurableAt = at;
    this.#clock.after(at - this.#clock.now(), () => {
      if (life !== this.#life) return;
      this.#apply(this.#pending.shift()!);
      done();
    });
  }

  crash(): void {
    this.#life++;
    const kept = this.#random.between(0, this.#pending.length);
    for (const changes of this.#pending.slice(0, kept)) this.#apply(changes);
    this.#pending = [];
    this.#lastDurableAt = this.#clock.now();
  }

  /** What a new process finds. */
  read(): [key: string, value: unknown][] {
    return structuredClone([...this.#durable].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #apply(changes: readonly Change[]): void {
    for (const { key, value } of changes) {
      if (value === undefined) this.#durable.delete(key);
      else this.#durable.set(key, value);
    }
  }
}
