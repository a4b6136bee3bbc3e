import type { FromPeer, PeerKind, ToPeer } from '../protocol/index.js';
import { Acceptor } from './acceptor.js';
import type { Clock } from './clock.js';
import { Opener } from './opener.js';
import type { LinkAcceptor, LinkOpener } from './types.js';

/** A frame on its way. */
export interface Passage {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /**
   * What becomes of a frame: the delays, in milliseconds, after which it arrives. None: it is lost. Two: it arrives twice.
   * Different delays make frames overtake each other. At once (`[0]`) when absent.
   */
  readonly fate?: (passage: Passage) => readonly number[];
  /** For the jitter of back-off; always 0.5 when absent. */
  readonly random?: () => number;
  readonly warn?: (text: string) => void;
}

interface Station {
  receive(from: string, bytes: Uint8Array): void;
  abandon(): void;
}

const AT_ONCE: readonly number[] = [0];

/**
 * A network of named places within one process: the same link state machines as on ZeroMQ and the same bytes, carried
 * by a clock. With a {@link VirtualClock} everything is deterministic. Frames that arrive at one moment are handed over
 * in one turn.
 */
export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions;
  readonly #stations = new Map<string, Station>();
  readonly #cuts = new Set<string>();
  readonly #random: () => number;
  readonly #warn: (text: string) => void;

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
    this.#random = options.random ?? (() => 0.5);
    this.#warn = options.warn ?? (() => {});
  }

  /** Listens at this name for peers of these kinds. Throws Error if something listens there already. */
  acceptor<K extends PeerKind>(
    name: string,
    kinds: readonly K[],
    options: { pingIntervalMs?: number } = {},
  ): LinkAcceptor<FromPeer<K>, ToPeer<K>> {
    return (handlers) => {
      const inbox = new Inbox<readonly [string, Uint8Array]>(this.#options.clock, (frames) => acceptor.onFrames(frames));
      const acceptor = new Acceptor<K>({
        ...options,
        kinds,
        handlers,
        clock: this.#options.clock,
        warn: this.#warn,
        atEndOfTurn: this.#atEndOfTurn,
        carrier: {
          send: (address, frame) => this.#send(name, address, frame),
          answer: (address, frame) => void this.#send(name, address, frame),
          discard: () => {},
          close: () => this.#leave(name, station),
        },
      });
      const station: Station = { receive: (from, bytes) => inbox.push([from, bytes]), abandon: () => acceptor.abandon() };
      this.#enter(name, station);
      return acceptor;
    };
  }

  /** A way for a peer of this name and kind to reach the acceptor `to`. */
  opener<K extends PeerKind>(name: string, to: string, kind: K): LinkOpener<ToPeer<K>, FromPeer<K>> {
    return (handlers) => {
      const inbox = new Inbox<Uint8Array>(this.#options.clock, (frames) => opener.onFrames(frames));
      const station: Station = {
        receive: (from, bytes) => {
          if (from === to) inbox.push(bytes);
        },
        abandon: () => opener.abandon(),
      };
      this.#enter(name, station);
      const opener = new Opener<K>({
        kind,
        handlers,
        connects: false,
        clock: this.#options.clock,
        random: this.#random,
        warn: this.#warn,
        atEndOfTurn: this.#atEndOfTurn,
        carrier: {
          send: (frame) => this.#send(name, to, frame),
          discard: () => {},
          close: () => this.#leave(name, station),
        },
      });
      return opener;
    };
  }

  /** Ends whoever is at this name without a word to anybody: a crash. The name is free afterwards. */
  crash(name: string): void {
    this.#stations.get(name)?.abandon();
    this.#stations.delete(name);
  }

  /** Loses everything between the two, both ways, until {@link heal}. What is on its way already arrives. */
  cut(a: string, b: string): void {
    this.#cuts.add(pairOf(a, b));
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(pairOf(a, b));
  }

  healAll(): void {
    this.#cuts.clear();
  }

  /** Puts bytes on the network as if they came from this name: for tests of what a hostile peer may do. */
  inject(from: string, to: string, bytes: Uint8Array): void {
    this.#send(from, to, bytes);
  }

  readonly #atEndOfTurn = (callback: () => void): void => {
    this.#options.clock.after(0, callback);
  };

  #enter(name: string, station: Station): void {
    if (this.#stations.has(name)) throw new Error(`"${name}" is taken in this network; crash or close it first`);
    this.#stations.set(name, station);
  }

  #leave(name: string, station: Station): Promise<void> {
    if (this.#stations.get(name) === station) this.#stations.delete(name);
    return Promise.resolve();
  }

  /** A memory network holds what is on its way without bound: nobody in it reads slowly, time only stands still. */
  #send(from: string, to: string, bytes: Uint8Array): boolean {
    if (this.#cuts.has(pairOf(from, to))) return true;
    const delays = this.#options.fate?.({ from, to, bytes }) ?? AT_ONCE;
    for (const delay of delays) {
      this.#options.clock.after(delay, () => this.#stations.get(to)?.receive(from, bytes));
    }
    return true;
  }
}

/** Collects what arrives at one moment and hands it over in one turn. */
class Inbox<T> {
  readonly #clock: Clock;
  readonly #hand: (items: readonly T[]) => void;
  #items: T[] = [];

  constructor(clock: Clock, hand: (items: readonly T[]) => void) {
    this.#clock = clock;
    this.#hand = hand;
  }

  push(item: T): void {
    if (this.#items.push(item) > 1) return;
    this.#clock.after(0, () => {
      const items = this.#items;
      this.#items = [];
      this.#hand(items);
    });
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
