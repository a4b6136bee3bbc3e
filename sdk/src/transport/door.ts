import {
  encodeFrame,
  FrameError,
  PROTOCOL_ERRORS,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
  type AnyMessage,
  type Frame,
  type LinkMessage,
  type PeerKind,
  type ProtocolErrorCode,
} from '../protocol/index.js';
import type { Clock } from './clock.js';
import { checkLink } from './incoming.js';
import type { Session } from './session.js';
import { Strangers } from './strangers.js';

export interface DoorParts<K extends PeerKind> {
  readonly kinds: readonly K[];
  readonly clock: Clock;
  readonly warn: (text: string) => void;
  readonly refused: () => void;
  readonly answer: (address: string, frame: Uint8Array) => void;
}

/** A greeting that is accepted, in this version. */
export interface Admission<K extends PeerKind> {
  readonly kind: K;
  readonly version: number;
  /** The peer's table of shapes. */
  readonly shapes: string;
}

type Hello = Extract<LinkMessage, { type: 'HELLO' }>;

/** What an acceptor does with frames of no session that it knows: lets greetings in, and turns everything else away. */
export class Door<K extends PeerKind> {
  readonly #parts: DoorParts<K>;
  readonly #strangers = new Strangers();

  constructor(parts: DoorParts<K>) {
    this.#parts = parts;
  }

  /** Whom to let in for this frame; `current` is the session that its address has. Throws FrameError for a bad greeting. */
  admit(address: string, frame: Frame, current: Session | undefined): Admission<K> | undefined {
    const [first] = frame.messages;
    if (frame.sequence === 0 && isHello(first)) {
      const fault = checkLink(first);
      if (fault !== undefined) throw new FrameError(fault);
      // A greeting that came late or twice: the peer is past it.
      return current !== undefined && frame.session < current.number ? undefined : this.#greet(address, frame.session, first);
    }
    // What is late from a peer's session before this one is nobody's concern.
    if (current === undefined || frame.session > current.number) {
      this.refuse(address, frame.session, 'UNKNOWN_SESSION', PROTOCOL_ERRORS.UNKNOWN_SESSION);
    }
    return undefined;
  }

  /** Turns away bytes that are no frame. */
  malformed(address: string, text: string): void {
    if (this.#strangers.mayWarn(address)) this.#parts.warn(`a peer without a session sent a malformed frame: ${text}`);
    this.refuse(address, 0, 'MALFORMED_FRAME', text);
  }

  /** A RESET outside any session. */
  refuse(address: string, session: number, code: ProtocolErrorCode, text: string): void {
    if (!this.#strangers.mayAnswer(address, session, this.#parts.clock.now())) return;
    const reset: LinkMessage = { type: 'RESET', code, message: text.slice(0, 1000) };
    this.#parts.answer(address, encodeFrame(session, 0, [reset]));
  }

  #greet(address: string, session: number, hello: Hello): Admission<K> | undefined {
    const { kinds } = this.#parts;
    const kind = kinds.find((candidate) => candidate === hello.peer);
    const version = Math.min(hello.version, PROTOCOL_VERSION);
    if (kind === undefined) {
      const text = `peers of kind ${hello.peer} are not accepted here, only ${kinds.join(' and ')}`;
      return this.#turnAway(address, session, 'NOT_REGISTERED', text);
    }
    if (version < PROTOCOL_VERSION_MIN || version < hello.versionMin) {
      const own = `this side ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION}`;
      const text = `the peer speaks versions ${hello.versionMin} to ${hello.version}, ${own}`;
      return this.#turnAway(address, session, 'UNSUPPORTED_VERSION', text);
    }
    return { kind, version, shapes: hello.shapes };
  }

  #turnAway(address: string, session: number, code: ProtocolErrorCode, text: string): undefined {
    this.#parts.refused();
    if (this.#strangers.mayWarn(address)) this.#parts.warn(`a peer was refused: ${text}`);
    this.refuse(address, session, code, text);
  }
}

function isHello(message: unknown): message is Hello {
  return typeof message === 'object' && message !== null && (message as AnyMessage).type === 'HELLO';
}
