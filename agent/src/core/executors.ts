import { isTerminal } from '@proffer/sdk/model';
import type { ContainerExit, ContainerFailure } from '../containerizer/types.js';
import type { Context } from './context.js';
import { endingOfExecutor, endingOfFailure, endingOfKill, exitNumber, type Ending } from './endings.js';
import { keyOf, type ExecutorEntry, type TaskEntry } from './entries.js';
import { ExecutorMessages } from './executor-messages.js';
import { executorSpec } from './specs.js';
import type { ExecutorEnding, ExecutorRecord, KillCause } from './types.js';
import type { Updates } from './updates.js';

/** Executors of frameworks and their tasks: one container per executor, from its launch to its exit. */
export class Executors {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #say: ExecutorMessages;

  constructor(context: Context, updates: Updates) {
    this.#context = context;
    this.#updates = updates;
    this.#say = new ExecutorMessages(context);
  }

  find(frameworkId: string, executorId: string): ExecutorEntry | undefined {
    return this.#context.executors.get(keyOf(frameworkId, executorId));
  }

  /** A new executor, recorded in this turn. Its container is launched once that is durable. */
  start(executor: ExecutorEntry): void {
    const { record } = executor;
    this.#context.executors.set(executor.key, executor);
    this.#context.containers.set(record.containerId, executor);
    this.#context.take(record.info.resources);
    this.#context.journal.record({ type: 'saveExecutor', executor: record });
    this.#context.journal.whenDurable(() => {
      if (executor.phase !== 'recording') return;
      const { ending } = executor.record;
      if (ending !== undefined) return this.#ended(executor, {}, endingOfExecutor({}, ending, undefined, false));
      executor.phase = 'launching';
      this.#context.emit({ type: 'launch', spec: executorSpec(this.#context, executor) });
    });
  }

  /** A task, recorded in this turn, for an executor that runs or was just started. It is handed over once that is durable. */
  addTask(executor: ExecutorEntry, task: TaskEntry): void {
    task.executor = executor;
    executor.tasks.add(task);
    this.#context.journal.whenDurable(() => {
      this.#link(executor, task);
      this.#resize(executor);
      this.#say.launch(executor, task);
    });
  }

  /** What an earlier run of the agent may not have got to. */
  recovered(): void {
    for (const executor of this.#context.executors.values()) {
      for (const task of executor.tasks) this.#link(executor, task);
    }
  }

  started(executor: ExecutorEntry, pid: number): void {
    if (executor.phase !== 'launching' && executor.phase !== 'recovering') return;
    const recovering = executor.phase === 'recovering';
    executor.phase = 'running';
    executor.pid = pid;
    if (executor.record.ending !== undefined) return this.#destroy(executor);
    if (executor.subscribedOnce) return;
    const { executorRegistrationTimeoutMs, executorReregistrationTimeoutMs } = this.#context.config;
    const ms = recovering ? executorReregistrationTimeoutMs : executorRegistrationTimeoutMs;
    this.#context.timers.set(`subscribe ${executor.key}`, this.#context.now + ms, () => {
      this.#endNow(executor, recovering ? 'reregistrationTimeout' : 'registrationTimeout');
    });
  }

  failed(executor: ExecutorEntry, failure: ContainerFailure): void {
    if (executor.phase === 'ended') return;
    const ending = executor.record.ending;
    const recovering = executor.phase === 'recovering';
    const end = ending ? endingOfExecutor({}, ending, undefined, false) : endingOfFailure(failure, undefined, recovering);
    this.#ended(executor, {}, end);
  }

  exited(executor: ExecutorEntry, exit: ContainerExit): void {
    if (executor.phase !== 'ended') this.#ended(executor, exit, undefined);
  }

  /** The executor's process has shown its token. */
  subscribed(executor: ExecutorEntry, peer: string): void {
    executor.peer = peer;
    this.#context.peers.set(peer, executor);
    executor.subscribedOnce = true;
    this.#context.timers.cancel(`subscribe ${executor.key}`);
    this.#say.subscribed(executor);
  }

  /** What a subscribed executor has not got yet, or may not have got. */
  handOver(executor: ExecutorEntry): void {
    if (executor.record.ending !== undefined) return this.#say.shutdown(executor);
    for (const task of executor.tasks) {
      this.#say.launch(executor, task);
      if (task.progress.kill !== undefined) this.#say.kill(task);
    }
  }

  /** Ends one task of an executor: it is asked to; a task it never got ends at once. */
  killTask(task: TaskEntry, cause: KillCause, graceSeconds: number | undefined): void {
    const executor = task.executor!;
    const grace = graceSeconds ?? task.body.killPolicy?.gracePeriodSeconds ?? this.#context.config.killGraceSeconds;
    const kill = { cause, deadline: this.#context.now + 1000 * grace, duringLaunch: !task.delivered };
    if (!task.delivered) {
      this.#endTask(executor, task, endingOfKill(kill, {}));
      if (executor.tasks.size === 0 && !executor.subscribedOnce) this.#endNow(executor, 'idle');
      return;
    }
    this.#updates.save(task, { kill });
    this.#context.journal.whenDurable(() => this.#say.kill(task));
    // Its replacement may run elsewhere by then: an executor that does not obey is ended with all that it runs.
    if (cause === 'unreachable') {
      this.#context.timers.set(`kill ${task.key}`, kill.deadline, () => {
        if (!task.terminal) this.shutdown(executor, 'shutdown');
      });
    }
  }

  /** From the framework's scheduler; lost if the executor has no session. */
  message(frameworkId: string, executorId: string, data: Uint8Array): void {
    const executor = this.find(frameworkId, executorId);
    if (executor !== undefined) this.#say.message(executor, data);
  }

  /** The agent has an update of the executor's on disk. */
  acknowledge(executor: ExecutorEntry, taskId: string, uuid: string): void {
    this.#say.acknowledged(executor, taskId, uuid);
  }

  /** SHUTDOWN, and the forced end after the grace period; at once if there is nobody to say it to. */
  shutdown(executor: ExecutorEntry, cause: 'shutdown' | 'framework' | 'stop'): void {
    if (executor.record.ending !== undefined) return;
    if (executor.peer === undefined) return this.#endNow(executor, cause);
    const deadline = this.#context.now + 1000 * this.#context.config.executorShutdownGraceSeconds;
    this.#saveEnding(executor, { cause, deadline });
    this.#context.journal.whenDurable(() => this.#say.shutdown(executor));
    this.#context.timers.set(`shutdown ${executor.key}`, deadline, () => this.#destroy(executor));
  }

  /** A status of one of its tasks, already recorded: a task that has ended is the executor's no more. */
  taskEnded(executor: ExecutorEntry, task: TaskEntry): void {
    executor.tasks.delete(task);
    this.#context.timers.cancel(`kill ${task.key}`);
    this.#context.giveBack(task.record.task.resources);
    this.#resize(executor);
  }

  #endNow(executor: ExecutorEntry, cause: ExecutorEnding['cause']): void {
    if (executor.record.ending !== undefined) return;
    this.#saveEnding(executor, { cause, deadline: this.#context.now });
    this.#context.journal.whenDurable(() => this.#destroy(executor));
  }

  #saveEnding(executor: ExecutorEntry, ending: ExecutorEnding): void {
    executor.record = { ...executor.record, ending } satisfies ExecutorRecord;
    this.#context.timers.cancel(`subscribe ${executor.key}`);
    this.#context.journal.record({ type: 'saveExecutor', executor: executor.record });
  }

  #destroy(executor: ExecutorEntry): void {
    if (executor.phase === 'launching' || executor.phase === 'running') {
      this.#context.emit({ type: 'destroy', containerId: executor.record.containerId });
    }
  }

  #resize(executor: ExecutorEntry): void {
    if (executor.phase !== 'launching' && executor.phase !== 'running') return;
    this.#context.emit({ type: 'updateContainer', containerId: executor.record.containerId, resources: executor.resources });
  }

  #link(executor: ExecutorEntry, task: TaskEntry): void {
    const { frameworkId, task: launch, containerId } = task.record;
    const { executorId } = executor.record.info;
    this.#context.emit({ type: 'linkSandbox', frameworkId, taskId: launch.taskId, executorId, containerId });
  }

  #endTask(executor: ExecutorEntry, task: TaskEntry, { state, fields }: Ending): void {
    this.#updates.add(task, {}, this.#updates.status(task, state, fields));
    if (isTerminal(state)) this.taskEnded(executor, task);
  }

  /** Its container is gone, and its tasks with it. */
  #ended(executor: ExecutorEntry, exit: ContainerExit, ending: Ending | undefined): void {
    const { frameworkId, info, containerId, ending: asked } = executor.record;
    const launched = executor.phase !== 'recording';
    executor.phase = 'ended';
    for (const task of executor.tasks) {
      this.#endTask(executor, task, ending ?? endingOfExecutor(exit, asked, task.progress.kill, task.delivered));
    }
    this.#context.giveBack(info.resources);
    this.#context.executors.delete(executor.key);
    this.#context.containers.delete(containerId);
    this.#context.timers.cancel(`subscribe ${executor.key}`);
    this.#context.timers.cancel(`shutdown ${executor.key}`);
    this.#context.journal.record({ type: 'forgetExecutor', frameworkId, executorId: info.executorId });
    if (executor.peer !== undefined) {
      this.#context.peers.delete(executor.peer);
      this.#context.emit({ type: 'resetExecutor', peer: executor.peer, code: 'NOT_REGISTERED', message: 'the executor ended' });
    }
    this.#context.journal.whenDurable(() => {
      const status = exitNumber(exit);
      this.#context.send({ type: 'EXECUTOR_EXITED', frameworkId, executorId: info.executorId, status });
      if (launched) this.#context.emit({ type: 'forgetContainer', containerId });
    });
  }
}
