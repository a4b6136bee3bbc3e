import type { AgentToMaster, MasterToAgent, SchedulerCall, SchedulerEvent } from '@proffer/sdk/protocol';
import type { AcceptorLink, LinkAcceptor, VirtualClock } from '@proffer/sdk/transport';
import { MasterCore } from '../core/index.js';
import type { CoreConfig, Effect, Input, Rejected } from '../core/index.js';
import type { Records } from '../registry/records.js';

type Acceptor = LinkAcceptor<AgentToMaster | SchedulerCall, SchedulerEvent | MasterToAgent | Rejected>;

/** The real core in a shell of memory and virtual time: its registry is a few maps, and durable at the end of the turn. */
export class TestMaster {
  readonly core: MasterCore;
  readonly #clock: VirtualClock;
  readonly #link: AcceptorLink<SchedulerEvent | MasterToAgent | Rejected>;
  readonly #records: Records;
  #cancelWake: () => void = () => {};
  #closed = false;

  constructor(config: CoreConfig, records: Records, clock: VirtualClock, listen: Acceptor) {
    this.#clock = clock;
    this.#records = records;
    this.core = new MasterCore(config, records.state(), clock.now());
    this.#link = listen({
      onMessages: (peer, messages) => {
        for (const message of messages) this.apply({ type: 'message', peer, principal: 'anonymous', message });
      },
      onClosed: (peer, code) => this.apply({ type: 'peerClosed', peer, code }),
    });
    this.apply({ type: 'time' });
  }

  apply(input: Input): void {
    if (this.#closed) return;
    for (const effect of this.core.apply(input, this.#clock.now())) this.#perform(effect);
  }

  /** Ends all sessions; the peers look for the next master. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWake();
    await this.#link.close();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#link.send(effect.peer, effect.message);
        break;
      case 'reset':
        this.#link.reset(effect.peer, effect.code, effect.message);
        break;
      case 'persist':
        this.#records.apply(effect.operation);
        this.#clock.after(0, () => this.apply({ type: 'durable', sequence: effect.sequence }));
        break;
      case 'wake':
        this.#cancelWake();
        this.#cancelWake = this.#clock.after(effect.at - this.#clock.now(), () => this.apply({ type: 'time' }));
    }
  }
}
