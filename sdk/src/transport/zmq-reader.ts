import { FRAMES_PER_TURN } from './zmq-options.js';

interface Readable {
  receive(): Promise<Buffer[]>;
}

/**
 * Reads a socket until it is closed: all messages that are there, then hands them over in one turn of the loop.
 * A message is the list of its parts.
 */
export async function readTurns(socket: Readable, hand: (messages: readonly Buffer[][]) => void): Promise<void> {
  let messages: Buffer[][] = [];
  let turn: Promise<void> | undefined;
  for (;;) {
    let message: Buffer[];
    try {
      message = await socket.receive();
    } catch {
      return; // The socket was closed.
    }
    // Only now: while it was waited for, what had come before was handed over and the list is another one.
    messages.push(message);
    turn ??= new Promise((resolve) => {
      setImmediate(() => {
        const collected = messages;
        messages = [];
        turn = undefined;
        resolve();
        hand(collected);
      });
    });
    if (messages.length >= FRAMES_PER_TURN) await turn;
  }
}
