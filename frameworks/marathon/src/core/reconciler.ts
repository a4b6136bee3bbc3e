import type { Call } from './effects.js';
import type { Instance } from './instance.js';

/** How often the master is asked about everything. */
const FULL_INTERVAL_MS = 600_000;

/** How often it is asked about launches that nobody has answered, and after how long. */
const LAUNCHES_INTERVAL_MS = 60_000;
const LAUNCH_ANSWER_MS = 30_000;

/** Tasks in one question; the protocol's bound. */
const TASKS_MAX = 10_000;

/** When the master is asked what became of which tasks: lost messages are repaired here. */
export class Reconciler {
  #fullAt = Infinity;
  #launchesAt = Infinity;

  /** Subscribed (again): anything may have happened meanwhile. */
  restart(now: number): void {
    this.#fullAt = now;
    this.#launchesAt = now + LAUNCHES_INTERVAL_MS;
  }

  get nextAt(): number {
    return Math.min(this.#fullAt, this.#launchesAt);
  }

  due(instances: readonly Instance[], now: number): Call[] {
    if (now >= this.#fullAt) {
      this.#fullAt = now + FULL_INTERVAL_MS;
      this.#launchesAt = now + LAUNCHES_INTERVAL_MS;
      // By name, so that tasks the master does not know are answered; and all, so that unknown ones are found.
      return [...questions(instances), { type: 'reconcile', tasks: [] }];
    }
    if (now < this.#launchesAt) return [];
    this.#launchesAt = now + LAUNCHES_INTERVAL_MS;
    return questions(instances.filter(({ state, stagedAt }) => state === 'TASK_STAGING' && now - stagedAt >= LAUNCH_ANSWER_MS));
  }
}

function questions(instances: readonly Instance[]): Call[] {
  const calls: Call[] = [];
  for (let i = 0; i < instances.length; i += TASKS_MAX) {
    const tasks = instances.slice(i, i + TASKS_MAX).map(({ taskId, agentId }) => ({ taskId, agentId }));
    calls.push({ type: 'reconcile', tasks });
  }
  return calls;
}
