import type { PeerKind } from '../protocol/index.js';
import { Session } from './session.js';

/** Peers are pinged in so many groups, one after the other, so that no turn pings all of them. */
export const PING_GROUPS = 10;

/** The sessions of an acceptor: at most one for each address. */
export class Sessions {
  readonly #byAddress = new Map<string, Session>();
  readonly #byPeer = new Map<string, Session>();
  readonly #groups: Set<Session>[] = Array.from({ length: PING_GROUPS }, () => new Set());
  #opened = 0;
  #silent = 0;

  /** How many have said nothing of their family yet. */
  get silent(): number {
    return this.#silent;
  }

  at(address: string): Session | undefined {
    return this.#byAddress.get(address);
  }

  named(peer: string): Session | undefined {
    return this.#byPeer.get(peer);
  }

  has(session: Session): boolean {
    return this.#byPeer.get(session.peer) === session;
  }

  all(): Iterable<Session> {
    return this.#byPeer.values();
  }

  group(number: number): Iterable<Session> {
    return this.#groups[number]!;
  }

  add(address: string, number: number, now: number, kind: PeerKind, shapes: string): Session {
    const session = new Session(address, `${kind}-${++this.#opened}`, number, now, kind, shapes);
    this.#byAddress.set(address, session);
    this.#byPeer.set(session.peer, session);
    this.#groups[this.#opened % PING_GROUPS]!.add(session);
    this.#silent++;
    return session;
  }

  /** The session said something of its family. */
  heard(session: Session): void {
    if (session.spoke) return;
    session.spoke = true;
    this.#silent--;
  }

  /** False if it was removed before. */
  remove(session: Session): boolean {
    if (!this.#byPeer.delete(session.peer)) return false;
    if (this.#byAddress.get(session.address) === session) this.#byAddress.delete(session.address);
    for (const group of this.#groups) group.delete(session);
    if (!session.spoke) this.#silent--;
    return true;
  }

  clear(): void {
    for (const session of this.#byPeer.values()) this.remove(session);
  }
}
