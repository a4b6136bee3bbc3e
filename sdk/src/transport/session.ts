import { families, familyShapes, type AnyMessage, type PeerKind, type Shapes } from '../protocol/index.js';
import { checksOf } from './incoming.js';
import { Outgoing } from './outgoing.js';

/** One session of one peer, as the accepting end keeps it. */
export class Session {
  readonly address: string;
  /** What the peer is called above the link. */
  readonly peer: string;
  readonly number: number;
  readonly openedAt: number;
  readonly outgoing: Outgoing;
  /** How to read rows, and how to write them: absent where the peer has another table. */
  readonly up: Shapes;
  readonly down: Shapes | undefined;
  readonly check: (message: AnyMessage) => string | undefined;
  /** Number of the next frame; HELLO was number 0. */
  expected = 1;
  /** Pings since anything came. */
  unanswered = 0;
  /** True once the peer said something of its family. */
  spoke = false;
  warned = false;
  /** Messages of this turn that are not handed up yet. */
  received: AnyMessage[] = [];

  constructor(address: string, peer: string, number: number, openedAt: number, kind: PeerKind, peerShapes: string) {
    const family = familyShapes(kind);
    this.address = address;
    this.peer = peer;
    this.number = number;
    this.openedAt = openedAt;
    this.outgoing = new Outgoing(number);
    this.up = family.up;
    this.down = peerShapes === family.hash ? family.down : undefined;
    this.check = checksOf(families[kind].up);
  }
}
