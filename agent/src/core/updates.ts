import { isTerminal, type TaskState, type TaskStatus } from '@proffer/sdk/model';
import type { Context } from './context.js';
import type { TaskEntry } from './entries.js';
import type { TaskProgress } from './types.js';

/**
 * Updates of one task that may wait; a framework that stays away for a week must not fill the disk. Past it, what is
 * not terminal makes way for what is newer.
 */
export const UPDATES_PER_TASK_MAX = 1000;

/**
 * While an update waits for its acknowledgement the master does not hear of the end behind it, and holds the resources:
 * then it is sent again this soon, with the end as the newest state.
 */
const RETRY_AFTER_END_MS = 1000;

/** What a status says beside the task it is about. */
export type StatusFields = Partial<Omit<TaskStatus, 'taskId' | 'state' | 'agentId'>>;

/**
 * The updates of every task: on disk before they are sent, sent in order, one in flight per task, again and again until
 * the framework acknowledges.
 */
export class Updates {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A status of this task at this moment. */
  status(task: TaskEntry, state: TaskState, fields: StatusFields = {}): TaskStatus {
    const { record, progress } = task;
    const executorId = record.task.executor?.executorId;
    const pid = task.executor?.pid ?? progress.pid;
    const { ipAddresses } = progress;
    return {
      source: 'SOURCE_AGENT',
      timestamp: this.#context.now / 1000,
      uuid: this.#context.config.newId(),
      ...(progress.healthy !== undefined && { healthy: progress.healthy }),
      ...fields,
      taskId: record.task.taskId,
      state,
      agentId: this.#context.agentId,
      ...(executorId !== undefined && { executorId }),
      containerStatus: { containerId: record.containerId, ...(pid !== undefined && { pid }), ...(ipAddresses && { ipAddresses }) },
    };
  }

  /** Records how far the task is, and a status about it, which is sent when both are on disk. */
  add(task: TaskEntry, changes: Partial<TaskProgress>, status: TaskStatus): void {
    if (task.muted) return this.#addMuted(task, changes, status);
    const updates = this.#queueWith(task, status);
    this.save(task, { ...changes, state: status.state, updates });
    if (isTerminal(status.state) && task.inFlight !== undefined) {
      task.retryMs = RETRY_AFTER_END_MS;
      this.#retryLater(task);
    }
    this.#context.journal.whenDurable(() => {
      if (task.progress.updates.some((update) => update.uuid === status.uuid)) task.durable.add(status.uuid!);
      this.#sendHead(task);
    });
  }

  /** Records how far the task is. */
  save(task: TaskEntry, changes: Partial<TaskProgress>): void {
    task.progress = { ...task.progress, ...changes };
    const { frameworkId, task: launch } = task.record;
    const operation = { type: 'saveProgress', frameworkId, taskId: launch.taskId, progress: task.progress } as const;
    this.#context.journal.record(operation);
  }

  /** Everything in a recovered task's queue is on disk. */
  recovered(task: TaskEntry): void {
    for (const update of task.progress.updates) task.durable.add(update.uuid!);
  }

  acknowledged(task: TaskEntry, uuid: string): void {
    const [head, ...rest] = task.progress.updates;
    if (head === undefined || head.uuid !== uuid || !task.durable.has(uuid)) return;
    task.durable.delete(uuid);
    this.#land(task);
    if (isTerminal(head.state)) return this.forget(task);
    const { data: _data, ...acknowledged } = head;
    this.save(task, { updates: rest, acknowledged });
    // Were the next one sent before this is on disk, a crash would bring this one back after it.
    this.#context.journal.whenDurable(() => this.#sendHead(task));
  }

  /** A new session with the master: every head is sent again, now. */
  registered(): void {
    for (const task of this.#context.tasks.values()) {
      this.#land(task);
      this.#sendHead(task);
    }
  }

  /** The session is over: what was in flight may be lost, and nothing is sent until the next one. */
  disconnected(): void {
    for (const task of this.#context.tasks.values()) this.#land(task);
  }

  /** The framework is gone: nothing of the task is kept for it. A task that has ended is forgotten. */
  mute(task: TaskEntry): void {
    if (task.muted) return;
    task.muted = true;
    this.#land(task);
    if (task.terminal) this.forget(task);
    else if (task.progress.updates.length > 0) this.save(task, { updates: [] });
  }

  /** Drops the task from memory and disk. */
  forget(task: TaskEntry): void {
    const { frameworkId, task: launch } = task.record;
    this.#context.timers.cancel(`retry ${task.key}`);
    this.#context.tasks.delete(task.key);
    this.#context.journal.record({ type: 'forgetTask', frameworkId, taskId: launch.taskId });
  }

  /** The end of a task whose framework is gone: the master hears of it once, so that it can give the resources away. */
  #addMuted(task: TaskEntry, changes: Partial<TaskProgress>, status: TaskStatus): void {
    if (!isTerminal(status.state)) return this.save(task, { ...changes, state: status.state });
    task.progress = { ...task.progress, ...changes, state: status.state };
    this.forget(task);
    this.#context.journal.whenDurable(() => this.#send(task, status));
  }

  #queueWith(task: TaskEntry, status: TaskStatus): readonly TaskStatus[] {
    const { updates } = task.progress;
    const last = updates.at(-1);
    const full = updates.length >= UPDATES_PER_TASK_MAX;
    // What was never sent and says the same state with older details is not worth a round trip.
    const stale = last !== undefined && last.state === status.state && status.source === 'SOURCE_AGENT';
    if (last === undefined || last.uuid === task.inFlight || !(stale || full)) return [...updates, status];
    task.durable.delete(last.uuid!);
    return [...updates.slice(0, -1), status];
  }

  #sendHead(task: TaskEntry): void {
    const head = task.progress.updates[0];
    if (!this.#context.registered || head === undefined || !task.durable.has(head.uuid!) || task.inFlight === head.uuid) return;
    task.inFlight = head.uuid;
    task.retryMs = this.#context.config.updateRetryMinMs;
    this.#send(task, head);
    this.#retryLater(task);
  }

  #retryLater(task: TaskEntry): void {
    this.#context.timers.set(`retry ${task.key}`, this.#context.now + task.retryMs, () => {
      const head = task.progress.updates[0];
      if (head === undefined) return;
      task.retryMs = Math.min(2 * task.retryMs, this.#context.config.updateRetryMaxMs);
      this.#send(task, head);
      this.#retryLater(task);
    });
  }

  #land(task: TaskEntry): void {
    task.inFlight = undefined;
    this.#context.timers.cancel(`retry ${task.key}`);
  }

  #send(task: TaskEntry, status: TaskStatus): void {
    const { frameworkId } = task.record;
    this.#context.send({ type: 'UPDATE', frameworkId, status, latestState: task.progress.state });
  }
}
