import { BACKOFF_MAX_MS, BACKOFF_MIN_MS } from './timing.js';

/** How long to wait before each further attempt: doubling, with jitter, so that many peers do not come back in step. */
export class Backoff {
  readonly #random: () => number;
  #attempt = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next attempt: between half and all of the doubled time. */
  next(): number {
    const full = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#attempt);
    if (full < BACKOFF_MAX_MS) this.#attempt++;
    return full * (0.5 + this.#random() / 2);
  }

  /** It worked: the next wait is a short one. */
  reset(): void {
    this.#attempt = 0;
  }
}
