import { OUTBOX_BYTES_MAX } from '../protocol/index.js';

/** Frames that wait for one peer's socket, oldest first, within {@link OUTBOX_BYTES_MAX}. */
export class Outbox {
  #frames: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#first === this.#frames.length;
  }

  /** False if it does not fit: the peer is too slow. */
  push(frame: Uint8Array): boolean {
    if (this.#bytes + frame.length > OUTBOX_BYTES_MAX) return false;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    return true;
  }

  first(): Uint8Array | undefined {
    return this.#frames[this.#first];
  }

  shift(): void {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return;
    this.#bytes -= frame.length;
    this.#first++;
    if (this.#first === this.#frames.length) this.clear();
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.#bytes = 0;
  }
}
