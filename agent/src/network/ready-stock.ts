/** A small stock of things that take long to make: nothing is made before the first `fill`. */
export class ReadyStock<Item> {
  readonly #size: number;
  readonly #make: () => Promise<Item>;
  readonly #onFailure: (error: unknown) => void;
  readonly #ready: Item[] = [];
  readonly #making = new Set<Promise<void>>();
  #closed = false;

  constructor(size: number, make: () => Promise<Item>, onFailure: (error: unknown) => void) {
    this.#size = size;
    this.#make = make;
    this.#onFailure = onFailure;
  }

  /** One at once, if there is one; `fill` makes the next. */
  take(): Item | undefined {
    return this.#ready.shift();
  }

  /** No more are made; what is left is handed over. */
  async close(): Promise<Item[]> {
    this.#closed = true;
    await Promise.all(this.#making);
    return this.#ready.splice(0);
  }

  /** Makes what is missing, in the background. */
  fill(): void {
    while (!this.#closed && this.#ready.length + this.#making.size < this.#size) {
      const work: Promise<void> = this.#one().finally(() => this.#making.delete(work));
      this.#making.add(work);
    }
  }

  /** After a failure the next `fill` tries again. */
  async #one(): Promise<void> {
    try {
      this.#ready.push(await this.#make());
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
