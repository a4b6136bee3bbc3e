import {
  familyShapes,
  FrameError,
  openFrame,
  PROTOCOL_ERRORS,
  readMessages,
  type AnyMessage,
  type Frame,
  type FromPeer,
  type LinkMessage,
  type PeerKind,
  type ProtocolErrorCode,
  type ToPeer,
} from '../protocol/index.js';
import type { Clock } from './clock.js';
import { Door } from './door.js';
import { Flusher } from './flusher.js';
import { admit, checkLink, isLinkMessage } from './incoming.js';
import { knownCode } from './opener.js';
import { OversizeError } from './outgoing.js';
import type { Session } from './session.js';
import { PING_GROUPS, Sessions } from './sessions.js';
import {
  BUSY_FRAMES,
  PING_INTERVAL_MS,
  PINGS_UNANSWERED_MAX,
  SILENT_SESSION_MS,
  SILENT_SESSIONS_MAX,
} from './timing.js';
import type { AcceptorHandlers, AcceptorLink, PeerCarrier } from './types.js';

export interface AcceptorParts<K extends PeerKind> {
  /** Which kinds of peers may come. */
  readonly kinds: readonly K[];
  readonly carrier: PeerCarrier;
  readonly clock: Clock;
  readonly warn: (text: string) => void;
  /** Called for every frame and message that is refused. */
  readonly refused?: () => void;
  /** Calls back at the end of this turn of the loop. */
  readonly atEndOfTurn: (callback: () => void) => void;
  readonly handlers: AcceptorHandlers<FromPeer<K>>;
  readonly pingIntervalMs?: number;
}

/** The accepting end of many links as a state machine over a carrier of frames: one {@link Session} per peer that said HELLO. */
export class Acceptor<K extends PeerKind> implements AcceptorLink<ToPeer<K>> {
  readonly #parts: AcceptorParts<K>;
  readonly #pingIntervalMs: number;
  readonly #sessions = new Sessions();
  readonly #door: Door<K>;
  readonly #flusher: Flusher;
  #busy = false;
  #closed = false;
  #cancelPing: () => void = () => {};

  constructor(parts: AcceptorParts<K>) {
    this.#parts = parts;
    this.#pingIntervalMs = parts.pingIntervalMs ?? PING_INTERVAL_MS;
    const { kinds, clock, warn, refused = () => {} } = parts;
    this.#door = new Door({ kinds, clock, warn, refused, answer: (address, frame) => parts.carrier.answer(address, frame) });
    const { atEndOfTurn } = parts;
    this.#flusher = new Flusher({ clock, atEndOfTurn, send: (session) => this.#flushSession(session) });
    this.#pingLater(0);
  }

  send(peer: string, message: ToPeer<K>): void {
    const session = this.#sessions.named(peer);
    if (session === undefined) return;
    const { type } = message as AnyMessage;
    if (type === 'REJECTED') {
      // Of the link: what the master's core refuses of a message that fits its schema. What was said before goes first.
      if (this.#flushSession(session)) this.#sendLink(session, message as unknown as LinkMessage);
      return;
    }
    session.outgoing.push(message as AnyMessage);
    if (type === 'ACKNOWLEDGE' && this.#busy) this.#flusher.ride(session);
    else this.#flusher.touch(session);
  }

  reset(peer: string, code: ProtocolErrorCode, message: string): void {
    const session = this.#sessions.named(peer);
    if (session !== undefined) this.#reset(session, code, message);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.all()) this.#reset(session, 'CLOSED', PROTOCOL_ERRORS.CLOSED);
    this.abandon();
    await this.#parts.carrier.close();
  }

  /** Ends without a word to anybody, as a crash would. */
  abandon(): void {
    this.#closed = true;
    this.#cancelPing();
    this.#flusher.stop();
    this.#sessions.clear();
  }

  /** What arrived in one turn, in the order in which it came. */
  onFrames(frames: readonly (readonly [address: string, bytes: Uint8Array])[]): void {
    if (this.#closed) return;
    this.#busy = frames.length >= BUSY_FRAMES;
    const heard = new Set<Session>();
    for (const [address, bytes] of frames) {
      let session = this.#sessions.at(address);
      try {
        const frame = openFrame(bytes);
        if (session?.number === frame.session) this.#onFrame(session, frame);
        else session = this.#onGreeting(address, frame, session);
        if (session !== undefined && session.received.length > 0) heard.add(session);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#onMalformed(address, session, error.message);
      }
    }
    for (const session of heard) {
      // A handler may have ended the session of a peer that comes later in this turn.
      if (this.#sessions.has(session)) this.#deliver(session);
    }
    if (!this.#busy) this.#flusher.flushRiding();
    this.#flusher.flush();
  }

  /** The carrier cannot reach this address any more; frames may be lost. */
  onUnreachable(address: string): void {
    const session = this.#sessions.at(address);
    if (session !== undefined) this.#end(session, 'DISCONNECTED', 'the connection was lost');
  }

  #onFrame(session: Session, frame: Frame): void {
    const messages = readMessages(frame, session.up);
    session.unanswered = 0;
    const verdict = admit(frame.sequence, session.expected);
    if (verdict === 'double') return;
    if (verdict === 'gap') {
      const text = `frame ${session.expected} is missing, got ${frame.sequence}`;
      return this.#breakOff(session, 'GAP', text);
    }
    session.expected++;
    for (const message of messages) {
      if (!this.#sessions.has(session)) return;
      this.#onMessage(session, message);
    }
  }

  #onMessage(session: Session, message: AnyMessage): void {
    if (isLinkMessage(message)) return this.#onLink(session, message);
    const fault = session.check(message);
    if (fault !== undefined) return this.#reject(session, message, fault);
    this.#sessions.heard(session);
    session.received.push(message);
  }

  #onLink(session: Session, message: AnyMessage): void {
    const fault = checkLink(message);
    if (fault !== undefined) throw new FrameError(fault);
    const link = message as LinkMessage;
    if (link.type === 'RESET') this.#end(session, knownCode(link.code), link.message);
    if (link.type === 'REJECTED') this.#warn(session, `refused ${link.received ?? 'a message'}: ${link.message}`);
  }

  #reject(session: Session, message: AnyMessage, fault: string): void {
    this.#parts.refused?.();
    this.#warn(session, `sent a message that was refused: ${fault}`);
    this.#sendLink(session, {
      type: 'REJECTED',
      code: 'INVALID_MESSAGE',
      message: fault.slice(0, 1000),
      received: message.type.slice(0, 100),
    });
  }

  /** A frame of no session that is known here: a greeting opens one. */
  #onGreeting(address: string, frame: Frame, current: Session | undefined): Session | undefined {
    const admission = this.#door.admit(address, frame, current);
    if (admission === undefined) return undefined;
    if (current !== undefined) this.#end(current, 'DISCONNECTED', 'the peer opened its next session');
    if (this.#sessions.silent >= SILENT_SESSIONS_MAX) {
      const text = `${SILENT_SESSIONS_MAX} peers have opened a session and said nothing; try again later`;
      this.#door.refuse(address, frame.session, 'OUTBOX_FULL', text);
      return undefined;
    }
    const { kind, version, shapes } = admission;
    const session = this.#sessions.add(address, frame.session, this.#parts.clock.now(), kind, shapes);
    this.#sendLink(session, {
      type: 'WELCOME',
      version,
      shapes: familyShapes(kind).hash,
      pingIntervalMs: this.#pingIntervalMs,
    });
    return session;
  }

  #onMalformed(address: string, session: Session | undefined, text: string): void {
    this.#parts.refused?.();
    if (session === undefined) return this.#door.malformed(address, text);
    this.#warn(session, `sent a malformed frame: ${text}`);
    this.#breakOff(session, 'MALFORMED_FRAME', text);
  }

  /** Ends a session for what the peer did; both the peer and the handler are told. */
  #breakOff(session: Session, code: ProtocolErrorCode, message: string): void {
    if (this.#reset(session, code, message)) this.#tellEnd(session, code, message);
  }

  /** Ends a session after what was sent before; the peer is told, the handler is not. False if it had ended before. */
  #reset(session: Session, code: ProtocolErrorCode, message: string): boolean {
    if (!this.#flushSession(session)) return false;
    const frame = session.outgoing.linkFrame({ type: 'RESET', code, message: message.slice(0, 1000) });
    this.#forget(session);
    this.#parts.carrier.send(session.address, frame);
    return true;
  }

  /** Ends a session of which the peer knows, or which it cannot be told; the handler is. */
  #end(session: Session, code: ProtocolErrorCode, message: string): void {
    if (!this.#forget(session)) return;
    this.#parts.carrier.discard(session.address);
    this.#tellEnd(session, code, message);
  }

  #tellEnd(session: Session, code: ProtocolErrorCode, message: string): void {
    this.#deliver(session);
    // Peers that never said anything were never heard of above the link.
    if (session.spoke) this.#parts.handlers.onClosed(session.peer, code, message);
  }

  /** False if it was forgotten before. */
  #forget(session: Session): boolean {
    if (!this.#sessions.remove(session)) return false;
    this.#flusher.forget(session);
    return true;
  }

  #deliver(session: Session): void {
    if (session.received.length === 0) return;
    const messages = session.received;
    session.received = [];
    this.#parts.handlers.onMessages(session.peer, messages as FromPeer<K>[]);
  }

  /** False if that ended the session, or it had ended before. */
  #flushSession(session: Session): boolean {
    if (!this.#sessions.has(session)) return false;
    if (session.outgoing.isEmpty) return true;
    try {
      return session.outgoing.frames(session.down).every((frame) => this.#sendFrame(session, frame));
    } catch (error) {
      if (!(error instanceof OversizeError)) throw error;
      this.#end(session, 'OUTBOX_FULL', error.message);
      return false;
    }
  }

  #sendLink(session: Session, message: LinkMessage): void {
    this.#sendFrame(session, session.outgoing.linkFrame(message));
  }

  #sendFrame(session: Session, frame: Uint8Array): boolean {
    if (this.#parts.carrier.send(session.address, frame)) return true;
    this.#warn(session, 'does not read fast enough and was cut off');
    this.#end(session, 'OUTBOX_FULL', PROTOCOL_ERRORS.OUTBOX_FULL);
    return false;
  }

  #pingLater(group: number): void {
    this.#cancelPing = this.#parts.clock.after(this.#pingIntervalMs / PING_GROUPS, () => {
      this.#ping(this.#sessions.group(group));
      if (!this.#closed) this.#pingLater((group + 1) % PING_GROUPS);
    });
  }

  #ping(group: Iterable<Session>): void {
    const now = this.#parts.clock.now();
    for (const session of group) {
      if (session.unanswered >= PINGS_UNANSWERED_MAX) {
        this.#end(session, 'PEER_LOST', `${PINGS_UNANSWERED_MAX} pings, one every ${this.#pingIntervalMs} ms, were not answered`);
      } else if (!session.spoke && now - session.openedAt >= SILENT_SESSION_MS) {
        this.#reset(session, 'NOT_REGISTERED', PROTOCOL_ERRORS.NOT_REGISTERED);
      } else {
        session.unanswered++;
        this.#sendLink(session, { type: 'PING' });
      }
    }
  }

  #warn(session: Session, text: string): void {
    if (session.warned) return;
    session.warned = true;
    this.#parts.warn(`${session.peer} ${text}`);
  }
}
