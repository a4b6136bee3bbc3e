import type { AgentToExecutor } from '@proffer/sdk/protocol';
import type { Context } from './context.js';
import type { ExecutorEntry, TaskEntry } from './entries.js';

/** What the agent says to executors. Nothing is said to one that has no session: it hears of it when it subscribes. */
export class ExecutorMessages {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  subscribed(executor: ExecutorEntry): void {
    const { frameworkId, info } = executor.record;
    const { executorId, data } = info;
    this.#send(executor, { type: 'SUBSCRIBED', agentId: this.#context.agentId, frameworkId, executorId, ...(data && { data }) });
  }

  /** Hands over a task that has no status yet; an executor ignores one that it has already. */
  launch(executor: ExecutorEntry, task: TaskEntry): void {
    if (executor.peer === undefined || task.progress.state !== 'TASK_STAGING') return;
    const { taskId, name, agentId, resources, body } = task.record.task;
    task.delivered = true;
    this.#send(executor, { type: 'LAUNCH', task: { taskId, name, agentId, resources, body } });
  }

  kill(task: TaskEntry): void {
    const { executor, record, progress } = task;
    if (executor === undefined || progress.kill === undefined || task.terminal) return;
    const killPolicy = { gracePeriodSeconds: this.#secondsUntil(progress.kill.deadline) };
    this.#send(executor, { type: 'KILL', taskId: record.task.taskId, killPolicy });
  }

  shutdown(executor: ExecutorEntry): void {
    const { ending } = executor.record;
    if (ending === undefined) return;
    this.#send(executor, { type: 'SHUTDOWN', gracePeriodSeconds: this.#secondsUntil(ending.deadline) });
  }

  acknowledged(executor: ExecutorEntry, taskId: string, uuid: string): void {
    this.#send(executor, { type: 'ACKNOWLEDGED', taskId, uuid });
  }

  message(executor: ExecutorEntry, data: Uint8Array): void {
    this.#send(executor, { type: 'MESSAGE', data });
  }

  #secondsUntil(deadline: number): number {
    return Math.max(0, (deadline - this.#context.now) / 1000);
  }

  #send({ peer }: ExecutorEntry, message: AgentToExecutor): void {
    if (peer !== undefined) this.#context.emit({ type: 'sendExecutor', peer, message });
  }
}
