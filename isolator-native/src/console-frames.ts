/** Frames on the socket of a container's streams; launcher/console.cc is the other side. A type, three zeros, a length. */

/** Spoken on both sides; the launcher says its own in its hello. */
export const CONSOLE_VERSION = 1;
export const HEADER_BYTES = 8;
/** The launcher takes no longer ones. */
export const FRAME_BYTES_MAX = 64 * 1024;

/** From the launcher. */
export const HELLO = 0;
export const STDOUT = 1;
export const STDERR = 2;
export const ENDED = 3;

/** To the launcher. */
const ATTACH = 1;
const INPUT = 2;
const CLOSE_INPUT = 3;
const RESIZE = 4;

const WANTS_OUTPUT = 1;
const PATIENT = 2;

export function attachFrame(options: { readonly replayBytes: number; readonly output: boolean; readonly patient: boolean }): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(options.replayBytes, 0);
  payload.writeUInt32BE((options.output ? WANTS_OUTPUT : 0) | (options.patient ? PATIENT : 0), 4);
  return Buffer.concat([header(ATTACH, payload.length), payload]);
}

/** Input of any length, as header and bytes by turns. */
export function inputFrames(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_BYTES_MAX) {
    const part = bytes.subarray(at, at + FRAME_BYTES_MAX);
    parts.push(header(INPUT, part.length), part);
  }
  return parts;
}

export function closeInputFrame(): Buffer {
  return header(CLOSE_INPUT, 0);
}

export function resizeFrame(columns: number, rows: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt16BE(columns, 0);
  payload.writeUInt16BE(rows, 2);
  return Buffer.concat([header(RESIZE, payload.length), payload]);
}

function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes[0] = type;
  bytes.writeUInt32BE(length, 4);
  return bytes;
}

/** Cuts a stream of bytes into frames; a frame's payload comes whole. */
export class FrameReader {
  readonly #onFrame: (type: number, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (type: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(bytes: Buffer): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (data.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + data.readUInt32BE(4);
      if (data.length < end) break;
      this.#onFrame(data[0]!, data.subarray(HEADER_BYTES, end));
      data = data.subarray(end);
    }
    this.#rest = data;
  }
}
