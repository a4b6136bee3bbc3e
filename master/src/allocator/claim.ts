import { add, type Resources } from '@proffer/sdk/model';
import type { Client, Want } from './clients.js';
import type { AgentSlot } from './slots.js';
import type { Grant } from './types.js';

/** One offer in the making. */
interface Draft {
  resources: Resources;
  readonly demand: { readonly name: string; count: number }[];
}

/** A client's part in one pass: what it still wants, how far it has looked, and what it was given. */
export class Claim {
  readonly client: Client;
  readonly #wants: readonly Want[];
  #index = 0;
  /** How far it has looked through a list of agents; they only lose room while the pass lasts, so none is looked at twice. */
  cursor = 0;
  /** How many tasks of the want one agent is offered for, so that they spread evenly; undefined before the first search. */
  spread: number | undefined;
  readonly #drafts = new Map<AgentSlot, Draft>();

  constructor(client: Client) {
    this.client = client;
    this.#wants = client.open.size > 1 ? [...client.open].sort((a, b) => a.order - b.order) : [...client.open];
  }

  /** The want that is served next, in the order of the demand; undefined when none is left. */
  get want(): Want | undefined {
    while (this.#index < this.#wants.length && this.#wants[this.#index]!.unmet <= 0) this.skip();
    return this.#wants[this.#index];
  }

  /** Done with the want for this pass. */
  skip(): void {
    this.#index++;
    this.cursor = 0;
    this.spread = undefined;
  }

  /** Adds to the offer that the client will get of this agent. */
  give(slot: AgentSlot, taken: Resources, want: Want | undefined, count: number): void {
    let draft = this.#drafts.get(slot);
    if (draft === undefined) {
      draft = { resources: taken, demand: want === undefined ? [] : [{ name: want.name, count }] };
      this.#drafts.set(slot, draft);
      this.client.grants++;
      this.client.member.grants++;
      return;
    }
    draft.resources = add(draft.resources, taken);
    if (want === undefined) return;
    const entry = draft.demand.find(({ name }) => name === want.name);
    if (entry === undefined) draft.demand.push({ name: want.name, count });
    else entry.count += count;
  }

  /** Adds what it was given, one grant for each agent. */
  addGrants(grants: Grant[]): void {
    const { member, role } = this.client;
    for (const [slot, { resources, demand }] of this.#drafts) {
      grants.push({ agentId: slot.agentId, frameworkId: member.frameworkId, role: role.name, resources, demand });
    }
  }
}
