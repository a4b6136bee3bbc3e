import type { Clock } from './clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/**
 * Time that stands still until it is told to go on: for tests and simulations. Timers of one moment fire in the order
 * in which they were set.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap; the soonest timer is first. */
  readonly #timers: Timer[] = [];

  /** Starts at this time, in milliseconds since 1970. */
  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback, cancelled: false };
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** When the next timer fires; undefined if there is none. */
  next(): number | undefined {
    while (this.#timers[0]?.cancelled === true) this.#pop();
    return this.#timers[0]?.at;
  }

  /** Fires the next timer, at its time. False if there is none. */
  step(): boolean {
    if (this.next() === undefined) return false;
    const timer = this.#pop();
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    return true;
  }

  /** Lets so much time pass, firing all timers in it, also those that are set meanwhile. */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /** Lets time pass until then; does nothing for a time that is past. */
  advanceTo(time: number): void {
    for (let next = this.next(); next !== undefined && next <= time; next = this.next()) this.step();
    this.#now = Math.max(this.#now, time);
  }

  /** Fires what is due now and what that sets for now, until nothing is left for this moment. Time does not move. */
  settle(): void {
    this.advanceTo(this.#now);
  }

  /** Steps until no timer is left or `done` says so. Throws Error past so many milliseconds: something never comes to rest. */
  runUntilIdle(done: () => boolean = () => false, limitMs = 3_600_000): void {
    const limit = this.#now + limitMs;
    while (!done() && this.step()) {
      if (this.#now > limit) throw new Error(`the virtual clock did not come to rest within ${limitMs} ms`);
    }
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!sooner(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#timers;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && sooner(heap[child + 1]!, heap[child]!)) child++;
      if (!sooner(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function sooner(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
