import { SchedulerDriver, type Demand, type Offer, type TaskStatus } from '@proffer/sdk';
import { isTerminal, resources, type TaskState } from '@proffer/sdk/model';
import { Disk } from './disk.js';
import { MASTER } from './master-node.js';
import type { World } from './world.js';

/** What a framework knows of one of its tasks, on its disk. */
export interface Known {
  readonly taskId: string;
  readonly agentId: string;
  readonly state: TaskState;
  /** The statuses of the agent, in the order in which they were first seen. */
  readonly uuids: readonly string[];
  readonly exit?: TaskStatus['exit'];
  /** The agent itself said that it is over, not the master from what it had heard. */
  readonly ended: boolean;
}

const TASK = 'task/';
const NEEDS = resources({ cpus: 0.5, mem: 128 });
const RECONCILE_MS = 20_000;

/** A scheduler that keeps so many tasks, writes down what it does before it does it, and reconciles. */
export class FrameworkNode {
  readonly disk: Disk;
  readonly name: string;
  /** How many tasks it wants at once; 0 and `draining` let it come to an end. */
  target: number;
  draining = false;
  /** Every task that it decided to launch and every status that it has on disk, over all its lives. */
  readonly known = new Map<string, Known>();
  readonly #world: World;
  readonly #role: string;
  #driver: SchedulerDriver | undefined;
  #declared: number | undefined;
  #writes = 0;

  constructor(world: World, name: string, role: string, target: number) {
    this.#world = world;
    this.name = name;
    this.#role = role;
    this.target = target;
    this.disk = new Disk(world.clock, world.random.fork());
  }

  get frameworkId(): string | undefined {
    return this.#driver?.frameworkId;
  }

  get up(): boolean {
    return this.#driver !== undefined;
  }

  /** Nothing that it decided still waits for its disk. */
  get settled(): boolean {
    return this.#writes === 0;
  }

  start(): void {
    if (this.#driver !== undefined) return;
    this.#world.tell(`${this.name} starts`);
    this.known.clear();
    let frameworkId: string | undefined;
    for (const [key, value] of this.disk.read()) {
      if (key === 'id') frameworkId = value as string;
      else this.known.set(key.slice(TASK.length), value as Known);
    }
    this.#declared = undefined;
    const driver = new SchedulerDriver(
      {
        link: this.#world.network.opener(this.name, MASTER, 'framework'),
        frameworkInfo: { name: this.name, roles: [this.#role], ...(frameworkId !== undefined && { frameworkId }) },
        clock: this.#world.clock,
      },
      {
        subscribed: (event) => {
          this.#world.tell(`${this.name}: subscribed as ${event.frameworkId}`);
          this.#write(driver, 'id', event.frameworkId, () => this.#reconcile(driver));
        },
        disconnected: (code, message) => this.#world.tell(`${this.name}: session closed: ${code}: ${message}`),
        offers: (offers) => this.#offers(driver, offers),
        update: (status) => this.#update(driver, status),
        error: (code, message) => this.#world.violated(`${this.name} was refused: ${code}: ${message}`),
        rejected: (received, code, message) => this.#world.violated(`${this.name}'s ${received} was refused: ${code}: ${message}`),
      },
    );
    this.#driver = driver;
    driver.start();
    this.#every(driver);
  }

  crash(): void {
    if (this.#driver === undefined) return;
    this.#world.tell(`${this.name} crashes`);
    this.#driver = undefined;
    this.#writes = 0;
    this.#world.network.crash(this.name);
    this.disk.crash();
  }

  /** Asks for the end of one of its tasks. */
  kill(taskId: string): void {
    const task = this.known.get(taskId);
    if (task !== undefined) this.#driver?.kill(taskId, { agentId: task.agentId });
  }

  get unfinished(): readonly Known[] {
    return [...this.known.values()].filter(({ state }) => !isOver(state));
  }

  #every(driver: SchedulerDriver): void {
    this.#world.clock.after(RECONCILE_MS, () => {
      if (driver !== this.#driver) return;
      this.#reconcile(driver);
      this.#every(driver);
    });
  }

  #reconcile(driver: SchedulerDriver): void {
    const tasks = this.unfinished.map(({ taskId, agentId }) => ({ taskId, agentId }));
    if (tasks.length > 0) driver.reconcile(tasks);
    if (this.draining) for (const { taskId } of tasks) this.kill(taskId);
    this.#declared = undefined;
    this.#demand(driver);
  }

  #demand(driver: SchedulerDriver): void {
    const count = Math.max(0, this.target - this.unfinished.length);
    if (count === this.#declared) return;
    this.#declared = count;
    const demand: Demand[] = [{ name: 'task', role: this.#role, resources: NEEDS, ports: 1, count }];
    driver.demand(demand);
  }

  #offers(driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) {
      const wanted = Math.max(0, this.target - this.unfinished.length);
      const count = Math.min(offer.demand.reduce((sum, entry) => sum + entry.count, 0), wanted);
      if (count === 0 || this.#world.random.chance(0.05)) {
        driver.decline([offer.offerId], { refuseSeconds: 1 });
        continue;
      }
      const tasks = Array.from({ length: count }, (_, i) => ({
        taskId: this.#world.newId(this.name),
        name: 'task',
        agentId: offer.agentId,
        demand: 'task',
        resources: { ...NEEDS, ports: portAt(offer, i) },
        command: { shell: true, value: 'true' },
      }));
      for (const { taskId, agentId } of tasks) this.known.set(taskId, { taskId, agentId, state: 'TASK_STAGING', uuids: [], ended: false });
      const changes = tasks.map(({ taskId }) => ({ key: TASK + taskId, value: this.known.get(taskId) }));
      this.#writeAll(driver, changes, () => driver.accept([offer.offerId], tasks, { refuseSeconds: 1 }));
    }
  }

  #update(driver: SchedulerDriver, status: TaskStatus): void {
    const { taskId, uuid, state, reason } = status;
    this.#world.tell(`${this.name}: ${taskId} ${state}${reason === undefined ? '' : ` (${reason})`}`);
    const before = this.known.get(taskId);
    if (before === undefined) {
      this.#world.violated(`${this.name} was told of ${taskId}, which it never launched: ${state}`);
      return;
    }
    const seen = uuid !== undefined && before.uuids.includes(uuid);
    if (!seen && before.ended && uuid !== undefined) {
      this.#world.violated(`${taskId} ended as ${before.state} and once more as ${state}`);
    }
    if (seen && uuid !== before.uuids.at(-1)) this.#world.violated(`an older status of ${taskId} (${state}) came again after a newer one`);
    const after: Known = {
      ...before,
      state: before.ended ? before.state : state,
      ended: before.ended || (uuid !== undefined && isTerminal(state)),
      uuids: uuid === undefined || seen ? before.uuids : [...before.uuids, uuid],
      ...(status.exit !== undefined && { exit: status.exit }),
    };
    this.known.set(taskId, after);
    this.#write(driver, TASK + taskId, after, () => driver.acknowledge(status));
    this.#demand(driver);
  }

  #write(driver: SchedulerDriver, key: string, value: unknown, done: () => void): void {
    this.#writeAll(driver, [{ key, value }], done);
  }

  /** Does what depends on it once it is on disk, if this life of the scheduler still is. */
  #writeAll(driver: SchedulerDriver, changes: readonly { key: string; value: unknown }[], done: () => void): void {
    this.#writes++;
    this.disk.write(changes, () => {
      if (driver !== this.#driver) return;
      this.#writes--;
      done();
    });
  }
}

/** TASK_UNKNOWN is an answer, too: the task never was, or is gone for good. */
export function isOver(state: TaskState): boolean {
  return isTerminal(state) || state === 'TASK_UNKNOWN';
}

function portAt(offer: Offer, index: number): readonly number[] {
  const { ports } = offer.resources;
  let left = index;
  for (let i = 0; i < ports.length; i += 2) {
    const size = ports[i + 1]! - ports[i]! + 1;
    if (left < size) return [ports[i]! + left, ports[i]! + left];
    left -= size;
  }
  return [];
}
