import { STRANGER_ANSWER_MS, STRANGERS_MAX } from './timing.js';

interface Stranger {
  session: number;
  answeredAt: number;
  warned: boolean;
}

/**
 * Addresses that sent frames outside any session: remembered, within a bound, so that each is warned of once and
 * answered at most once a second for one session. A peer that only sends garbage costs a hundred bytes.
 */
export class Strangers {
  readonly #byAddress = new Map<string, Stranger>();

  /** True if this frame should be answered. */
  mayAnswer(address: string, session: number, now: number): boolean {
    const stranger = this.#get(address);
    if (stranger.session === session && now - stranger.answeredAt < STRANGER_ANSWER_MS) return false;
    stranger.session = session;
    stranger.answeredAt = now;
    return true;
  }

  /** True the first time for this address. */
  mayWarn(address: string): boolean {
    const stranger = this.#get(address);
    const first = !stranger.warned;
    stranger.warned = true;
    return first;
  }

  #get(address: string): Stranger {
    let stranger = this.#byAddress.get(address);
    if (stranger === undefined) {
      // The longest known goes first; to warn of it twice is no harm.
      if (this.#byAddress.size >= STRANGERS_MAX) this.#byAddress.delete(this.#byAddress.keys().next().value!);
      stranger = { session: -1, answeredAt: Number.NEGATIVE_INFINITY, warned: false };
      this.#byAddress.set(address, stranger);
    }
    return stranger;
  }
}
