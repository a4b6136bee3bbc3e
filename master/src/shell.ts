import type { AgentToMaster, ProtocolErrorCode, SchedulerCall } from '@proffer/sdk/protocol';
import type { AcceptorHandlers, AcceptorLink, Clock } from '@proffer/sdk/transport';
import type { Effect, Input, OperatorCall, RegistryOperation } from './core/types.js';
import type { Meters } from './http/metrics.js';
import type { Registry } from './registry/registry.js';

export type FromPeer = AgentToMaster | SchedulerCall;
export type ToPeer = Extract<Effect, { readonly type: 'send' }>['message'];

/** Inputs that may wait for the end of the turn; past it they are applied at once, so that memory stays bounded. */
const INBOX_MAX = 100_000;

/** Node's timers wrap past 2^31 ms; a longer wait is taken in parts. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Who a peer is without keys. */
const ANONYMOUS = 'anonymous';

/** The core as the shell uses it. */
export interface Decider {
  apply(input: Input, now: number): readonly Effect[];
}

export interface ShellParts {
  readonly core: Decider;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly meters: Meters;
  /** Something was applied to the core. */
  readonly onChanged: () => void;
  /** The registry cannot write any more: nothing that follows can be trusted, the master must end. */
  readonly onFailure: (error: Error) => void;
}

/**
 * The hands of the core: one loop that drains what came in, lets the core decide, and does what it says.
 *
 * Nothing happens inside a receive callback. Inputs gather until the end of the turn of the event loop; one tick applies
 * them in order, writes what must be durable as one batch, and leaves sending to the link, which packs what one tick says
 * to one peer into one frame.
 */
export class Shell implements AcceptorHandlers<FromPeer> {
  readonly #parts: ShellParts;
  #link: AcceptorLink<ToPeer> | undefined;
  #inbox: Input[] = [];
  #operations: RegistryOperation[] = [];
  /** Number of the newest operation in `#operations`. */
  #sequence = 0;
  #scheduled = false;
  #closed = false;
  #now: number;
  #cancelWake: (() => void) | undefined;
  #commits: Promise<void> = Promise.resolve();
  #received = 0;
  #sent = 0;

  constructor(parts: ShellParts) {
    this.#parts = parts;
    this.#now = parts.clock.now();
  }

  /** Messages that went each way. */
  get received(): number {
    return this.#received;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Begins to act, through this link. */
  start(link: AcceptorLink<ToPeer>): void {
    this.#link = link;
    this.#push({ type: 'time' });
  }

  onMessages(peer: string, messages: readonly FromPeer[]): void {
    this.#received += messages.length;
    for (const message of messages) this.#push({ type: 'message', peer, principal: ANONYMOUS, message });
  }

  onClosed(peer: string, code: ProtocolErrorCode): void {
    this.#push({ type: 'peerClosed', peer, code });
  }

  /** Does what an operator asks, after everything that came in before. Throws OperatorError for what the core refuses. */
  operate(call: OperatorCall): void {
    this.#tick();
    this.#perform(this.#parts.core.apply({ type: 'operator', call }, this.#time()));
    this.#commit();
    this.#parts.onChanged();
  }

  /** Applies what came in and waits for what is being written; afterwards nothing is done any more. */
  async close(): Promise<void> {
    this.#tick();
    this.#closed = true;
    this.#cancelWake?.();
    await this.#commits;
  }

  #push(input: Input): void {
    if (this.#closed) return;
    this.#inbox.push(input);
    if (this.#inbox.length >= INBOX_MAX) this.#tick();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#tick());
    }
  }

  #tick(): void {
    this.#scheduled = false;
    if (this.#closed || this.#link === undefined || this.#inbox.length === 0) return;
    const inputs = this.#inbox;
    this.#inbox = [];
    const began = performance.now();
    const now = this.#time();
    for (const input of inputs) this.#perform(this.#parts.core.apply(input, now));
    this.#commit();
    this.#parts.onChanged();
    this.#parts.meters.tick((performance.now() - began) / 1000);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          this.#sent++;
          this.#link?.send(effect.peer, effect.message);
          break;
        case 'reset':
          this.#link?.reset(effect.peer, effect.code, effect.message);
          break;
        case 'persist':
          this.#operations.push(effect.operation);
          this.#sequence = effect.sequence;
          break;
        case 'wake':
          this.#wake(effect.at);
          break;
        default:
          effect satisfies never;
      }
    }
  }

  /** Writes the tick's operations as one batch; the core hears when they, and so all before them, are durable. */
  #commit(): void {
    if (this.#operations.length === 0) return;
    const operations = this.#operations;
    const sequence = this.#sequence;
    this.#operations = [];
    const began = performance.now();
    const written = this.#parts.registry.commit(operations).then(() => {
      this.#parts.meters.commit((performance.now() - began) / 1000);
      this.#push({ type: 'durable', sequence });
    });
    this.#commits = written.catch((error: unknown) => {
      this.#closed = true;
      this.#parts.onFailure(new Error(`the registry cannot write, the master stops: ${(error as Error).message}`, { cause: error }));
    });
  }

  #wake(at: number): void {
    this.#cancelWake?.();
    const wait = Math.min(Math.max(0, at - this.#parts.clock.now()), TIMER_MS_MAX);
    this.#cancelWake = this.#parts.clock.after(wait, () => {
      // A timer may end a little early, or have been only a part of the wait.
      if (this.#parts.clock.now() < at) this.#wake(at);
      else this.#push({ type: 'time' });
    });
  }

  /** The clock's time, which for the core never goes back. */
  #time(): number {
    this.#now = Math.max(this.#now, this.#parts.clock.now());
    return this.#now;
  }
}
