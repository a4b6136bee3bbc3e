import { Heap, type HeapItem } from './heap.js';

interface Entry extends HeapItem {
  at: number;
  order: number;
  readonly run: () => void;
}

/** A deadline that was set; `cancel` takes it back. */
export interface Deadline {
  readonly at: number;
  cancel(): void;
}

/** Things to do at times to come, in order of time, then in the order they were set. Holds no clock. */
export class Deadlines {
  readonly #heap = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  #order = 0;

  set(at: number, run: () => void): Deadline {
    const entry: Entry = { at, order: this.#order++, run, heapIndex: -1 };
    this.#heap.push(entry);
    return { at, cancel: () => this.#heap.remove(entry) };
  }

  /** When the next one is due; undefined if there is none. */
  get next(): number | undefined {
    return this.#heap.peek()?.at;
  }

  /** Runs all that are due at `now`. */
  run(now: number): void {
    for (let entry = this.#heap.peek(); entry !== undefined && entry.at <= now; entry = this.#heap.peek()) {
      this.#heap.remove(entry);
      entry.run();
    }
  }
}
