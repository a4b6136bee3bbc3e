import {
  encodeFrame,
  familyShapes,
  FrameError,
  openFrame,
  PROTOCOL_ERRORS,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
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
import { admit, checkLink, isLinkMessage } from './incoming.js';
import { knownCode } from './opener.js';
import { OversizeError } from './outgoing.js';
import { Session } from './session.js';
import { Strangers } from './strangers.js';
import {
  BUSY_FRAMES,
  PING_INTERVAL_MS,
  PINGS_UNANSWERED_MAX,
  RIDE_MS,
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

type Hello = Extract<LinkMessage, { type: 'HELLO' }>;

/** Peers are pinged in so many groups, one after the other, so that no turn pings all of them. */
const PING_GROUPS = 10;

/** The accepting end of many links as a state machine over a carrier of frames: one {@link Session} per peer that said HELLO. */
export class Acceptor<K extends PeerKind> implements AcceptorLink<ToPeer<K>> {
  readonly #parts: AcceptorParts<K>;
  readonly #pingIntervalMs: number;
  readonly #byAddress = new Map<string, Session>();
  readonly #byPeer = new Map<string, Session>();
  readonly #pingGroups: Set<Session>[] = Array.from({ length: PING_GROUPS }, () => new Set());
  readonly #strangers = new Strangers();
  /** Sessions with something to send at the end of this turn. */
  readonly #dirty = new Set<Session>();
  /** Sessions with acknowledgements that wait for company. */
  readonly #riding = new Set<Session>();
  #opened = 0;
  #silentSessions = 0;
  #busy = false;
  #flushWanted = false;
  #closed = false;
  #cancelPing: () => void = () => {};
  #cancelRide: (() => void) | undefined;

  constructor(parts: AcceptorParts<K>) {
    this.#parts = parts;
    this.#pingIntervalMs = parts.pingIntervalMs ?? PING_INTERVAL_MS;
    this.#pingLater(0);
  }

  send(peer: string, message: ToPeer<K>): void {
    const session = this.#byPeer.get(peer);
    if (session === undefined) return;
    const { type } = message as AnyMessage;
    if (type === 'REJECTED') {
      // Of the link: what the master's core refuses of a message that fits its schema. What was said before goes first.
      if (this.#flushSession(session)) this.#sendFrame(session, session.outgoing.linkFrame(message as unknown as LinkMessage));
      return;
    }
    session.outgoing.push(message as AnyMessage);
    if (type === 'ACKNOWLEDGE' && this.#busy && !this.#dirty.has(session)) this.#ride(session);
    else this.#touch(session);
  }

  reset(peer: string, code: ProtocolErrorCode, message: string): void {
    const session = this.#byPeer.get(peer);
    if (session !== undefined) this.#reset(session, code, message);
  }

  async close(): Promise<void> {
    for (const session of this.#byPeer.values()) this.#reset(session, 'CLOSED', PROTOCOL_ERRORS.CLOSED);
    this.abandon();
    await this.#parts.carrier.close();
  }

  /** Ends without a word to anybody, as a crash would. */
  abandon(): void {
    this.#closed = true;
    this.#cancelPing();
    this.#cancelRide?.();
    this.#byAddress.clear();
    this.#byPeer.clear();
  }

  /** What arrived in one turn, in the order in which it came. */
  onFrames(frames: readonly (readonly [address: string, bytes: Uint8Array])[]): void {
    if (this.#closed) return;
    this.#busy = frames.length >= BUSY_FRAMES;
    const heard = new Set<Session>();
    for (const [address, bytes] of frames) {
      let session = this.#byAddress.get(address);
      try {
        const frame = openFrame(bytes);
        if (session?.number === frame.session) this.#onFrame(session, frame);
        else session = this.#onStrangeFrame(address, frame, session);
        if (session !== undefined && session.received.length > 0) heard.add(session);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#onMalformed(address, session, error.message);
      }
    }
    for (const session of heard) {
      // A handler may have ended the session of a peer that comes later in this turn.
      if (this.#byPeer.get(session.peer) === session) this.#deliver(session);
    }
    if (!this.#busy) this.#flushRiding();
    this.#flush();
  }

  /** The carrier cannot reach this address any more; frames may be lost. */
  onUnreachable(address: string): void {
    const session = this.#byAddress.get(address);
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
      if (this.#byPeer.get(session.peer) !== session) return;
      this.#onMessage(session, message);
    }
  }

  #onMessage(session: Session, message: AnyMessage): void {
    if (isLinkMessage(message)) return this.#onLink(session, message);
    const fault = session.check(message);
    if (fault !== undefined) return this.#reject(session, message, fault);
    if (!session.spoke) {
      session.spoke = true;
      this.#silentSessions--;
    }
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
    this.#sendFrame(
      session,
      session.outgoing.linkFrame({
        type: 'REJECTED',
        code: 'INVALID_MESSAGE',
        message: fault.slice(0, 1000),
        received: message.type.slice(0, 100),
      }),
    );
  }

  /** A frame of no session that is known here: a greeting, or something left over from another time. */
  #onStrangeFrame(address: string, frame: Frame, current: Session | undefined): Session | undefined {
    const first = frame.messages[0] as AnyMessage | undefined;
    if (typeof first === 'object' && first !== null && !Array.isArray(first) && first.type === 'HELLO' && frame.sequence === 0) {
      const fault = checkLink(first);
      if (fault === undefined) return this.#onHello(address, frame.session, first as Hello, current);
      throw new FrameError(fault);
    }
    // What is late from a peer's session before this one is nobody's concern.
    if (current === undefined || frame.session > current.number) {
      this.#refuse(address, frame.session, 'UNKNOWN_SESSION', PROTOCOL_ERRORS.UNKNOWN_SESSION);
    }
    return undefined;
  }

  #onHello(address: string, number: number, hello: Hello, current: Session | undefined): Session | undefined {
    // A greeting that came late or twice: the peer is past it.
    if (current !== undefined && number < current.number) return undefined;
    const kind = this.#parts.kinds.find((candidate) => candidate === hello.peer);
    const version = Math.min(hello.version, PROTOCOL_VERSION);
    if (kind === undefined || version < PROTOCOL_VERSION_MIN || version < hello.versionMin) {
      this.#refuseHello(address, number, hello, kind === undefined);
      return undefined;
    }
    if (current !== undefined) this.#end(current, 'DISCONNECTED', 'the peer opened its next session');
    if (this.#silentSessions >= SILENT_SESSIONS_MAX) {
      this.#refuse(
        address,
        number,
        'OUTBOX_FULL',
        `${SILENT_SESSIONS_MAX} peers have opened a session and said nothing; try again later`,
      );
      return undefined;
    }
    const session = new Session(address, `${kind}-${++this.#opened}`, number, this.#parts.clock.now(), kind, hello.shapes);
    this.#byAddress.set(address, session);
    this.#byPeer.set(session.peer, session);
    this.#pingGroups[this.#opened % PING_GROUPS]!.add(session);
    this.#silentSessions++;
    const shapes = familyShapes(kind).hash;
    this.#sendFrame(
      session,
      session.outgoing.linkFrame({ type: 'WELCOME', version, shapes, pingIntervalMs: this.#pingIntervalMs }),
    );
    return session;
  }

  #refuseHello(address: string, number: number, hello: Hello, wrongKind: boolean): void {
    this.#parts.refused?.();
    const text = wrongKind
      ? `peers of kind ${hello.peer} are not accepted here, only ${this.#parts.kinds.join(' and ')}`
      : `the peer speaks versions ${hello.versionMin} to ${hello.version}, ` +
        `this side ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION}`;
    if (this.#strangers.mayWarn(address)) this.#parts.warn(`a peer was refused: ${text}`);
    this.#refuse(address, number, wrongKind ? 'NOT_REGISTERED' : 'UNSUPPORTED_VERSION', text);
  }

  #onMalformed(address: string, session: Session | undefined, text: string): void {
    this.#parts.refused?.();
    if (session === undefined) {
      if (this.#strangers.mayWarn(address)) this.#parts.warn(`a peer without a session sent a malformed frame: ${text}`);
      return this.#refuse(address, 0, 'MALFORMED_FRAME', text);
    }
    this.#warn(session, `sent a malformed frame: ${text}`);
    this.#breakOff(session, 'MALFORMED_FRAME', text);
  }

  /** A RESET outside any session. */
  #refuse(address: string, session: number, code: ProtocolErrorCode, text: string): void {
    if (!this.#strangers.mayAnswer(address, session, this.#parts.clock.now())) return;
    const reset: LinkMessage = { type: 'RESET', code, message: text.slice(0, 1000) };
    this.#parts.carrier.answer(address, encodeFrame(session, 0, [reset]));
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
    if (!this.#byPeer.delete(session.peer)) return false;
    if (this.#byAddress.get(session.address) === session) this.#byAddress.delete(session.address);
    for (const group of this.#pingGroups) group.delete(session);
    this.#dirty.delete(session);
    this.#riding.delete(session);
    if (!session.spoke) this.#silentSessions--;
    return true;
  }

  #deliver(session: Session): void {
    if (session.received.length === 0) return;
    const messages = session.received;
    session.received = [];
    this.#parts.handlers.onMessages(session.peer, messages as FromPeer<K>[]);
  }

  #touch(session: Session): void {
    this.#dirty.add(session);
    this.#riding.delete(session);
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.#parts.atEndOfTurn(() => this.#flush());
  }

  #ride(session: Session): void {
    this.#riding.add(session);
    this.#cancelRide ??= this.#parts.clock.after(RIDE_MS, () => this.#flushRiding());
  }

  #flushRiding(): void {
    this.#cancelRide?.();
    this.#cancelRide = undefined;
    for (const session of this.#riding) this.#flushSession(session);
    this.#riding.clear();
  }

  #flush(): void {
    this.#flushWanted = false;
    for (const session of this.#dirty) this.#flushSession(session);
    this.#dirty.clear();
  }

  /** False if that ended the session, or it had ended before. */
  #flushSession(session: Session): boolean {
    if (this.#byPeer.get(session.peer) !== session) return false;
    if (session.outgoing.isEmpty) return true;
    try {
      return session.outgoing.frames(session.down).every((frame) => this.#sendFrame(session, frame));
    } catch (error) {
      if (!(error instanceof OversizeError)) throw error;
      this.#end(session, 'OUTBOX_FULL', error.message);
      return false;
    }
  }

  #sendFrame(session: Session, frame: Uint8Array): boolean {
    if (this.#parts.carrier.send(session.address, frame)) return true;
    this.#warn(session, 'does not read fast enough and was cut off');
    this.#end(session, 'OUTBOX_FULL', PROTOCOL_ERRORS.OUTBOX_FULL);
    return false;
  }

  #pingLater(group: number): void {
    this.#cancelPing = this.#parts.clock.after(this.#pingIntervalMs / PING_GROUPS, () => {
      this.#ping(this.#pingGroups[group]!);
      if (!this.#closed) this.#pingLater((group + 1) % PING_GROUPS);
    });
  }

  #ping(group: ReadonlySet<Session>): void {
    const now = this.#parts.clock.now();
    for (const session of group) {
      if (session.unanswered >= PINGS_UNANSWERED_MAX) {
        this.#end(session, 'PEER_LOST', `${PINGS_UNANSWERED_MAX} pings, one every ${this.#pingIntervalMs} ms, were not answered`);
      } else if (!session.spoke && now - session.openedAt >= SILENT_SESSION_MS) {
        this.#reset(session, 'NOT_REGISTERED', PROTOCOL_ERRORS.NOT_REGISTERED);
      } else {
        session.unanswered++;
        this.#sendFrame(session, session.outgoing.linkFrame({ type: 'PING' }));
      }
    }
  }

  #warn(session: Session, text: string): void {
    if (session.warned) return;
    session.warned = true;
    this.#parts.warn(`${session.peer} ${text}`);
  }
}
