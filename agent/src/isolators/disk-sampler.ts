import type { Clock } from '@proffer/sdk/transport';
import type { DiskWalkOptions } from './disk-walk.js';

/** Most tasks that end at once do so before this. */
const FIRST_MS = 1000;
/** With some milliseconds of work between two of them: less than a quarter of one core, and only while a walk lasts. */
const PAUSE_MS = 20;
/** A sandbox whose walk takes long is looked at less often: at most a tenth of the time. */
const REST_PER_WALK = 9;

export interface DiskSamplerOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  measure(path: string, options: DiskWalkOptions): Promise<number>;
}

/** Called with every new figure, or with why there is none. */
export type OnMeasured = (measured: { readonly bytes: number } | { readonly error: Error }) => void;

interface Sampled {
  readonly path: string;
  readonly onMeasured: OnMeasured;
  readonly abort: AbortController;
  dueAt: number;
}

/** Measures directories in turn, one at a time, never more often than the interval. */
export class DiskSampler {
  readonly #options: DiskSamplerOptions;
  readonly #sampled = new Set<Sampled>();
  #cancel: (() => void) | undefined;
  #walking = false;

  constructor(options: DiskSamplerOptions) {
    this.#options = options;
  }

  /** Returns what stops it. */
  watch(path: string, onMeasured: OnMeasured): () => void {
    const { clock, intervalMs } = this.#options;
    const sampled: Sampled = { path, onMeasured, abort: new AbortController(), dueAt: clock.now() + Math.min(FIRST_MS, intervalMs) };
    this.#sampled.add(sampled);
    this.#plan();
    return () => {
      this.#sampled.delete(sampled);
      sampled.abort.abort(new Error('it is not watched any more'));
      this.#plan();
    };
  }

  #plan(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#walking || this.#sampled.size === 0) return;
    const { clock } = this.#options;
    const next = [...this.#sampled].reduce((first, other) => (other.dueAt < first.dueAt ? other : first));
    this.#cancel = clock.after(Math.max(0, next.dueAt - clock.now()), () => void this.#walk(next));
  }

  async #walk(sampled: Sampled): Promise<void> {
    const { clock, intervalMs } = this.#options;
    this.#cancel = undefined;
    this.#walking = true;
    const startedAt = clock.now();
    try {
      const bytes = await this.#options.measure(sampled.path, { pause: () => this.#pause(), signal: sampled.abort.signal });
      this.#tell(sampled, { bytes });
    } catch (error) {
      this.#tell(sampled, { error: error instanceof Error ? error : new Error(String(error)) });
    }
    this.#walking = false;
    sampled.dueAt = clock.now() + Math.max(intervalMs, (clock.now() - startedAt) * REST_PER_WALK);
    this.#plan();
  }

  #tell(sampled: Sampled, measured: Parameters<OnMeasured>[0]): void {
    if (this.#sampled.has(sampled)) sampled.onMeasured(measured);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(PAUSE_MS, resolve));
  }
}
