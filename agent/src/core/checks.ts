import { firstCheckAt, judge, nextCheckAt } from '../health/machine.js';
import type { Context } from './context.js';
import type { TaskEntry } from './entries.js';
import type { CheckResult } from './types.js';
import type { Updates } from './updates.js';

/** The health checks of running tasks: when each is due, and what its result means. */
export class Checks {
  readonly #context: Context;
  readonly #updates: Updates;
  /** Ends a task whose check failed too often. */
  readonly #kill: (task: TaskEntry, message: string) => void;

  constructor(context: Context, updates: Updates, kill: (task: TaskEntry, message: string) => void) {
    this.#context = context;
    this.#updates = updates;
    this.#kill = kill;
  }

  /** The task runs, since now or since before the agent restarted. */
  start(task: TaskEntry): void {
    const check = task.body.healthCheck;
    if (check === undefined) return;
    this.#checkAt(task, Math.max(this.#context.now, firstCheckAt(check, task.progress.runningSince!)));
  }

  stop(task: TaskEntry): void {
    task.check += 1;
    this.#context.timers.cancel(`check ${task.key}`);
  }

  result(task: TaskEntry, number: number, { healthy, message }: CheckResult): void {
    const check = task.body.healthCheck;
    if (check === undefined || number !== task.check || task.phase !== 'running') return;
    const { health, changed, kill } = judge(check, task.health, healthy, task.progress.runningSince!, this.#context.now);
    task.health = health;
    if (changed) {
      const fields = { reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED', healthy, message } as const;
      this.#updates.add(task, { healthy }, this.#updates.status(task, 'TASK_RUNNING', fields));
    }
    if (kill) this.#kill(task, `Its health check failed ${health.failures} times in a row; the last time: ${message}`);
    else this.#checkAt(task, nextCheckAt(check, this.#context.now));
  }

  #checkAt(task: TaskEntry, at: number): void {
    this.#context.timers.set(`check ${task.key}`, at, () => {
      task.check += 1;
      const { containerId } = task.record;
      this.#context.emit({ type: 'check', containerId, number: task.check, check: task.body.healthCheck! });
    });
  }
}
