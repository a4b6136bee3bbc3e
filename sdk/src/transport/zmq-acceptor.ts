import { Router } from 'zeromq';
import type { FromPeer, PeerKind, ToPeer } from '../protocol/index.js';
import { Acceptor } from './acceptor.js';
import { systemClock, type Clock } from './clock.js';
import type { AcceptorHandlers, AcceptorLink, LinkOptions, PeerCarrier } from './types.js';
import { Outbox } from './zmq-outbox.js';
import { RETRY_MS, SOCKET_OPTIONS } from './zmq-options.js';
import { readTurns } from './zmq-reader.js';

export interface ZmqAcceptorOptions<K extends PeerKind> extends LinkOptions {
  /** Where to listen: `tcp://127.0.0.1:5060`, `tcp://127.0.0.1:*`, `ipc:///run/proffer/executor.sock`. */
  readonly bind: string;
  /** Which kinds of peers may come. */
  readonly kinds: readonly K[];
  readonly pingIntervalMs?: number;
}

export interface ZmqAcceptor<Out> extends AcceptorLink<Out> {
  /** Where it really listens, with the port that was found. */
  readonly endpoint: string;
}

/** Listens on a ZeroMQ socket. Rejects with the system's error (`EADDRINUSE`, `EACCES`) when it cannot. */
export async function zmqAcceptor<K extends PeerKind>(
  options: ZmqAcceptorOptions<K>,
  handlers: AcceptorHandlers<FromPeer<K>>,
): Promise<ZmqAcceptor<ToPeer<K>>> {
  const clock = options.clock ?? systemClock;
  // mandatory: a frame that cannot be sent is told of; handover: a peer that comes back under its name takes its place.
  const router = new Router({ ...SOCKET_OPTIONS, mandatory: true, handover: true });
  try {
    await router.bind(options.bind);
  } catch (error) {
    router.close();
    throw error;
  }
  const endpoint = router.lastEndpoint!;
  const carrier = new RouterCarrier(router, clock);
  const acceptor = new Acceptor<K>({
    kinds: options.kinds,
    carrier,
    clock,
    handlers,
    warn: options.warn ?? (() => {}),
    ...(options.refused === undefined ? {} : { refused: options.refused }),
    atEndOfTurn: (callback) => setImmediate(callback),
    ...(options.pingIntervalMs === undefined ? {} : { pingIntervalMs: options.pingIntervalMs }),
  });
  carrier.start(acceptor);
  return {
    endpoint,
    send: (peer, message) => acceptor.send(peer, message),
    reset: (peer, code, message) => acceptor.reset(peer, code, message),
    close: () => acceptor.close(),
  };
}

type Incoming = readonly [address: string, bytes: Uint8Array];

interface Receiver {
  onFrames(frames: readonly Incoming[]): void;
  onUnreachable(address: string): void;
}

/** Many peers' frames on one ROUTER: one writer, which gives each peer one frame in turn. */
class RouterCarrier implements PeerCarrier {
  readonly #router: Router;
  readonly #clock: Clock;
  readonly #outboxes = new Map<string, Outbox>();
  /** Peers to which a frame may be sent now. */
  readonly #ready = new Set<string>();
  #writing: Promise<void> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(router: Router, clock: Clock) {
    this.#router = router;
    this.#clock = clock;
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#reading = readTurns(this.#router, (messages) => {
      if (this.#closed) return;
      receiver.onFrames(messages.map((parts) => [parts[0]!.toString('latin1'), parts.length === 2 ? parts[1]! : NOT_A_FRAME]));
    });
  }

  #receiver: Receiver | undefined;

  send(address: string, frame: Uint8Array): boolean {
    if (this.#closed) return true;
    let outbox = this.#outboxes.get(address);
    if (outbox === undefined) {
      outbox = new Outbox();
      this.#outboxes.set(address, outbox);
      this.#ready.add(address);
    }
    if (!outbox.push(frame)) return false;
    this.#writing ??= this.#write();
    return true;
  }

  answer(address: string, frame: Uint8Array): void {
    if (!this.#outboxes.has(address)) this.send(address, frame);
  }

  discard(address: string): void {
    this.#outboxes.delete(address);
    this.#ready.delete(address);
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closed = true;
    this.#outboxes.clear();
    this.#router.close();
    await this.#reading;
  }

  /** One frame to each peer in turn until all is sent. Begins in the next microtask: callers queue a turn's frames first. */
  async #write(): Promise<void> {
    await Promise.resolve();
    while (this.#ready.size > 0 && !this.#closed) {
      for (const address of this.#ready) {
        const outbox = this.#outboxes.get(address);
        const frame = outbox?.first();
        if (outbox === undefined || frame === undefined) {
          this.discard(address);
          continue;
        }
        await this.#sendOne(address, outbox, frame);
      }
    }
    this.#writing = undefined;
  }

  async #sendOne(address: string, outbox: Outbox, frame: Uint8Array): Promise<void> {
    try {
      await this.#router.send([Buffer.from(address, 'latin1'), frame]);
      outbox.shift();
      // The peer's outbox may have been replaced meanwhile by that of its next session.
      if (outbox.isEmpty && this.#outboxes.get(address) === outbox) this.discard(address);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'EAGAIN') {
        this.#ready.delete(address);
        this.#clock.after(RETRY_MS, () => this.#retry(address));
      } else {
        this.discard(address);
        if (!this.#closed) this.#receiver?.onUnreachable(address);
      }
    }
  }

  #retry(address: string): void {
    if (this.#closed || !this.#outboxes.has(address)) return;
    this.#ready.add(address);
    this.#writing ??= this.#write();
  }
}

/** Stands for a message of no part or of several: read, it is cut off. */
const NOT_A_FRAME = new Uint8Array(0);
