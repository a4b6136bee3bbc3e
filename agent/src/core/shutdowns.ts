import type { Context } from './context.js';
import type { TaskEntry } from './entries.js';
import type { Executors } from './executors.js';
import type { CommandTasks } from './tasks.js';
import type { KillCause } from './types.js';
import type { Updates } from './updates.js';

/** The ends of tasks that are asked for: by a framework, an operator, or the rules of a task out of reach. */
export class Shutdowns {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #tasks: CommandTasks;
  readonly #executors: Executors;
  #stop: 'stopTasks' | 'gone' | undefined;

  constructor(context: Context, updates: Updates, tasks: CommandTasks, executors: Executors) {
    this.#context = context;
    this.#updates = updates;
    this.#tasks = tasks;
    this.#executors = executors;
  }

  kill(task: TaskEntry, cause: KillCause, graceSeconds?: number): void {
    if (task.terminal) return;
    if (task.executor === undefined) this.#tasks.kill(task, cause, graceSeconds);
    else this.#executors.killTask(task, cause, graceSeconds);
  }

  /** The framework is gone for good: all that is left of it ends, and nothing is kept for it. */
  framework(frameworkId: string): void {
    for (const task of [...this.#context.tasks.values()]) {
      if (task.record.frameworkId !== frameworkId) continue;
      this.#updates.mute(task);
      if (task.executor === undefined) this.kill(task, 'framework');
    }
    for (const executor of [...this.#context.executors.values()]) {
      if (executor.record.frameworkId === frameworkId) this.#executors.shutdown(executor, 'framework');
    }
  }

  /** There is no master: tasks that want it are ended after their time. */
  disconnected(): void {
    this.#context.withoutMasterSince = this.#context.now;
    for (const task of this.#context.tasks.values()) {
      const policy = task.body.onUnreachable;
      if (task.terminal || policy === undefined || policy === 'keep') continue;
      const at = this.#context.withoutMasterSince + 1000 * policy.stopAfterSeconds;
      this.#context.timers.set(`unreachable ${task.key}`, at, () => this.kill(task, 'unreachable'));
    }
  }

  registered(): void {
    for (const task of this.#context.tasks.values()) {
      if (task.body.onUnreachable !== undefined) this.#context.timers.cancel(`unreachable ${task.key}`);
    }
  }

  /** Ends everything; `stopped` is said when it is ended and acknowledged, or when the time for it is over. */
  stop(reason: 'stopTasks' | 'gone'): void {
    if (this.#stop !== undefined) return;
    this.#stop = reason;
    this.#context.stopping = true;
    let graceMs = 1000 * this.#context.config.executorShutdownGraceSeconds;
    for (const task of [...this.#context.tasks.values()]) {
      if (reason === 'gone') this.#updates.mute(task);
      if (task.terminal || task.executor !== undefined) continue;
      this.kill(task, 'stop');
      graceMs = Math.max(graceMs, task.progress.kill!.deadline - this.#context.now);
    }
    for (const executor of [...this.#context.executors.values()]) this.#executors.shutdown(executor, 'stop');
    this.#context.timers.set('stop', this.#context.now + graceMs + this.#context.config.stopTimeoutMs, () => this.#stopped());
    this.checkStopped();
  }

  /** To be asked after every input. */
  checkStopped(): void {
    if (this.#stop === undefined || this.#context.tasks.size > 0 || this.#context.executors.size > 0) return;
    this.#stopped();
  }

  #stopped(): void {
    const reason = this.#stop!;
    this.#stop = undefined;
    this.#context.timers.cancel('stop');
    if (reason === 'gone') this.#context.journal.record({ type: 'forgetAgent' });
    this.#context.journal.whenDurable(() => this.#context.emit({ type: 'stopped', reason }));
  }
}

