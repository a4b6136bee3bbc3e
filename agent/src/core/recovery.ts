import { isTerminal } from '@proffer/sdk/model';
import { unpackBody } from '@proffer/sdk/protocol';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Context } from './context.js';
import { ExecutorEntry, keyOf, TaskEntry } from './entries.js';
import { executorSpec, taskSpec } from './specs.js';
import type { AgentState } from './types.js';
import type { Updates } from './updates.js';

/** Takes over what an earlier run of the agent left on disk. What became of its containers, the containerizer says. */
export function recover(context: Context, updates: Updates, state: AgentState): void {
  for (const record of state.executors) {
    const executor = new ExecutorEntry(record, 'recovering');
    context.executors.set(executor.key, executor);
    context.containers.set(record.containerId, executor);
    context.take(record.info.resources);
  }
  for (const { record, progress } of state.tasks) {
    const body = unpackBody(record.task.body);
    const ended = isTerminal(progress.state);
    const task = new TaskEntry(record, typeof body === 'string' ? {} : body, progress, ended ? 'ended' : 'recovering');
    task.muted = progress.kill?.cause === 'framework';
    context.tasks.set(task.key, task);
    updates.recovered(task);
    if (ended) continue;
    context.take(record.task.resources);
    if (record.task.executor === undefined) context.containers.set(record.containerId, task);
    else recoverOnExecutor(context, updates, task);
  }
}

/** Whether the executor got the task nobody knows: it will be handed over again, and the executor ignores a second one. */
function recoverOnExecutor(context: Context, updates: Updates, task: TaskEntry): void {
  const executor = context.executors.get(keyOf(task.record.frameworkId, task.record.task.executor!.executorId));
  if (executor !== undefined && executor.record.containerId === task.record.containerId) {
    task.executor = executor;
    task.delivered = true;
    executor.tasks.add(task);
    return;
  }
  context.giveBack(task.record.task.resources);
  const message = 'The agent restarted and does not know the executor any more';
  updates.add(task, {}, updates.status(task, 'TASK_GONE', { reason: 'REASON_AGENT_RESTARTED', message }));
}

/** The containers that should still be there. */
export function specsOf(context: Context): ContainerSpec[] {
  return [...context.containers.values()].map((entry) =>
    entry.kind === 'task' ? taskSpec(context, entry) : executorSpec(context, entry),
  );
}
