import { resources, type Resources } from '@proffer/sdk/model';

/** What the processes of a run tell each other over their parent. */
export interface RunSettings {
  readonly endpoint: string;
  readonly agents: number;
  /** Tasks that all agents together have room for: launches that are under way at once. */
  readonly window: number;
  /** Accept one offer every so many milliseconds instead of all at once; 0 for as fast as it goes. */
  readonly paceMs: number;
}

export type ToChild =
  | { readonly type: 'start'; readonly settings: RunSettings }
  /** Report what happened since the last `sample`. */
  | { readonly type: 'sample' };

export type FromChild =
  | { readonly type: 'listening'; readonly endpoint: string }
  | { readonly type: 'ready' }
  | { readonly type: 'sample'; readonly finished: number; readonly seconds: number; readonly latenciesMs: readonly number[]; readonly cpuSeconds: number };

/** What one task of the benchmark needs. */
export const TASK: Resources = resources({ cpus: 0.1, mem: 32 });

/** Room for so many of them. */
export function roomFor(tasks: number): Resources {
  return resources({ cpus: 0.1 * tasks, mem: 32 * tasks });
}

/** Runs one of the processes: `serve` gets its settings once the parent has sent them. */
export function serveParent(serve: (settings: RunSettings) => void, sample: () => FromChild | undefined): void {
  process.on('message', (message: ToChild) => {
    if (message.type === 'start') return serve(message.settings);
    const answer = sample();
    if (answer !== undefined) tellParent(answer);
  });
  process.on('disconnect', () => process.exit(0));
}

export function tellParent(message: FromChild): void {
  process.send?.(message);
}
