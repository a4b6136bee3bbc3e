import type { Static, TSchema } from '@sinclair/typebox';
import { fromAgent, toAgent } from './agent.js';
import { fromExecutor, toExecutor } from './executor.js';
import { calls, events } from './scheduler.js';

/**
 * Who may open a link, and what is said on it: `up` by the opener, `down` by the acceptor. A type of message means
 * different things in different families (LAUNCH, UPDATE), so everything about messages is looked up here by the
 * family first.
 */
export const families = {
  agent: { up: fromAgent, down: toAgent },
  framework: { up: calls, down: events },
  executor: { up: fromExecutor, down: toExecutor },
} as const;

export type PeerKind = keyof typeof families;
export const PEER_KINDS = Object.keys(families) as readonly PeerKind[];

/** The schemas of one direction of one family, by message type. */
export type MessageTable = Readonly<Record<string, TSchema>>;

type MessageOf<T extends MessageTable> = { [K in keyof T]: Static<T[K]> }[keyof T];

/** What a peer of this kind says. */
export type FromPeer<K extends PeerKind> = { [P in K]: MessageOf<(typeof families)[P]['up']> }[K];
/** What a peer of this kind is told. */
export type ToPeer<K extends PeerKind> = { [P in K]: MessageOf<(typeof families)[P]['down']> }[K];

/** What every message has. */
export interface AnyMessage {
  readonly type: string;
}
