import {
  add,
  contains,
  equals,
  formatResources,
  invalidId,
  NO_RESOURCES,
  type ExecutorInfo,
  type Reason,
  type TaskState,
} from '@proffer/sdk/model';
import { AGENT_TASKS_MAX, unpackBody, type TaskBody, type TaskLaunch, type ToAgent } from '@proffer/sdk/protocol';
import type { Context } from './context.js';
import { ExecutorEntry, keyOf, TaskEntry } from './entries.js';
import type { Executors } from './executors.js';
import type { CommandTasks } from './tasks.js';
import type { TaskLaunchRecord } from './types.js';
import type { Updates } from './updates.js';
import { invalidBody, invalidHeader } from './validate.js';

/** Why a task cannot be launched. */
interface Refusal {
  readonly state: TaskState;
  readonly reason: Reason;
  readonly message: string;
}

/** LAUNCH: each task is checked by itself, recorded, and then started; one that cannot be is answered with its last status. */
export class Launches {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #tasks: CommandTasks;
  readonly #executors: Executors;

  constructor(context: Context, updates: Updates, tasks: CommandTasks, executors: Executors) {
    this.#context = context;
    this.#updates = updates;
    this.#tasks = tasks;
    this.#executors = executors;
  }

  launch({ frameworkId, role, tasks }: ToAgent<'LAUNCH'>): void {
    const fault = invalidId(frameworkId);
    if (fault !== undefined) return this.#context.log('error', `LAUNCH refused: frameworkId ${fault}`);
    for (const task of tasks) this.#launch(frameworkId, role, task);
  }

  #launch(frameworkId: string, role: string, task: TaskLaunch): void {
    if (this.#context.tasks.has(keyOf(frameworkId, task.taskId))) {
      return this.#context.log('warn', `LAUNCH of task ${task.taskId} of framework ${frameworkId} ignored: this id is in use`);
    }
    const body = invalidHeader(task) ?? unpackBody(task.body);
    if (typeof body === 'string') return this.#refuse(frameworkId, role, task, invalid(body));
    const executor = body.executor && this.#executors.find(frameworkId, body.executor.executorId);
    const refusal = this.#refusal(task, body, executor);
    if (refusal !== undefined) return this.#refuse(frameworkId, role, task, refusal);
    if (body.executor !== undefined) return this.#launchOnExecutor(frameworkId, role, task, body, body.executor, executor);
    const record = { frameworkId, role, task, containerId: this.#context.config.newId() };
    this.#tasks.start(this.#accept(record, body, 'TASK_STARTING'));
  }

  #launchOnExecutor(
    frameworkId: string,
    role: string,
    task: TaskLaunch,
    body: TaskBody,
    info: ExecutorInfo,
    running: ExecutorEntry | undefined,
  ): void {
    const executor = running ?? this.#newExecutor(frameworkId, role, info);
    const entry = this.#accept({ frameworkId, role, task, containerId: executor.record.containerId }, body, 'TASK_STAGING');
    this.#updates.save(entry, {});
    if (running === undefined) this.#executors.start(executor);
    this.#executors.addTask(executor, entry);
  }

  #newExecutor(frameworkId: string, role: string, info: ExecutorInfo): ExecutorEntry {
    const { config } = this.#context;
    return new ExecutorEntry({ frameworkId, role, info, containerId: config.newId(), token: config.newId() }, 'recording');
  }

  #refusal(task: TaskLaunch, body: TaskBody, executor: ExecutorEntry | undefined): Refusal | undefined {
    const fault = invalidBody(task, body);
    if (fault !== undefined) return invalid(fault);
    const { agentId } = this.#context;
    if (task.agentId !== agentId) return invalid(`it is for agent ${task.agentId}, this is ${agentId}`);
    if (this.#context.stopping) {
      return dropped('REASON_AGENT_DISCONNECTED', 'The agent is ending its tasks and takes no new ones');
    }
    if (this.#context.tasks.size >= AGENT_TASKS_MAX) {
      return dropped('REASON_INVALID_OFFERS', `The agent has ${AGENT_TASKS_MAX} tasks, which is the most it can have`);
    }
    if (executor?.record.ending !== undefined) {
      return dropped('REASON_EXECUTOR_TERMINATED', `Executor ${executor.record.info.executorId} is being ended`);
    }
    if (executor !== undefined && !sameExecutor(executor.record.info, body.executor!)) {
      return invalid(`executor ${executor.record.info.executorId} runs with another command or other resources`);
    }
    const needs = add(task.resources, executor === undefined && task.executor ? task.executor.resources : NO_RESOURCES);
    const { free } = this.#context;
    if (contains(free, needs)) return undefined;
    const rest = formatResources(free) || 'nothing';
    return dropped('REASON_INVALID_OFFERS', `It needs ${formatResources(needs)}, and only ${rest} is free`);
  }

  #accept(record: TaskLaunchRecord, body: TaskBody, state: TaskState): TaskEntry {
    const entry = new TaskEntry(record, body, { state, updates: [] }, 'recording');
    this.#context.tasks.set(entry.key, entry);
    this.#context.take(record.task.resources);
    this.#context.journal.record({ type: 'saveTask', record });
    return entry;
  }

  /** The task never runs; that is its only status, and it is delivered like any other. */
  #refuse(frameworkId: string, role: string, task: TaskLaunch, { state, reason, message }: Refusal): void {
    const record = { frameworkId, role, task, containerId: this.#context.config.newId() };
    const entry = new TaskEntry(record, {}, { state, updates: [] }, 'ended');
    this.#context.tasks.set(entry.key, entry);
    this.#context.journal.record({ type: 'saveTask', record });
    this.#updates.add(entry, {}, this.#updates.status(entry, state, { reason, message }));
  }
}

function invalid(message: string): Refusal {
  return { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: `The task is not valid: ${message}` };
}

function dropped(reason: Reason, message: string): Refusal {
  return { state: 'TASK_DROPPED', reason, message };
}

function sameExecutor(a: ExecutorInfo, b: ExecutorInfo): boolean {
  return JSON.stringify(a.command) === JSON.stringify(b.command) && equals(a.resources, b.resources);
}
