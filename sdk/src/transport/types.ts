import type { ProtocolErrorCode } from '../protocol/errors.js';
import type { Clock } from './clock.js';

/**
 * A link as its two ends see it, whatever carries it (ZeroMQ, memory, the simulator's lossy network).
 *
 * Messages of a session arrive once and in order, or the session ends on both ends. `send` never blocks and never
 * throws for a slow or lost peer: what one turn of the event loop says to one peer travels together, and a peer that
 * does not read is cut off when its bounded outbox is full.
 */
export interface OpenerHandlers<In> {
  /** A session is open: register or subscribe now. Nothing sent in an earlier session can be counted on. */
  onOpen(): void;
  onMessages(messages: readonly In[]): void;
  /** The session ended; the opener is already trying for the next one, unless it was closed. */
  onClosed(code: ProtocolErrorCode, message: string): void;
  /** The other side refused one message, of type `received`, which changed nothing; the session goes on. */
  onRejected?(code: ProtocolErrorCode, message: string, received: string | undefined): void;
}

/** The end that connects: an agent, a framework, an executor. */
export interface OpenerLink<Out> {
  /**
   * Dropped silently while no session is open. The message must not be changed afterwards: it is encoded at the end of
   * the turn.
   */
  send(message: Out): void;
  /** Sends what is waiting, ends the session and resolves once nothing of it is left. */
  close(): Promise<void>;
}

/** How an opener is made; drivers take one of these, so that they run on any carrier. */
export type LinkOpener<In, Out> = (handlers: OpenerHandlers<In>) => OpenerLink<Out>;

export interface AcceptorHandlers<In> {
  /** `peer` names one session of one peer: a peer that comes back has another name. */
  onMessages(peer: string, messages: readonly In[]): void;
  /** The session of this peer ended: lost, reset by either side, or replaced by the peer's next one. */
  onClosed(peer: string, code: ProtocolErrorCode, message: string): void;
}

/** The end that is connected to: the master, or an agent for its executors. */
export interface AcceptorLink<Out> {
  /**
   * Dropped silently for a peer that is gone. The message must not be changed afterwards: it is encoded at the end of the turn.
   * A REJECTED message tells the peer's {@link OpenerHandlers.onRejected}.
   */
  send(peer: string, message: Out): void;
  /** Ends the peer's session; the peer is told why. `onClosed` is not called for it. */
  reset(peer: string, code: ProtocolErrorCode, message: string): void;
  close(): Promise<void>;
}

/** How an acceptor is made on a carrier that is ready to carry. */
export type LinkAcceptor<In, Out> = (handlers: AcceptorHandlers<In>) => AcceptorLink<Out>;

/** What carries an opener's frames: whole, in order, or not at all. */
export interface Carrier {
  /** False: the bounded outbox is full, and the frame was not taken. */
  send(frame: Uint8Array): boolean;
  /** Forgets what is not sent yet. */
  discard(): void;
  /** Sends what is waiting, within a bound of time, and leaves nothing behind. */
  close(): Promise<void>;
}

/** What carries an acceptor's frames; `address` is where a peer's frames come from. */
export interface PeerCarrier {
  /** False: the peer's bounded outbox is full, and the frame was not taken. */
  send(address: string, frame: Uint8Array): boolean;
  /** Answers a stranger, if that takes no waiting: nothing is kept for those that have no session. */
  answer(address: string, frame: Uint8Array): void;
  /** Forgets what is not sent to this peer yet. */
  discard(address: string): void;
  close(): Promise<void>;
}

/** What every end of a link is given. */
export interface LinkOptions {
  readonly clock?: Clock;
  /** From 0 up to 1, as `Math.random`: for the jitter of back-off. */
  readonly random?: () => number;
  /** Is told, once per peer, of what the other side does wrong. */
  readonly warn?: (text: string) => void;
  /** An acceptor calls it for every frame and message that it refuses, to be counted. */
  readonly refused?: () => void;
}
