/** Deadlines by name: setting one again replaces it. Earliest first, by name where two are due at the same moment. */
export class Timers {
  readonly #deadlines = new Map<string, { readonly at: number; readonly run: () => void }>();
  /** A binary heap; entries that were replaced or cancelled are skipped when they surface. */
  readonly #heap: { readonly at: number; readonly name: string }[] = [];

  set(name: string, at: number, run: () => void): void {
    this.#deadlines.set(name, { at, run });
    this.#push({ at, name });
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#deadlines.size) this.#rebuild();
  }

  cancel(name: string): void {
    this.#deadlines.delete(name);
  }

  /** When the next one is due. */
  get next(): number | undefined {
    return this.#top()?.at;
  }

  /** Runs what is due, earliest first; what that sets for now or earlier runs too. */
  fire(now: number): void {
    for (let top = this.#top(); top !== undefined && top.at <= now; top = this.#top()) {
      const deadline = this.#deadlines.get(top.name)!;
      this.#deadlines.delete(top.name);
      this.#pop();
      deadline.run();
    }
  }

  #top(): { readonly at: number; readonly name: string } | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#deadlines.get(top.name)?.at === top.at) return top;
      this.#pop();
    }
  }

  #rebuild(): void {
    this.#heap.length = 0;
    for (const [name, { at }] of this.#deadlines) this.#push({ at, name });
  }

  #push(entry: { readonly at: number; readonly name: string }): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, entry)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (before(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: { readonly at: number; readonly name: string }, b: { readonly at: number; readonly name: string }): boolean {
  return a.at < b.at || (a.at === b.at && a.name <= b.name);
}
