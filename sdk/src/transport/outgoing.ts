import { encodeFrame, FRAME_BYTES_MAX, type AnyMessage, type LinkMessage, type Shapes } from '../protocol/index.js';
import { BATCH_MESSAGES } from './timing.js';

/** One direction of one session, on the sending side: what waits for the end of the turn, and the numbers of frames. */
export class Outgoing {
  readonly #session: number;
  #sequence = 0;
  #waiting: AnyMessage[] = [];

  constructor(session: number) {
    this.#session = session;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  push(message: AnyMessage): void {
    this.#waiting.push(message);
  }

  /** A frame of its own for a message of the link: what is waiting goes out with the next {@link frames}. */
  linkFrame(message: LinkMessage): Uint8Array {
    return encodeFrame(this.#session, this.#sequence++, [message]);
  }

  /** Everything that is waiting, as frames. Throws {@link OversizeError} for a message that no frame can hold. */
  frames(shapes: Shapes | undefined): Uint8Array[] {
    const messages = this.#waiting;
    this.#waiting = [];
    const frames: Uint8Array[] = [];
    for (let i = 0; i < messages.length; i += BATCH_MESSAGES) {
      this.#encode(messages.length <= BATCH_MESSAGES ? messages : messages.slice(i, i + BATCH_MESSAGES), shapes, frames);
    }
    return frames;
  }

  #encode(messages: readonly AnyMessage[], shapes: Shapes | undefined, frames: Uint8Array[]): void {
    const frame = encodeFrame(this.#session, this.#sequence, messages, shapes);
    if (frame.length <= FRAME_BYTES_MAX) {
      this.#sequence++;
      frames.push(frame);
    } else if (messages.length > 1) {
      const half = messages.length >> 1;
      this.#encode(messages.slice(0, half), shapes, frames);
      this.#encode(messages.slice(half), shapes, frames);
    } else {
      throw new OversizeError(
        `message ${messages[0]!.type} of ${frame.length} bytes is larger than a frame (${FRAME_BYTES_MAX} bytes)`,
      );
    }
  }
}

/** A message that no frame can hold: the session ends, since it cannot be skipped without being missed. */
export class OversizeError extends Error {
  override readonly name = 'OversizeError';
}
