import { parseAttributes, parseResources, type Attribute, type Resources } from '@proffer/sdk/model';
import type { SchedulerCall, SchedulerEvent } from '@proffer/sdk/protocol';
import { MemoryNetwork, VirtualClock, type LinkOpener } from '@proffer/sdk/transport';
import { DEFAULT_CORE_CONFIG, type ClusterView, type CoreConfig, type OperatorCall, type TaskView } from '../core/index.js';
import { Records } from '../registry/records.js';
import { SimulatedAgent } from './simulated-agent.js';
import type { Behaviour, SimulatedTask } from './simulated-task.js';
import { TestMaster } from './test-master.js';

/** A machine of the cluster. */
export interface AgentOptions {
  /** As text, `cpus:4;mem:1024;ports:[31000-31099]`, or as {@link Resources}. */
  readonly resources: string | Resources;
  /** Its id too; `agent-1`, `agent-2` ... when absent. */
  readonly hostname?: string;
  /** As text, `rack:r1;disk:ssd`, or as a list. */
  readonly attributes?: string | readonly Attribute[];
}

export interface ClusterOptions {
  readonly agents: readonly AgentOptions[];
  /** Weights of roles that differ from 1. */
  readonly weights?: Readonly<Record<string, number>>;
  /** What tasks do by themselves; they run until they are killed when absent. */
  readonly behaviour?: (task: SimulatedTask) => Behaviour;
  /** Time-outs of the master, such as `offerTimeoutMs`; the real ones when absent. */
  readonly config?: Partial<CoreConfig>;
}

/** Turns of the real event loop that the code under test is given at each moment of virtual time. */
const TURNS_PER_MOMENT = 3;

/**
 * A cluster in memory: the real master core, the real links and messages, simulated agents, and a clock that moves only
 * when it is told to. No network, no root, no waiting.
 */
export class TestCluster {
  /** Give it to drivers and whatever else waits. */
  readonly clock = new VirtualClock();
  readonly agents: readonly SimulatedAgent[];
  readonly #network = new MemoryNetwork({ clock: this.clock });
  readonly #config: CoreConfig;
  readonly #agentsById = new Map<string, SimulatedAgent>();
  /** What outlives a master. */
  readonly #records = new Records();
  #master: TestMaster;
  #masters = 1;
  #frameworks = 0;

  constructor(options: ClusterOptions) {
    const { agents, weights = {}, behaviour = () => ({}), config } = options;
    this.#config = { ...DEFAULT_CORE_CONFIG, version: 'test', weights, ...config, masterId: 'master-1' };
    this.#master = new TestMaster(this.#config, this.#records, this.clock, this.#listen());
    this.agents = agents.map((agent, i) => this.#addAgent(agent, agent.hostname ?? `agent-${i + 1}`, behaviour));
    this.clock.settle();
  }

  /** How a framework's driver reaches the master; every use is a scheduler of its own. */
  get connect(): LinkOpener<SchedulerEvent, SchedulerCall> {
    return this.#network.opener(`framework-${++this.#frameworks}`, 'master', 'framework');
  }

  /** The agent with this hostname. Throws Error if there is none. */
  agent(hostname: string): SimulatedAgent {
    const agent = this.#agentsById.get(hostname);
    if (agent === undefined) {
      throw new Error(`there is no agent "${hostname}"; there are: ${[...this.#agentsById.keys()].join(', ')}`);
    }
    return agent;
  }

  /** The agent that has the task. Throws Error if none has it. */
  agentOf(taskId: string): SimulatedAgent {
    const agent = this.agents.find(({ tasks }) => tasks.some((task) => task.taskId === taskId));
    if (agent === undefined) throw new Error(`no agent has a task "${taskId}"`);
    return agent;
  }

  /**
   * Lets everything happen that happens now, in the cluster and in the code under test, until all is quiet. Time does
   * not move.
   */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  /** Lets so many milliseconds pass, moment by moment. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (;;) {
      await this.#turns();
      const next = this.clock.next();
      if (next === undefined || next > end) break;
      this.clock.advanceTo(next);
    }
    this.clock.advanceTo(end);
  }

  /** Advances until `done` says so. Throws Error if that takes longer than `limitMs` of virtual time. */
  async until(done: () => boolean, limitMs = 60_000): Promise<void> {
    const end = this.clock.now() + limitMs;
    for (;;) {
      await this.#turns();
      if (done()) return;
      const next = this.clock.next();
      if (next === undefined || next > end) throw new Error(`it did not come about within ${limitMs} ms of virtual time`);
      this.clock.advanceTo(next);
    }
  }

  /** What the master knows: agents, frameworks, tasks (ended ones too), offers. */
  view(): ClusterView {
    return this.#master.core.snapshot();
  }

  /** The tasks that the master knows and that are not done with. */
  tasks(): readonly TaskView[] {
    return this.view().tasks.filter((task) => !task.completed);
  }

  /** What an operator may do. Throws OperatorError where the master refuses. */
  operate(call: OperatorCall): void {
    this.#master.apply({ type: 'operator', call });
  }

  /** Ends the master, its sessions with it, and starts the next from what the registry holds. */
  async restartMaster(): Promise<void> {
    await this.#master.close();
    const config = { ...this.#config, masterId: `master-${++this.#masters}` };
    this.#master = new TestMaster(config, this.#records, this.clock, this.#listen());
  }

  #listen(): ConstructorParameters<typeof TestMaster>[3] {
    return this.#network.acceptor('master', ['agent', 'framework']);
  }

  #addAgent(
    { resources, attributes = [] }: AgentOptions,
    hostname: string,
    behaviour: (task: SimulatedTask) => Behaviour,
  ): SimulatedAgent {
    if (this.#agentsById.has(hostname)) throw new RangeError(`two agents have the hostname "${hostname}"`);
    const info = {
      hostname,
      httpAddress: `${hostname}:5051`,
      resources: typeof resources === 'string' ? parseResources(resources) : resources,
      attributes: typeof attributes === 'string' ? parseAttributes(attributes) : attributes,
      version: 'test',
    };
    const network = this.#network;
    const place = `agent ${hostname}`;
    const agent = new SimulatedAgent(hostname, info, {
      clock: this.clock,
      connect: (handlers) => network.opener(place, 'master', 'agent')(handlers),
      behaviour,
      kill: () => network.crash(place),
      cut: () => network.cut(place, 'master'),
      heal: () => network.heal(place, 'master'),
    });
    this.#agentsById.set(hostname, agent);
    return agent;
  }

  async #turns(): Promise<void> {
    this.clock.settle();
    for (let i = 0; i < TURNS_PER_MOMENT; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.settle();
    }
  }
}

/**
 * A cluster with these agents, registered and idle.
 *
 * ```ts
 * const cluster = createCluster({ agents: [{ resources: 'cpus:4;mem:1024', hostname: 'a' }] });
 * const scheduler = new Scheduler({ master: cluster.connect, clock: cluster.clock, framework: { name: 'hello' } });
 * scheduler.want({ name: 'web', count: 2, resources: 'cpus:1;mem:100', command: 'sleep 1000' }).start();
 * await cluster.settle();
 * cluster.agent('a').fail(cluster.tasks()[0].taskId);
 * await cluster.advance(10_000);
 * ```
 */
export function createCluster(options: ClusterOptions): TestCluster {
  return new TestCluster(options);
}
