import type { AgentSlot } from './slots.js';

/** The agents that have room, in no order that means anything; adding and removing cost the same however many there are. */
export class RoomList {
  readonly #slots: AgentSlot[] = [];
  #cursor = 0;

  get size(): number {
    return this.#slots.length;
  }

  /** The agents that have room now; the copy stays as it is. */
  copy(): AgentSlot[] {
    return [...this.#slots];
  }

  /** The next agent, round and round: whoever searches goes on where the search before ended, so that tasks spread. */
  next(): AgentSlot {
    if (this.#cursor >= this.#slots.length) this.#cursor = 0;
    return this.#slots[this.#cursor++]!;
  }

  /** Puts the agent in or takes it out, as what it has free says. */
  refresh(slot: AgentSlot): void {
    if (slot.hasRoom) {
      if (slot.roomIndex >= 0) return;
      slot.roomIndex = this.#slots.length;
      this.#slots.push(slot);
    } else {
      this.remove(slot);
    }
  }

  remove(slot: AgentSlot): void {
    const index = slot.roomIndex;
    if (index < 0) return;
    slot.roomIndex = -1;
    const last = this.#slots.pop()!;
    if (last === slot) return;
    this.#slots[index] = last;
    last.roomIndex = index;
  }
}
