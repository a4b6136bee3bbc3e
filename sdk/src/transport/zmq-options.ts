import { FRAME_BYTES_MAX } from '../protocol/index.js';

/** What both kinds of sockets have in common. */
export const SOCKET_OPTIONS = {
  // Never wait in the library: it would block all other peers' frames behind this one's.
  sendTimeout: 0,
  // After close, what was sent last (the word that the link ends) still gets so long to leave.
  linger: 500,
  // A larger message makes the library drop the connection before the bytes are in memory.
  maxMessageSize: FRAME_BYTES_MAX,
  // Frames within the library, per peer and direction: enough to keep the wire busy, small in memory.
  sendHighWaterMark: 64,
  receiveHighWaterMark: 64,
  // A machine that vanished is seen by the library itself, sooner than by our pings.
  heartbeatInterval: 2_000,
  heartbeatTimeout: 10_000,
} as const;

/** How soon a frame is tried again for a peer whose socket is full. */
export const RETRY_MS = 10;

/** Frames that are read before the handlers get their turn: a flood of one peer must not hold up the loop. */
export const FRAMES_PER_TURN = 1_024;
