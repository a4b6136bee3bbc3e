/**
 * Frames as bytes and back.
 *
 * A frame is `[session, sequence, messages]` in plain msgpack, without extensions. A message is a row of the
 * {@link Shapes} of its direction where both sides have the same table, else a map with its fields' names. Messages
 * of the link itself are always maps: they are exchanged before the two sides know each other.
 */
import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import { families, type AnyMessage, type PeerKind } from './families.js';
import { FrameError } from './frame-error.js';
import { FRAME_BYTES_MAX, FRAME_MESSAGES_MAX } from './limits.js';
import { scan } from './scan.js';
import { compileShapes, type Shapes } from './shapes.js';

/**
 * Plain msgpack: maps are objects, `undefined` in a row is nil and in a map left out, whole numbers past 32 bits stay
 * numbers.
 */
const options = {
  useRecords: false,
  mapsAsObjects: true,
  encodeUndefinedAsNil: true,
  skipValues: [undefined],
  variableMapSize: true,
  int64AsType: 'number',
  moreTypes: false,
} as const;
const packr = new Packr({ ...options });

/** One frame, opened: what it says of the link. Its messages are read with the shapes of the session that it belongs to. */
export interface Frame {
  readonly session: number;
  readonly sequence: number;
  readonly messages: readonly unknown[];
}

/** The rows in which a family's messages travel, both ways. */
export interface FamilyShapes {
  readonly up: Shapes;
  readonly down: Shapes;
  /** Names the two tables: what HELLO and WELCOME compare. */
  readonly hash: string;
}

const compiled = new Map<PeerKind, FamilyShapes>();

/** The tables of one family; made on first use. */
export function familyShapes(kind: PeerKind): FamilyShapes {
  let shapes = compiled.get(kind);
  if (shapes === undefined) {
    const up = compileShapes(families[kind].up);
    const down = compileShapes(families[kind].down);
    const hash = createHash('sha256').update(`${up.description}|${down.description}`).digest('hex').slice(0, 16);
    shapes = { up, down, hash };
    compiled.set(kind, shapes);
  }
  return shapes;
}

/**
 * Encodes one frame. The result is a view that stays valid.
 *
 * Without shapes every message travels as a map. Messages of the link go in frames of their own, as maps.
 */
export function encodeFrame(session: number, sequence: number, messages: readonly AnyMessage[], shapes?: Shapes): Uint8Array {
  return packr.pack([session, sequence, shapes === undefined ? messages : messages.map((message) => shapes.toRow(message))]);
}

/** Opens a frame. Throws {@link FrameError}, and nothing else, for whatever is not a frame. */
export function openFrame(bytes: Uint8Array): Frame {
  if (bytes.length > FRAME_BYTES_MAX) throw new FrameError(`a frame has at most ${FRAME_BYTES_MAX} bytes, got ${bytes.length}`);
  scan(bytes);
  const frame = unpack(bytes);
  if (!Array.isArray(frame) || frame.length !== 3) throw new FrameError('a frame is a list of session, sequence and messages');
  const [session, sequence, messages] = frame as [unknown, unknown, unknown];
  if (!isNumber(session) || !isNumber(sequence)) throw new FrameError('session and sequence are whole numbers from 0 up');
  if (!Array.isArray(messages)) throw new FrameError('the messages of a frame are a list');
  if (messages.length > FRAME_MESSAGES_MAX) {
    throw new FrameError(`a frame has at most ${FRAME_MESSAGES_MAX} messages, got ${messages.length}`);
  }
  return { session, sequence, messages };
}

/**
 * The messages of a frame; rows need the shapes of the other side's direction. Nothing is known of them yet but that each
 * is an object with a string `type`. Byte fields are views of the frame's own memory, which they keep.
 * Throws {@link FrameError}, and nothing else.
 */
export function readMessages(frame: Frame, shapes?: Shapes): AnyMessage[] {
  return frame.messages.map((message) => readMessage(message, shapes));
}

function readMessage(message: unknown, shapes: Shapes | undefined): AnyMessage {
  if (Array.isArray(message)) {
    if (shapes === undefined) throw new FrameError('a message is a row, but no table of shapes was agreed');
    return shapes.fromRow(message);
  }
  if (typeof message === 'object' && message !== null && typeof (message as { type?: unknown }).type === 'string') {
    return message as AnyMessage;
  }
  throw new FrameError('a message is a row, or a map with a type');
}

/** Views of plain bytes, not of a Buffer: so byte fields are Uint8Array whatever carried the frame. */
function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new FrameError(`a frame could not be decoded: ${(error as Error).message}`, { cause: error });
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Any value as bytes, and back: for {@link packBody}. */
export function packValue(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Throws {@link FrameError}, and nothing else, for what is not plain msgpack within the bounds of a frame. */
export function unpackValue(bytes: Uint8Array): unknown {
  scan(bytes);
  return unpack(bytes);
}
