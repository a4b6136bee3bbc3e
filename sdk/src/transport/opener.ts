import {
  families,
  familyShapes,
  FrameError,
  openFrame,
  PROTOCOL_ERRORS,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
  readMessages,
  type AnyMessage,
  type FamilyShapes,
  type Frame,
  type FromPeer,
  type LinkMessage,
  type PeerKind,
  type ProtocolErrorCode,
  type Shapes,
  type ToPeer,
} from '../protocol/index.js';
import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';
import { admit, checkLink, checksOf, isLinkMessage } from './incoming.js';
import { Outgoing, OversizeError } from './outgoing.js';
import { HELLO_TIMEOUT_MS, PINGS_UNANSWERED_MAX } from './timing.js';
import type { Carrier, OpenerHandlers, OpenerLink } from './types.js';

export interface OpenerParts<K extends PeerKind> {
  readonly kind: K;
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly random: () => number;
  readonly warn: (text: string) => void;
  /** Calls back at the end of this turn of the loop. */
  readonly atEndOfTurn: (callback: () => void) => void;
  readonly handlers: OpenerHandlers<ToPeer<K>>;
  /** True: the carrier says when it has reached the other side, and there is no use in a greeting before. */
  readonly connects: boolean;
}

/**
 * The opening end of a link as a state machine over a carrier of frames:
 *
 *     waiting --(back-off over)--> greeting --WELCOME--> open
 *        ^                            |  no answer         | RESET, gap, silence, outbox full
 *        +----------------------------+--------------------+
 */
export class Opener<K extends PeerKind> implements OpenerLink<FromPeer<K>> {
  readonly #parts: OpenerParts<K>;
  readonly #family: FamilyShapes;
  readonly #check: (message: AnyMessage) => string | undefined;
  readonly #backoff: Backoff;
  #state: 'waiting' | 'greeting' | 'open' | 'closed' = 'waiting';
  #session = 0;
  #outgoing = new Outgoing(0);
  /** Number of the next frame from the other side. */
  #expected = 0;
  /** Rows for what is sent, where the other side has the same table. */
  #shapes: Shapes | undefined;
  #flushWanted = false;
  /** Ping intervals in which nothing came. */
  #silent = 0;
  #cancelTimer: () => void = () => {};
  #received: AnyMessage[] = [];
  #warned = false;

  constructor(parts: OpenerParts<K>) {
    this.#parts = parts;
    this.#family = familyShapes(parts.kind);
    this.#check = checksOf(families[parts.kind].down);
    this.#backoff = new Backoff(parts.random);
    // Not at once: the caller does not hold the link yet when its handlers are called.
    this.#timer(parts.connects ? HELLO_TIMEOUT_MS : 0, () => this.#greet());
  }

  send(message: FromPeer<K>): void {
    if (this.#state !== 'open') return;
    this.#outgoing.push(message as AnyMessage);
    this.#wantFlush();
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#flush();
      this.#sendLink({ type: 'RESET', code: 'CLOSED', message: PROTOCOL_ERRORS.CLOSED });
    }
    this.#state = 'closed';
    this.#cancelTimer();
    await this.#parts.carrier.close();
  }

  /** Ends without a word to anybody, as a crash would. */
  abandon(): void {
    this.#state = 'closed';
    this.#cancelTimer();
    this.#parts.carrier.discard();
  }

  /** The carrier has reached the other side (again): no reason to wait any longer. */
  onConnected(): void {
    if (this.#state === 'waiting' || this.#state === 'greeting') this.#timer(this.#parts.random() * 20, () => this.#greet());
  }

  /** The carrier has lost the other side, and with it perhaps frames. */
  onDisconnected(): void {
    if (this.#state === 'open') this.#end('PEER_LOST', 'the connection was lost');
  }

  /** What arrived in one turn. */
  onFrames(frames: readonly Uint8Array[]): void {
    for (const bytes of frames) {
      if (this.#state === 'closed') return;
      try {
        this.#onFrame(openFrame(bytes));
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#end('MALFORMED_FRAME', error.message);
      }
    }
    this.#deliver();
    this.#flush();
  }

  #greet(): void {
    const { clock, kind } = this.#parts;
    this.#parts.carrier.discard();
    this.#state = 'greeting';
    // Later than every session before it, of this process or, where an identity is kept, of the one before.
    this.#session = Math.max(this.#session + 1, Math.floor(clock.now()));
    this.#outgoing = new Outgoing(this.#session);
    this.#expected = 0;
    this.#shapes = undefined;
    this.#sendLink({
      type: 'HELLO',
      version: PROTOCOL_VERSION,
      versionMin: PROTOCOL_VERSION_MIN,
      shapes: this.#family.hash,
      peer: kind,
    });
    this.#timer(HELLO_TIMEOUT_MS, () => this.#retry());
  }

  #retry(): void {
    this.#state = 'waiting';
    this.#timer(this.#backoff.next(), () => this.#greet());
  }

  #onFrame(frame: Frame): void {
    // Session 0: the other side could not even read which session our frame was of.
    const stateless = frame.session === 0;
    if (!stateless && frame.session !== this.#session) return;
    const messages = readMessages(frame, this.#family.down);
    this.#silent = 0;
    for (const message of messages) if (message.type === 'RESET') return this.#onLink(message);
    if (stateless || this.#state === 'waiting') return;
    const verdict = admit(frame.sequence, this.#expected);
    if (verdict === 'double') return;
    if (verdict === 'gap') return this.#end('GAP', `frame ${this.#expected} is missing, got ${frame.sequence}`);
    this.#expected++;
    for (const message of messages) this.#onMessage(message);
  }

  #onMessage(message: AnyMessage): void {
    if (isLinkMessage(message)) return this.#onLink(message);
    if (this.#state !== 'open') return;
    const fault = this.#check(message);
    if (fault === undefined) {
      this.#received.push(message);
      return;
    }
    this.#warnOnce(`the other side sent a message that was refused: ${fault}`);
    this.#sendLink({
      type: 'REJECTED',
      code: 'INVALID_MESSAGE',
      message: fault.slice(0, 1000),
      received: message.type.slice(0, 100),
    });
  }

  #onLink(message: AnyMessage): void {
    const fault = checkLink(message);
    if (fault !== undefined) return this.#end('MALFORMED_FRAME', fault);
    const link = message as LinkMessage;
    switch (link.type) {
      case 'WELCOME':
        return this.#onWelcome(link);
      case 'RESET':
        return this.#end(knownCode(link.code), link.message);
      case 'PING':
        return this.#sendLink({ type: 'PONG' });
      case 'REJECTED':
        this.#deliver();
        return this.#parts.handlers.onRejected?.(knownCode(link.code), link.message, link.received);
      case 'HELLO':
      case 'PONG':
        return;
    }
  }

  #onWelcome(welcome: Extract<LinkMessage, { type: 'WELCOME' }>): void {
    if (this.#state !== 'greeting') return;
    if (welcome.version < PROTOCOL_VERSION_MIN || welcome.version > PROTOCOL_VERSION) {
      return this.#end('UNSUPPORTED_VERSION', `the other side chose version ${welcome.version}`);
    }
    this.#state = 'open';
    this.#backoff.reset();
    this.#shapes = welcome.shapes === this.#family.hash ? this.#family.up : undefined;
    this.#silent = 0;
    this.#watch(welcome.pingIntervalMs);
    this.#parts.handlers.onOpen();
  }

  /** Counts ticks and not time: after a pause of the whole process, what waits to be read is read first. */
  #watch(intervalMs: number): void {
    this.#timer(intervalMs, () => {
      if (++this.#silent > PINGS_UNANSWERED_MAX) {
        this.#end('PEER_LOST', `nothing came for ${this.#silent} ping intervals of ${intervalMs} ms`);
      } else {
        this.#watch(intervalMs);
      }
    });
  }

  #end(code: ProtocolErrorCode, message: string): void {
    if (this.#state === 'closed' || this.#state === 'waiting') return;
    const wasOpen = this.#state === 'open';
    // Before the handler is told of the end, it gets what came before it.
    this.#deliver();
    if (this.#isClosed()) return;
    this.#parts.carrier.discard();
    this.#retry();
    if (!wasOpen) this.#warnOnce(`the link was refused: ${code}: ${message}`);
    if (wasOpen || code === 'UNSUPPORTED_VERSION') this.#parts.handlers.onClosed(code, message);
  }

  #deliver(): void {
    if (this.#received.length === 0) return;
    const messages = this.#received;
    this.#received = [];
    this.#parts.handlers.onMessages(messages as ToPeer<K>[]);
  }

  #wantFlush(): void {
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.#parts.atEndOfTurn(() => this.#flush());
  }

  #flush(): void {
    this.#flushWanted = false;
    if (this.#state !== 'open' || this.#outgoing.isEmpty) return;
    try {
      for (const frame of this.#outgoing.frames(this.#shapes)) this.#sendFrame(frame);
    } catch (error) {
      if (!(error instanceof OversizeError)) throw error;
      this.#end('OUTBOX_FULL', error.message);
    }
  }

  #sendLink(message: LinkMessage): void {
    this.#sendFrame(this.#outgoing.linkFrame(message));
  }

  #sendFrame(frame: Uint8Array): void {
    if (!this.#parts.carrier.send(frame)) this.#end('OUTBOX_FULL', PROTOCOL_ERRORS.OUTBOX_FULL);
  }

  #timer(ms: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.clock.after(ms, callback);
  }

  /** A handler may have closed the link. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #warnOnce(text: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#parts.warn(text);
  }
}

/** A code of a newer peer that this build does not know still ends the session. */
export function knownCode(code: string): ProtocolErrorCode {
  return Object.hasOwn(PROTOCOL_ERRORS, code) ? (code as ProtocolErrorCode) : 'INVALID_MESSAGE';
}
