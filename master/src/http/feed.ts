import type { Clock } from '@proffer/sdk/transport';
import type { ClusterView, Delta, RoleView } from '../core/views.js';
import { ReadModel } from './read-model.js';

/** How long changes may gather in the core before they are taken over while nobody asks: it bounds what gathers. */
const GATHER_MS = 250;

/** What the feed asks of the core. */
export interface Source {
  snapshot(): ClusterView;
  takeDelta(): Delta;
  roles(): RoleView[];
}

/** Keeps a read model up with its core: at the next question, or a moment after a change. Costs what changed. */
export class Feed {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #model: ReadModel;
  #stale = false;
  #cancel: (() => void) | undefined;

  constructor(source: Source, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#model = new ReadModel(source.snapshot(), source.roles());
  }

  /** The model with everything that has happened. */
  get model(): ReadModel {
    if (this.#stale) this.#take();
    return this.#model;
  }

  /** Something was applied to the core. */
  changed(): void {
    this.#stale = true;
    this.#cancel ??= this.#clock.after(GATHER_MS, () => {
      this.#cancel = undefined;
      if (this.#stale) this.#take();
    });
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #take(): void {
    this.#stale = false;
    this.#model.apply(this.#source.takeDelta(), this.#source.roles());
  }
}
