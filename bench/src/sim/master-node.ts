import { DEFAULT_CORE_CONFIG, MasterCore, type Effect, type Input, type RegistryState } from '@proffer/master/core';
import { changeOf, operationOf, Records } from '@proffer/master/registry';
import type { AgentToMaster, SchedulerCall } from '@proffer/sdk/protocol';
import type { AcceptorLink } from '@proffer/sdk/transport';
import { Disk } from './disk.js';
import type { World } from './world.js';

type ToPeer = Extract<Effect, { readonly type: 'send' }>['message'];

export const MASTER = 'master';

/** Shorter than in the field, so that a run sees them end. */
const TIMES = { offerTimeoutMs: 15_000, reconnectTimeoutMs: 10_000, reregisterTimeoutMs: 60_000 } as const;

/** The real master core with a disk and a network of chance. */
export class MasterNode {
  readonly disk: Disk;
  readonly #world: World;
  #core: MasterCore | undefined;
  #link: AcceptorLink<ToPeer> | undefined;
  #cancelWake: () => void = () => {};
  #runs = 0;

  constructor(world: World) {
    this.#world = world;
    this.disk = new Disk(world.clock, world.random.fork());
  }

  /** Undefined while the master is down. */
  get core(): MasterCore | undefined {
    return this.#core;
  }

  start(): void {
    if (this.#core !== undefined) return;
    this.#world.tell('master starts');
    const core = new MasterCore({ ...DEFAULT_CORE_CONFIG, ...TIMES, masterId: `m${++this.#runs}`, version: 'sim' }, this.#recover(), this.#now());
    this.#core = core;
    this.#link = this.#world.network.acceptor(MASTER, ['agent', 'framework'])({
      onMessages: (peer, messages) => {
        for (const message of messages) this.#apply(core, { type: 'message', peer, principal: 'anonymous', message: message as AgentToMaster | SchedulerCall });
      },
      onClosed: (peer, code) => this.#apply(core, { type: 'peerClosed', peer, code }),
    });
    this.#apply(core, { type: 'time' });
  }

  crash(): void {
    if (this.#core === undefined) return;
    this.#world.tell('master crashes');
    this.#core = undefined;
    this.#cancelWake();
    this.#world.network.crash(MASTER);
    this.disk.crash();
  }

  #recover(): RegistryState {
    const records = new Records();
    for (const [key, value] of this.disk.read()) records.apply(operationOf(key, value));
    return records.state();
  }

  #apply(core: MasterCore, input: Input): void {
    if (core !== this.#core) return;
    for (const effect of core.apply(input, this.#now())) this.#perform(core, effect);
  }

  #perform(core: MasterCore, effect: Effect): void {
    const { clock } = this.#world;
    switch (effect.type) {
      case 'send':
        this.#link?.send(effect.peer, effect.message);
        break;
      case 'reset':
        this.#link?.reset(effect.peer, effect.code, effect.message);
        break;
      case 'persist':
        this.disk.write([changeOf(effect.operation)], () => this.#apply(core, { type: 'durable', sequence: effect.sequence }));
        break;
      case 'wake':
        this.#cancelWake();
        this.#cancelWake = clock.after(effect.at - clock.now(), () => this.#apply(core, { type: 'time' }));
        break;
    }
  }

  #now(): number {
    return this.#world.clock.now();
  }
}
