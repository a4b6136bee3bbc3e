import type { Clock } from './clock.js';
import type { Session } from './session.js';
import { RIDE_MS } from './timing.js';

export interface FlusherParts {
  readonly clock: Clock;
  readonly atEndOfTurn: (callback: () => void) => void;
  /** Sends what is waiting in this session. */
  readonly send: (session: Session) => void;
}

/**
 * When an acceptor's sessions send what is waiting: at the end of the turn, or, for what is in no hurry, with the next
 * message to the same peer but within {@link RIDE_MS}.
 */
export class Flusher {
  readonly #parts: FlusherParts;
  readonly #dirty = new Set<Session>();
  readonly #riding = new Set<Session>();
  #wanted = false;
  #cancelRide: (() => void) | undefined;

  constructor(parts: FlusherParts) {
    this.#parts = parts;
  }

  /** The session has something to send at the end of this turn. */
  touch(session: Session): void {
    this.#riding.delete(session);
    this.#dirty.add(session);
    if (this.#wanted) return;
    this.#wanted = true;
    this.#parts.atEndOfTurn(() => this.flush());
  }

  /** The session has something to send that may wait for company. */
  ride(session: Session): void {
    if (this.#dirty.has(session)) return;
    this.#riding.add(session);
    this.#cancelRide ??= this.#parts.clock.after(RIDE_MS, () => this.flushRiding());
  }

  forget(session: Session): void {
    this.#dirty.delete(session);
    this.#riding.delete(session);
  }

  flush(): void {
    this.#wanted = false;
    this.#drain(this.#dirty);
  }

  flushRiding(): void {
    this.stop();
    this.#drain(this.#riding);
  }

  /** Cancels the timer. */
  stop(): void {
    this.#cancelRide?.();
    this.#cancelRide = undefined;
  }

  #drain(sessions: Set<Session>): void {
    for (const session of sessions) {
      // Before it is sent: what a handler says meanwhile to the same session must find it clean.
      sessions.delete(session);
      this.#parts.send(session);
    }
  }
}
