import { randomBytes } from 'node:crypto';
import { Dealer } from 'zeromq';
import type { FromPeer, PeerKind, ToPeer } from '../protocol/index.js';
import { systemClock, type Clock } from './clock.js';
import { Opener } from './opener.js';
import type { Carrier, LinkOpener, LinkOptions } from './types.js';
import { Outbox } from './zmq-outbox.js';
import { RETRY_MS, SOCKET_OPTIONS } from './zmq-options.js';
import { readTurns } from './zmq-reader.js';

export interface ZmqOpenerOptions<K extends PeerKind> extends LinkOptions {
  /** Where the other side listens: `tcp://127.0.0.1:5060`, `ipc:///run/proffer/executor.sock`. */
  readonly endpoint: string;
  /** What this side is. */
  readonly kind: K;
  /** The name by which the other side's socket knows this one; random, and not to be guessed, when absent. */
  readonly identity?: string;
}

/** A link over ZeroMQ. Throws TypeError for an endpoint that is none; one that nobody listens on is tried for ever. */
export function zmqOpener<K extends PeerKind>(options: ZmqOpenerOptions<K>): LinkOpener<ToPeer<K>, FromPeer<K>> {
  const clock = options.clock ?? systemClock;
  return (handlers) => {
    const dealer = new Dealer({
      ...SOCKET_OPTIONS,
      routingId: options.identity ?? randomBytes(12).toString('hex'),
      reconnectInterval: 100,
      reconnectMaxInterval: 2_000,
    });
    const carrier = new DealerCarrier(dealer, clock);
    const opener = new Opener<K>({
      kind: options.kind,
      carrier,
      clock,
      handlers,
      connects: true,
      random: options.random ?? Math.random,
      warn: options.warn ?? (() => {}),
      atEndOfTurn: (callback) => setImmediate(callback),
    });
    carrier.start(opener);
    try {
      dealer.connect(options.endpoint);
    } catch (error) {
      void opener.close();
      throw new TypeError(
        `"${options.endpoint}" is no endpoint like tcp://127.0.0.1:5060: ${(error as Error).message}`,
        { cause: error },
      );
    }
    return opener;
  };
}

/** How long what has arrived is given to be read before the end of its connection counts. */
const DISCONNECT_DELAY_MS = 10;

interface Receiver {
  onFrames(frames: readonly Uint8Array[]): void;
  onConnected(): void;
  onDisconnected(): void;
}

/** One peer's frames on one DEALER. */
class DealerCarrier implements Carrier {
  readonly #dealer: Dealer;
  readonly #clock: Clock;
  #outbox = new Outbox();
  #writing: Promise<void> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #connected = false;
  #closed = false;
  #cancelRetry: () => void = () => {};

  constructor(dealer: Dealer, clock: Clock) {
    this.#dealer = dealer;
    this.#clock = clock;
  }

  start(receiver: Receiver): void {
    this.#reading = readTurns(this.#dealer, (messages) => {
      if (!this.#closed) receiver.onFrames(messages.flatMap((parts) => (parts.length === 1 ? parts : [])));
    });
    this.#dealer.events.on('handshake', () => {
      if (this.#closed) return;
      this.#connected = true;
      receiver.onConnected();
      this.#resume();
    });
    this.#dealer.events.on('disconnect', () => {
      if (this.#closed) return;
      this.#connected = false;
      // What arrived before is read first: the other side may have said why.
      this.#clock.after(DISCONNECT_DELAY_MS, () => {
        if (!this.#closed) receiver.onDisconnected();
      });
    });
  }

  send(frame: Uint8Array): boolean {
    if (this.#closed) return true;
    if (!this.#outbox.push(frame)) return false;
    this.#resume();
    return true;
  }

  discard(): void {
    this.#outbox = new Outbox();
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closed = true;
    this.#cancelRetry();
    this.#dealer.close();
    await this.#reading;
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    for (let frame = this.#outbox.first(); frame !== undefined; frame = this.#outbox.first()) {
      const outbox = this.#outbox;
      try {
        await this.#dealer.send(frame);
        outbox.shift();
      } catch {
        this.#cancelRetry();
        this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#resume());
        break;
      }
    }
    this.#writing = undefined;
  }

  /** Nothing is given to the library for a connection that is not there: it would arrive late, out of its session. */
  #resume(): void {
    if (this.#connected && !this.#closed) this.#writing ??= this.#write();
  }
}
