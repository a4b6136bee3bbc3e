import type { ContainerExit, ContainerFailure } from '../containerizer/types.js';
import type { Checks } from './checks.js';
import type { Context } from './context.js';
import { endingOfExit, endingOfFailure, endingOfKill, type Ending } from './endings.js';
import type { TaskEntry } from './entries.js';
import { taskSpec } from './specs.js';
import type { KillCause } from './types.js';
import type { Updates } from './updates.js';

/** Tasks that have a container of their own: from the launch to the exit. */
export class CommandTasks {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #checks: Checks;

  constructor(context: Context, updates: Updates, checks: Checks) {
    this.#context = context;
    this.#updates = updates;
    this.#checks = checks;
  }

  /** A new task, recorded in this turn. Its container is launched once that is durable. */
  start(task: TaskEntry): void {
    this.#context.containers.set(task.record.containerId, task);
    this.#updates.add(task, {}, this.#updates.status(task, 'TASK_STARTING'));
    this.#context.journal.whenDurable(() => {
      if (task.phase !== 'recording') return;
      const { kill } = task.progress;
      if (kill !== undefined) return this.#end(task, endingOfKill(kill, {}));
      task.phase = 'launching';
      this.#context.emit({ type: 'launch', spec: taskSpec(this.#context, task) });
    });
  }

  progressed(task: TaskEntry, message: string): void {
    if (task.phase !== 'launching' || task.progress.kill !== undefined) return;
    this.#updates.add(task, {}, this.#updates.status(task, 'TASK_STARTING', { message }));
  }

  started(task: TaskEntry, pid: number, ipAddresses?: readonly string[]): void {
    if (task.phase !== 'launching' && task.phase !== 'recovering') return;
    const known = task.phase === 'recovering' && task.progress.runningSince !== undefined;
    task.phase = 'running';
    if (task.progress.kill !== undefined) return this.#resumeKill(task);
    const addresses = ipAddresses === undefined ? {} : { ipAddresses };
    const running = { pid, ...addresses, runningSince: known ? task.progress.runningSince! : this.#context.now };
    if (!known) {
      task.progress = { ...task.progress, ...running };
      this.#updates.add(task, running, this.#updates.status(task, 'TASK_RUNNING'));
    }
    this.#checks.start(task);
  }

  failed(task: TaskEntry, failure: ContainerFailure): void {
    if (task.phase === 'ended') return;
    this.#end(task, endingOfFailure(failure, task.progress.kill, task.phase === 'recovering'));
  }

  exited(task: TaskEntry, exit: ContainerExit): void {
    if (task.phase === 'ended') return;
    const hasRun = task.progress.runningSince !== undefined;
    this.#end(task, endingOfExit(exit, task.progress.kill, task.phase === 'recovering', hasRun));
  }

  /**
   * Ends the task: SIGTERM, and SIGKILL after the grace period. A task that does not run yet is ended at once. Asked
   * again, only the grace period may become shorter.
   */
  kill(task: TaskEntry, cause: KillCause, graceSeconds: number | undefined, message?: string): void {
    if (task.terminal || task.phase === 'ended') return;
    const grace = graceSeconds ?? task.body.killPolicy?.gracePeriodSeconds ?? this.#context.config.killGraceSeconds;
    const deadline = this.#context.now + 1000 * grace;
    const earlier = task.progress.kill;
    if (earlier !== undefined) {
      if (deadline >= earlier.deadline) return;
      this.#updates.save(task, { kill: { ...earlier, deadline } });
      if (task.phase === 'running') this.#destroyAt(task, deadline);
      return;
    }
    this.#checks.stop(task);
    const duringLaunch = task.progress.runningSince === undefined;
    const kill = { cause, deadline, duringLaunch, ...(message !== undefined && { message }) };
    if (duringLaunch) {
      this.#updates.save(task, { kill });
      this.#context.journal.whenDurable(() => this.#destroy(task));
    } else {
      this.#updates.add(task, { kill }, this.#updates.status(task, 'TASK_KILLING', { message: message ?? 'SIGTERM was sent' }));
      this.#context.journal.whenDurable(() => this.#terminate(task));
    }
  }

  /** A task that an earlier run of the agent was ending. */
  #resumeKill(task: TaskEntry): void {
    if (task.progress.kill!.duringLaunch) this.#destroy(task);
    else this.#terminate(task);
  }

  #terminate(task: TaskEntry): void {
    if (task.phase !== 'running') return;
    this.#context.emit({ type: 'signal', containerId: task.record.containerId, signal: 'SIGTERM' });
    this.#destroyAt(task, task.progress.kill!.deadline);
  }

  #destroyAt(task: TaskEntry, deadline: number): void {
    this.#context.timers.set(`kill ${task.key}`, deadline, () => this.#destroy(task));
  }

  #destroy(task: TaskEntry): void {
    if (task.phase === 'launching' || task.phase === 'running') {
      this.#context.emit({ type: 'destroy', containerId: task.record.containerId });
    }
  }

  #end(task: TaskEntry, { state, fields }: Ending): void {
    const { containerId, task: launch } = task.record;
    const launched = task.phase !== 'recording';
    task.phase = 'ended';
    this.#checks.stop(task);
    this.#context.timers.cancel(`kill ${task.key}`);
    this.#context.containers.delete(containerId);
    this.#context.giveBack(launch.resources);
    this.#updates.add(task, {}, this.#updates.status(task, state, fields));
    if (launched) this.#context.journal.whenDurable(() => this.#context.emit({ type: 'forgetContainer', containerId }));
  }
}
