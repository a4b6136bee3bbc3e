import type { ProtocolErrorCode } from '../protocol/errors.js';

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
}

/** The end that connects: an agent, a framework, an executor. */
export interface OpenerLink<Out> {
  /** Dropped silently while no session is open. */
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
  send(peer: string, message: Out): void;
  /** Ends the peer's session; the peer is told why. `onClosed` is not called for it. */
  reset(peer: string, code: ProtocolErrorCode, message: string): void;
  close(): Promise<void>;
}
