/** What one run of a benchmark may be told on the command line. */
export interface BenchOptions {
  /** Smaller sizes and fewer runs: shows that it works, proves nothing. */
  readonly quick: boolean;
  /** Sizes given by flags, by their names in {@link Benchmark.sizes}. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Says what it is doing, on standard error. */
  readonly progress: (text: string) => void;
}

/** One number that a benchmark measured: the median of its runs, beside the smallest and the largest. */
export interface Metric {
  /** In snake case, with the unit where the name needs one: `launches_per_second`, `allocation_full_ms`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
  /** Where the true value lies with 95 % confidence; where it is given, a goal counts only if this is narrower than it. */
  readonly interval?: readonly [low: number, high: number];
  /** What it should be: at least `min`, or at most `max`. */
  readonly goal?: { readonly min: number } | { readonly max: number };
  /** Whether `value` meets the goal. */
  readonly met?: boolean;
}

/** A benchmark that `npm run bench -- NAME` finds by its name. */
export interface Benchmark {
  readonly name: string;
  /** One line for the usage text. */
  readonly description: string;
  /** The sizes it takes as flags, such as `agents` for `--agents N`. */
  readonly sizes: readonly string[];
  run(options: BenchOptions): Promise<Metric[]>;
}
