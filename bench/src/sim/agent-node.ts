import { AgentCore, changesOf, DEFAULT_AGENT_CORE_CONFIG, stateOf, type AgentEffect, type AgentInput } from '@proffer/agent/core';
import { resources } from '@proffer/sdk/model';
import type { AgentToMaster } from '@proffer/sdk/protocol';
import type { OpenerLink } from '@proffer/sdk/transport';
import { Disk } from './disk.js';
import { Machine, type Truth } from './machine.js';
import { MASTER } from './master-node.js';
import type { World } from './world.js';

/** The real agent core on a machine of chance. */
export class AgentNode {
  readonly disk: Disk;
  readonly name: string;
  readonly machine: Machine;
  readonly #world: World;
  #core: AgentCore | undefined;
  #link: OpenerLink<AgentToMaster> | undefined;
  #cancelWake: () => void = () => {};

  constructor(world: World, name: string, truths: Map<string, Truth>) {
    this.#world = world;
    this.name = name;
    this.machine = new Machine(world, name, truths);
    this.disk = new Disk(world.clock, world.random.fork());
  }

  get core(): AgentCore | undefined {
    return this.#core;
  }

  start(): void {
    if (this.#core !== undefined) return;
    this.#world.tell(`${this.name} starts`);
    const core = new AgentCore(this.#config(), stateOf(this.disk.read()), this.#world.clock.now());
    this.#core = core;
    this.machine.listener = (input) => this.#apply(core, input);
    this.#link = this.#world.network.opener(this.name, MASTER, 'agent')({
      onOpen: () => {
        this.#world.tell(`${this.name}: session open`);
        this.#apply(core, { type: 'sessionOpened' });
      },
      onMessages: (messages) => {
        for (const message of messages) this.#apply(core, { type: 'message', message });
      },
      onClosed: (code, message) => {
        this.#world.tell(`${this.name}: session closed: ${code}: ${message}`);
        this.#apply(core, { type: 'sessionClosed' });
      },
    });
    this.#apply(core, { type: 'start' });
  }

  /** `kill -9`: containers run on. */
  crash(): void {
    if (this.#core === undefined) return;
    this.#world.tell(`${this.name} crashes`);
    this.#core = undefined;
    this.machine.listener = undefined;
    this.#cancelWake();
    this.#world.network.crash(this.name);
    this.disk.crash();
  }

  losePower(): void {
    this.crash();
    this.#world.tell(`${this.name} loses power`);
    this.machine.losePower();
  }

  #config(): ConstructorParameters<typeof AgentCore>[0] {
    return {
      ...DEFAULT_AGENT_CORE_CONFIG,
      updateRetryMinMs: 5_000,
      updateRetryMaxMs: 40_000,
      info: {
        hostname: this.name,
        httpAddress: `${this.name}:5051`,
        resources: resources({ cpus: 4, mem: 4096, ports: [31000, 31009] }),
        attributes: [],
        version: 'sim',
      },
      sandboxRoot: '/sandboxes',
      executorSocket: '/run/executors/socket',
      newId: () => this.#world.newId(this.name),
    };
  }

  #apply(core: AgentCore, input: AgentInput): void {
    if (core !== this.#core) return;
    for (const effect of core.apply(input, this.#world.clock.now())) this.#perform(core, effect);
  }

  #perform(core: AgentCore, effect: AgentEffect): void {
    const { clock } = this.#world;
    switch (effect.type) {
      case 'send':
        return this.#link?.send(effect.message);
      case 'persist':
        return this.disk.write(effect.operations.flatMap(changesOf), () => this.#apply(core, { type: 'durable', sequence: effect.sequence }));
      case 'recover':
        return this.machine.recover(effect.specs);
      case 'launch':
        return this.machine.launch(effect.spec);
      case 'signal':
        return this.machine.signal(effect.containerId);
      case 'destroy':
        return this.machine.destroy(effect.containerId);
      case 'forgetContainer':
        return this.machine.forget(effect.containerId);
      case 'wake':
        this.#cancelWake();
        this.#cancelWake = clock.after(effect.at - clock.now(), () => this.#apply(core, { type: 'time' }));
        return;
      case 'log':
        return this.#world.tell(`${this.name}: ${effect.message}`);
      case 'sendExecutor':
      case 'resetExecutor':
      case 'updateContainer':
      case 'linkSandbox':
      case 'check':
      case 'stopped':
        // No executors and no health checks in these runs: their own tests have them.
        return;
    }
  }
}
