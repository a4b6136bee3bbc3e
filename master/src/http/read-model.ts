import type { TaskState } from '@proffer/sdk/model';
import type { AgentView, ClusterView, Delta, FrameworkView, OfferView, RoleView, TaskView } from '../core/views.js';

/** Names a task in the cluster: ids hold no control characters. */
function taskKey(frameworkId: string, taskId: string): string {
  return `${frameworkId}\n${taskId}`;
}

/**
 * The cluster as readers see it: a copy beside the core that begins with a snapshot and follows by numbered deltas. It
 * answers every question of the HTTP API, and costs the core nothing while nobody asks.
 */
export class ReadModel {
  readonly agents = new Map<string, AgentView>();
  readonly frameworks = new Map<string, FrameworkView>();
  readonly offers = new Map<string, OfferView>();
  readonly #tasks = new Map<string, TaskView>();
  readonly #tasksByState = new Map<TaskState, number>();
  #roles: readonly RoleView[];
  #number: number;

  constructor(view: ClusterView, roles: readonly RoleView[]) {
    this.#number = view.number;
    this.#roles = roles;
    for (const agent of view.agents) this.agents.set(agent.agentId, agent);
    for (const framework of view.frameworks) this.frameworks.set(framework.frameworkId, framework);
    for (const offer of view.offers) this.offers.set(offer.offerId, offer);
    for (const task of view.tasks) this.#setTask(task);
  }

  /** Number of the newest delta in it. */
  get number(): number {
    return this.#number;
  }

  get roles(): readonly RoleView[] {
    return this.#roles;
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  /** How many tasks are in each state; ended ones that are still remembered count too. */
  get tasksByState(): ReadonlyMap<TaskState, number> {
    return this.#tasksByState;
  }

  tasks(): IterableIterator<TaskView> {
    return this.#tasks.values();
  }

  task(frameworkId: string, taskId: string): TaskView | undefined {
    return this.#tasks.get(taskKey(frameworkId, taskId));
  }

  /** Takes the next delta. Throws Error for any other one: a reader with a hole must begin again with a snapshot. */
  apply(delta: Delta, roles: readonly RoleView[]): void {
    if (delta.number !== this.#number + 1) throw new Error(`delta ${this.#number + 1} is due, got ${delta.number}`);
    this.#number = delta.number;
    this.#roles = roles;
    for (const id of delta.removed.agents) this.agents.delete(id);
    for (const id of delta.removed.frameworks) this.frameworks.delete(id);
    for (const id of delta.removed.offers) this.offers.delete(id);
    for (const [frameworkId, taskId] of delta.removed.tasks) this.#removeTask(taskKey(frameworkId, taskId));
    for (const agent of delta.agents) this.agents.set(agent.agentId, agent);
    for (const framework of delta.frameworks) this.frameworks.set(framework.frameworkId, framework);
    for (const offer of delta.offers) this.offers.set(offer.offerId, offer);
    for (const task of delta.tasks) this.#setTask(task);
  }

  #setTask(task: TaskView): void {
    const key = taskKey(task.frameworkId, task.taskId);
    const before = this.#tasks.get(key);
    if (before !== undefined) this.#count(before.state, -1);
    this.#tasks.set(key, task);
    this.#count(task.state, 1);
  }

  #removeTask(key: string): void {
    const before = this.#tasks.get(key);
    if (before === undefined) return;
    this.#tasks.delete(key);
    this.#count(before.state, -1);
  }

  #count(state: TaskState, by: number): void {
    this.#tasksByState.set(state, (this.#tasksByState.get(state) ?? 0) + by);
  }
}
