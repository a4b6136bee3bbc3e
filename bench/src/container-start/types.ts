/** One of those that are compared. */
export interface Contestant {
  readonly name: string;
  /** Why it cannot take part here. */
  readonly unavailable?: string;
  /** It takes so long that it gets fewer runs. */
  readonly slow?: boolean;
  /** Starts so many containers one after the other; milliseconds of each, by the metric's name. */
  run(count: number): Promise<Readonly<Record<string, readonly number[]>>>;
  close?(): Promise<void>;
}
