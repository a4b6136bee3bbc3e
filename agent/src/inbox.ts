import type { AgentEffect, AgentInput } from './core/types.js';

/**
 * Feeds a core one input at a time. What an effect causes while it is being done waits until the effects before it are
 * done too, so that the order of the core is the order of the world.
 */
export class Inbox {
  readonly #apply: (input: AgentInput) => readonly AgentEffect[];
  readonly #perform: (effect: AgentEffect) => void;
  readonly #waiting: AgentInput[] = [];
  #busy = false;
  #closed = false;

  constructor(apply: (input: AgentInput) => readonly AgentEffect[], perform: (effect: AgentEffect) => void) {
    this.#apply = apply;
    this.#perform = perform;
  }

  push(input: AgentInput): void {
    this.#waiting.push(input);
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const effect of this.#apply(next)) this.#perform(effect);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Nothing reaches the core any more. */
  close(): void {
    this.#closed = true;
  }
}
