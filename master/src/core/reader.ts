import type { Cluster } from './cluster.js';
import { renderAgent, renderFramework, renderOffer, renderTask } from './render.js';
import type { ClusterView, Delta } from './views.js';

/** What the core shows of itself: a snapshot, and numbered deltas from there on. */
export class Reader {
  readonly #cluster: Cluster;
  #number = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  snapshot(): ClusterView {
    const cluster = this.#cluster;
    cluster.changes.restart();
    const tasks = [];
    for (const framework of cluster.frameworks.values()) {
      for (const task of framework.tasks.values()) tasks.push(renderTask(task));
    }
    for (const task of cluster.completed) tasks.push(renderTask(task));
    for (const held of cluster.offers.values()) held.shown = true;
    return {
      number: this.#number,
      agents: shown(cluster.agents.values(), (agent) => renderAgent(cluster, agent)),
      frameworks: shown(cluster.frameworks.values(), (framework) => renderFramework(cluster, framework)),
      tasks,
      offers: shown(cluster.offers.values(), renderOffer),
    };
  }

  takeDelta(): Delta {
    const cluster = this.#cluster;
    const { changes } = cluster;
    for (const held of changes.offers) held.shown = true;
    const delta = {
      number: ++this.#number,
      agents: shown(changes.agents, (agent) => renderAgent(cluster, agent)),
      frameworks: shown(changes.frameworks, (framework) => renderFramework(cluster, framework)),
      tasks: shown(changes.tasks, renderTask),
      offers: shown(changes.offers, renderOffer),
      removed: { ...changes.removed },
    };
    changes.restart();
    return delta;
  }
}

function shown<From, To>(things: Iterable<From>, render: (thing: From) => To | undefined): To[] {
  const views: To[] = [];
  for (const thing of things) {
    const view = render(thing);
    if (view !== undefined) views.push(view);
  }
  return views;
}
