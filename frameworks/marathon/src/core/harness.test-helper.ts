import { parseResources, type Offer, type TaskState, type TaskStatus } from '@proffer/sdk/model';
import { Marathon, type App, type AppUpdate, type Call, type Effects, type Instance, type MarathonEvent } from './index.js';

/** The core with a disk that is a map, a clock that the test moves, and a master that is the test itself. */
export class Harness {
  now = Date.parse('2026-01-01T00:00:00.000Z');
  core: Marathon;
  readonly disk: Map<string, unknown>;
  readonly calls: Call[] = [];
  readonly events: MarathonEvent[] = [];
  wakeAt: number | undefined;
  #ids: number;
  #offers = 0;

  constructor(disk = new Map<string, unknown>(), ids = 0) {
    this.disk = disk;
    this.#ids = ids;
    this.core = new Marathon({ role: '*', newId: () => `id${++this.#ids}` });
    this.core.load([...disk].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Subscribed, with one turn taken. */
  static subscribed(): Harness {
    const harness = new Harness();
    harness.subscribe();
    return harness;
  }

  subscribe(): void {
    this.core.apply({ type: 'subscribed', frameworkId: 'f1' }, this.now);
    this.turn();
  }

  /** The process dies after its writes and before its calls; the next one starts from the disk. */
  crash(): Harness {
    const next = new Harness(structuredClone(this.disk), this.#ids + 1000);
    next.now = this.now;
    return next;
  }

  /** Takes a turn and does what it asks for. Returns the calls of this turn. */
  turn(): readonly Call[] {
    const effects: Effects = this.core.turn(this.now);
    for (const { key, value } of effects.changes) {
      if (value === undefined) this.disk.delete(key);
      else this.disk.set(key, structuredClone(value));
    }
    this.calls.push(...effects.calls);
    this.events.push(...effects.events);
    this.wakeAt = effects.wakeAt;
    return effects.calls;
  }

  advance(ms: number): readonly Call[] {
    this.now += ms;
    return this.turn();
  }

  create(id: string, update: AppUpdate): void {
    this.core.create(id, { cmd: 'run', ...update }, false, this.now);
    this.turn();
  }

  /** Offers this to whatever is demanded, on an agent of this name. Returns the launched task ids. */
  offer(hostname: string, text = 'cpus:100;mem:100000;ports:[31000-31999]', attributes: Offer['attributes'] = []): string[] {
    const demand = this.demand();
    const offer: Offer = {
      offerId: `o${++this.#offers}`,
      frameworkId: 'f1',
      agentId: `${hostname}-id`,
      hostname,
      role: '*',
      resources: parseResources(text),
      attributes,
      demand: demand.map(({ name, count }) => ({ name, count })),
    };
    this.core.apply({ type: 'offers', offers: [offer] }, this.now);
    return this.turn().flatMap((call) => (call.type === 'accept' ? call.tasks.map(({ taskId }) => taskId) : []));
  }

  /** What the master was last told. */
  demand(): Extract<Call, { type: 'demand' }>['demand'] {
    return this.calls.findLast((call) => call.type === 'demand')?.demand ?? [];
  }

  status(taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): readonly Call[] {
    this.core.apply(
      {
        type: 'update',
        status: { taskId, state, source: 'SOURCE_AGENT', timestamp: this.now / 1000, agentId: 'a', uuid: 'u', ...more },
      },
      this.now,
    );
    return this.turn();
  }

  /** Everything that was launched runs. */
  runAll(): void {
    for (const instance of this.instances()) if (instance.state === 'TASK_STAGING') this.status(instance.taskId, 'TASK_RUNNING');
  }

  /** Everything that was asked to end has. */
  endKilled(): void {
    for (const instance of this.instances()) if (instance.killedAt !== undefined) this.status(instance.taskId, 'TASK_KILLED');
  }

  instances(): Instance[] {
    return [...this.core.context.state.instances.values()];
  }

  app(id: string): App {
    return this.core.existing(id);
  }

  deployments() {
    return [...this.core.context.state.deployments.values()];
  }
}
