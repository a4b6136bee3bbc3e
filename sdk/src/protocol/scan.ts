/**
 * Looks through a frame's msgpack before anything is built from it: every length fits the bytes that are there, nothing is
 * nested deeper than our messages are, nothing is left over, and only the plain types occur (nil, booleans, numbers,
 * strings, bytes, lists, maps). Extensions, and with them msgpackr's records, which a peer could define without bound
 * and which make the decoder compile code, are refused. After this, decoding costs memory in proportion to the frame.
 */
import { FrameError } from './frame-error.js';
import { FRAME_DEPTH_MAX, FRAME_VALUES_MAX } from './limits.js';

/** Throws {@link FrameError} unless the bytes are exactly one plain msgpack value within bounds. */
export function scan(bytes: Uint8Array): void {
  const end = bytes.length;
  let position = 0;
  let values = 0;
  /** How many values are still to come on each level. */
  const left: number[] = [1];

  for (;;) {
    while (left[left.length - 1] === 0) {
      left.pop();
      if (left.length === 0) {
        if (position !== end) throw new FrameError(`a frame has ${end - position} bytes behind its end`);
        return;
      }
    }
    left[left.length - 1]!--;
    if (++values > FRAME_VALUES_MAX) throw new FrameError(`a frame holds at most ${FRAME_VALUES_MAX} values`);
    if (position >= end) throw new FrameError('a frame is cut off');
    const token = bytes[position++]!;
    let children = 0;
    if (token < 0x80 || token >= 0xe0) continue;
    if (token < 0x90) children = (token & 0x0f) * 2;
    else if (token < 0xa0) children = token & 0x0f;
    else if (token < 0xc0) position += token & 0x1f;
    else {
      const layout = LAYOUTS[token - 0xc0]!;
      if (layout === undefined) {
        throw new FrameError(`a frame holds the byte 0x${token.toString(16)} where a plain value was expected`);
      }
      const length = readLength(bytes, position, layout.lengthBytes);
      position += layout.lengthBytes + layout.fixed;
      if (layout.holds === 'bytes') position += length;
      else if (layout.holds === 'list') children = length;
      else if (layout.holds === 'map') children = length * 2;
    }
    if (position > end) throw new FrameError('a frame is cut off');
    if (children > end - position) {
      throw new FrameError(`a list or map names ${children} values where ${end - position} bytes are left`);
    }
    if (children > 0) {
      left.push(children);
      if (left.length > FRAME_DEPTH_MAX) throw new FrameError(`a frame is nested deeper than ${FRAME_DEPTH_MAX} levels`);
    }
  }
}

interface Layout {
  /** Bytes of the length that follows the token. */
  readonly lengthBytes: number;
  /** Bytes of the value itself. */
  readonly fixed: number;
  readonly holds: 'nothing' | 'bytes' | 'list' | 'map';
}

const plain = (fixed: number): Layout => ({ lengthBytes: 0, fixed, holds: 'nothing' });
const sized = (lengthBytes: number, holds: Layout['holds']): Layout => ({ lengthBytes, fixed: 0, holds });

/** What follows each token from 0xc0 to 0xdf; nothing for those that are refused. */
const LAYOUTS: readonly (Layout | undefined)[] = [
  plain(0), // nil
  undefined, // never used
  plain(0), // false
  plain(0), // true
  sized(1, 'bytes'),
  sized(2, 'bytes'),
  sized(4, 'bytes'),
  undefined, // extensions
  undefined,
  undefined,
  plain(4), // float
  plain(8),
  plain(1), // unsigned
  plain(2),
  plain(4),
  plain(8),
  plain(1), // signed
  plain(2),
  plain(4),
  plain(8),
  undefined, // fixed extensions
  undefined,
  undefined,
  undefined,
  undefined,
  sized(1, 'bytes'), // strings
  sized(2, 'bytes'),
  sized(4, 'bytes'),
  sized(2, 'list'),
  sized(4, 'list'),
  sized(2, 'map'),
  sized(4, 'map'),
];

/** A big-endian number; 0 where the frame ends before it, which the caller's bound then sees. */
function readLength(bytes: Uint8Array, position: number, count: number): number {
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (bytes[position + i] ?? 0);
  return length;
}
