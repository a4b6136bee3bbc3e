/**
 * What a {@link Line} holds: it remembers its neighbours, so that it can leave from the middle. An item is in one line
 * at a time.
 */
export interface LineItem<T> {
  /** Only the line writes these. */
  previous: T | undefined;
  next: T | undefined;
}

/** A queue that items may leave at any place, at the same cost however long it is. */
export class Line<T extends LineItem<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** Adds at the end. The item must be in no line. */
  push(item: T): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size++;
  }

  /** The item must be in this line. */
  remove(item: T): void {
    if (item.previous === undefined) this.#first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.#last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size--;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#first; item !== undefined; item = item.next) yield item;
  }
}
