import { reasonOf } from './abort.js';

interface Running<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/** Work that several may wait for at once, by key: begun by the first, given up when the last one gives up. */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /** Rejects with the signal's reason once it is aborted, whatever becomes of the work. */
  async join(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, begin);
    running.waiting++;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(reasonOf(signal));
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([running.result, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      running.waiting--;
      if (running.waiting === 0) this.#giveUp(key, running);
    }
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Running<T> {
    const abort = new AbortController();
    const running: Running<T> = { result: begin(abort.signal), abort, waiting: 0 };
    this.#running.set(key, running);
    void this.#forgetWhenDone(key, running);
    return running;
  }

  async #forgetWhenDone(key: string, running: Running<T>): Promise<void> {
    await Promise.allSettled([running.result]);
    if (this.#running.get(key) === running) this.#running.delete(key);
  }

  /** The next one who comes begins anew. */
  #giveUp(key: string, running: Running<T>): void {
    if (this.#running.get(key) !== running) return;
    this.#running.delete(key);
    running.abort.abort(new Error('nobody waits for it any more'));
  }
}
