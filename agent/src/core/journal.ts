import type { AgentEffect, AgentOperation } from './types.js';

/**
 * What must be on disk, and what waits for it.
 *
 * All changes of one turn become one `persist`; what was asked to happen after them happens once it is durable.
 */
export class Journal {
  #sequence = 0;
  #durable = 0;
  #operations: AgentOperation[] = [];
  /** In order of their sequence. */
  #waiting: { readonly sequence: number; readonly run: () => void }[] = [];

  record(operation: AgentOperation): void {
    this.#operations.push(operation);
  }

  /** Runs once everything recorded so far, in this turn too, is durable: at once if it is already. */
  whenDurable(run: () => void): void {
    const sequence = this.#operations.length > 0 ? this.#sequence + 1 : this.#sequence;
    if (sequence <= this.#durable) run();
    else this.#waiting.push({ sequence, run });
  }

  /** The store has everything up to this sequence. */
  durable(sequence: number): void {
    this.#durable = Math.max(this.#durable, sequence);
    const ready = this.#waiting.filter((waiting) => waiting.sequence <= sequence);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.slice(ready.length);
    for (const { run } of ready) run();
  }

  /** The effect that makes this turn's changes durable, if there are any. */
  flush(): AgentEffect | undefined {
    if (this.#operations.length === 0) return undefined;
    const operations = this.#operations;
    this.#operations = [];
    this.#sequence += 1;
    return { type: 'persist', sequence: this.#sequence, operations };
  }
}
