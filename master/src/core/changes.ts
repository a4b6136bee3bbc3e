import type { Agent, Framework, HeldOffer, Task } from './state.js';

/**
 * What readers have not seen yet. Nothing is noted before the first snapshot: a core that nobody reads would note without end.
 */
export class Changes {
  #watched = false;
  readonly agents = new Set<Agent>();
  readonly frameworks = new Set<Framework>();
  readonly tasks = new Set<Task>();
  readonly offers = new Set<HeldOffer>();
  readonly removed = {
    agents: [] as string[],
    frameworks: [] as string[],
    tasks: [] as [frameworkId: string, taskId: string][],
    offers: [] as string[],
  };

  /** From now on all is noted; what was noted before is forgotten. */
  restart(): void {
    this.#watched = true;
    this.agents.clear();
    this.frameworks.clear();
    this.tasks.clear();
    this.offers.clear();
    this.removed.agents = [];
    this.removed.frameworks = [];
    this.removed.tasks = [];
    this.removed.offers = [];
  }

  agent(agent: Agent): void {
    if (this.#watched) this.agents.add(agent);
  }

  framework(framework: Framework): void {
    if (this.#watched) this.frameworks.add(framework);
  }

  task(task: Task): void {
    if (this.#watched) this.tasks.add(task);
  }

  offer(offer: HeldOffer): void {
    if (this.#watched) this.offers.add(offer);
  }

  agentRemoved(agent: Agent): void {
    if (!this.#watched) return;
    this.agents.delete(agent);
    this.removed.agents.push(agent.agentId);
  }

  frameworkRemoved(framework: Framework): void {
    if (!this.#watched) return;
    this.frameworks.delete(framework);
    this.removed.frameworks.push(framework.frameworkId);
  }

  /** The task is shown no more, and no newer one has its id. */
  taskRemoved(task: Task): void {
    if (!this.#watched) return;
    this.tasks.delete(task);
    this.removed.tasks.push([task.framework.frameworkId, task.taskId]);
  }

  offerRemoved(offer: HeldOffer): void {
    if (!this.#watched) return;
    this.offers.delete(offer);
    if (offer.shown) this.removed.offers.push(offer.offer.offerId);
  }
}
