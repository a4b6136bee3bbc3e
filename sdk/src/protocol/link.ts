/**
 * What the two ends of a link say to each other about the link itself, below all other messages.
 *
 * A link has an opener (agent, framework, executor) and an acceptor (master, agent). Every frame carries the opener's
 * session number and a sequence number for its direction. So a frame that comes twice is dropped, and one that is
 * missing is seen: the acceptor answers RESET, or the opener starts over, with a HELLO in a new session, and whoever
 * sits on the link registers or subscribes again. Above the link, messages arrive once, in order, or not at all.
 */
import { Type, type Static } from '@sinclair/typebox';
import { Id, literals, message, Name, Text } from './schemas.js';

export const linkMessages = {
  /** Opens a session. */
  HELLO: message('HELLO', {
    /** Newest and oldest version of the protocol that the opener speaks. */
    version: Type.Integer({ minimum: 1 }),
    versionMin: Type.Integer({ minimum: 1 }),
    /** Which table of message shapes its codec has; the other side uses the table only if its own is the same. */
    shapes: Name,
    peer: literals(['agent', 'framework', 'executor']),
  }),
  /** Accepts it, in this version. */
  WELCOME: message(
    'WELCOME',
    { version: Type.Integer({ minimum: 1 }), shapes: Name, pingIntervalMs: Type.Integer({ minimum: 1 }) },
  ),
  /** Refuses it, or ends it; nothing follows in this session. Code is one of those in `errors.ts`. */
  RESET: message('RESET', { code: Name, message: Text }),
  /** From the acceptor every ping interval; the opener answers PONG. Three unanswered end the session on either side. */
  PING: message('PING', {}),
  PONG: message('PONG', {}),
  /** A message of the other side was refused and changed nothing; the link goes on. `received` is its type. */
  REJECTED: message('REJECTED', { code: Name, message: Text, received: Type.Optional(Name), peer: Type.Optional(Id) }),
} as const;

export type LinkMessage = { [K in keyof typeof linkMessages]: Static<(typeof linkMessages)[K]> }[keyof typeof linkMessages];
