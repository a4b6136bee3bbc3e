import type { TaskStatus } from '@proffer/sdk/model';
import type { MasterToAgent, ProtocolErrorCode, SchedulerEvent } from '@proffer/sdk/protocol';
import { Allocator } from '../allocator/index.js';
import { Deadlines } from '../collections/deadlines.js';
import { Line } from '../collections/line.js';
import { Changes } from './changes.js';
import { noCounters } from './counters.js';
import { FAULT_LENGTH_MAX } from './limits.js';
import type { Agent, Framework, HeldOffer, Questions, Task } from './state.js';
import type { CoreConfig, Effect, PeerId, RegistryOperation, Rejected } from './types.js';

/** Who sits at the other end of a session. */
export type Session = { readonly agent: Agent } | { readonly framework: Framework };

/** All cluster state, and the effects of the input that is being applied. The functions of this folder work on it. */
export class Cluster {
  readonly config: CoreConfig;
  readonly allocator: Allocator;
  readonly sessions = new Map<PeerId, Session>();
  readonly agents = new Map<string, Agent>();
  /** Those of the agents that are out of reach, the longest lost first. */
  readonly unreachable = new Set<Agent>();
  /** Those of the agents that have not come back after a change of master. */
  readonly recovering = new Set<Agent>();
  /** When the agents that are still recovering count as lost, in milliseconds since 1970. */
  recoveryDeadline = 0;
  /** What waits until no agent is recovering. */
  readonly questions: Questions = new Map();
  readonly frameworks = new Map<string, Framework>();
  /** Those not removed, by name and principal. */
  readonly identities = new Map<string, Framework>();
  /** Those of the frameworks that were removed, the oldest first. */
  readonly removedFrameworks = new Set<Framework>();
  readonly offers = new Map<string, HeldOffer>();
  /** The same offers in the order in which they were made, which is that in which they time out. */
  readonly offerLine = new Line<HeldOffer>();
  /** Ended tasks that are kept for people, the oldest first. */
  readonly completed = new Line<Task>();
  readonly deadlines = new Deadlines();
  readonly changes = new Changes();
  readonly counters = noCounters();
  now: number;
  #effects: Effect[] | undefined;
  #sequence = 0;
  #durable = 0;
  /** What waits for writes, by their sequence. */
  readonly #waiting = new Map<number, () => void>();
  #nextFramework = 0;
  #nextOffer = 0;

  constructor(config: CoreConfig, weights: Readonly<Record<string, number>>, now: number) {
    this.config = config;
    this.allocator = new Allocator({ offersHeldMax: config.offersHeldMax, weights: { ...config.weights, ...weights } });
    this.now = now;
  }

  /** An id that no framework has, not even one that brought its own. */
  newFrameworkId(): string {
    let id;
    do id = `${this.config.masterId}-${String(this.#nextFramework++).padStart(4, '0')}`;
    while (this.frameworks.has(id));
    return id;
  }

  newOfferId(): string {
    return `${this.config.masterId}-O${this.#nextOffer++}`;
  }

  add(effect: Effect): void {
    // Most inputs have one effect: a list of one takes an eighth of the memory of one that is made to grow.
    if (this.#effects === undefined) this.#effects = [effect];
    else this.#effects.push(effect);
  }

  takeEffects(): Effect[] {
    const effects = this.#effects ?? [];
    this.#effects = undefined;
    return effects;
  }

  /** Dropped silently if the agent or framework is not connected. */
  send(to: { readonly peer: PeerId | undefined }, message: SchedulerEvent | MasterToAgent | Rejected): void {
    if (to.peer !== undefined) this.add({ type: 'send', peer: to.peer, message });
  }

  /** Tells a framework of a status; the master's own carry no uuid. False if the framework is away. */
  tell(framework: Framework, status: TaskStatus): boolean {
    if (framework.state !== 'connected') return false;
    this.send(framework, { type: 'UPDATE', status });
    return true;
  }

  /** Says why with an ERROR, and ends the session. */
  refuse(peer: PeerId, code: ProtocolErrorCode, message: string): void {
    const short = message.slice(0, FAULT_LENGTH_MAX);
    this.add({ type: 'send', peer, message: { type: 'ERROR', code, message: short } });
    this.reset(peer, code, short);
  }

  reset(peer: PeerId, code: ProtocolErrorCode, message: string): void {
    this.sessions.delete(peer);
    this.add({ type: 'reset', peer, code, message });
  }

  /** Writes to the registry; `then` happens once it is durable. */
  persist(operation: RegistryOperation, then?: () => void): void {
    const sequence = ++this.#sequence;
    this.add({ type: 'persist', sequence, operation });
    if (then !== undefined) this.#waiting.set(sequence, then);
  }

  /** The write with this sequence and all before it are durable. */
  durable(sequence: number): void {
    while (this.#durable < Math.min(sequence, this.#sequence)) {
      const then = this.#waiting.get(++this.#durable);
      if (then === undefined) continue;
      this.#waiting.delete(this.#durable);
      then();
    }
  }
}
