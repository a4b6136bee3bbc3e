import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Every connection of a server, so that closing it ends within a bounded time whatever its clients do. */
export class TrackedSockets {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Ends idle connections at once, and those that still wait for an answer after so many milliseconds. */
  closeWithin(ms: number): void {
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, ms);
    this.#server.once('close', () => clearTimeout(timer));
  }
}
