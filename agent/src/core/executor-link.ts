import { isTerminal, type TaskState, type TaskStatus } from '@proffer/sdk/model';
import type { ExecutorToAgent, ProtocolErrorCode } from '@proffer/sdk/protocol';
import type { Context } from './context.js';
import { keyOf, type ExecutorEntry } from './entries.js';
import type { Executors } from './executors.js';
import { sameSecret } from './secret.js';
import type { Updates } from './updates.js';

/** States that an executor may report; the others are for the agent and the master to say. */
const REPORTABLE: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
]);

/** Ids of updates remembered per task to know one that comes twice: more than an executor has on its way at once. */
const SEEN_MAX = 64;

/** What executors say to the agent. */
export class ExecutorLink {
  readonly #context: Context;
  readonly #updates: Updates;
  readonly #executors: Executors;

  constructor(context: Context, updates: Updates, executors: Executors) {
    this.#context = context;
    this.#updates = updates;
    this.#executors = executors;
  }

  message(peer: string, message: ExecutorToAgent): void {
    if (message.type === 'SUBSCRIBE') return this.#subscribe(peer, message);
    const executor = this.#context.peers.get(peer);
    if (executor === undefined) {
      return this.#reset(peer, 'NOT_REGISTERED', `the first message must be SUBSCRIBE, got ${message.type}`);
    }
    if (message.type === 'UPDATE') this.#update(executor, message.status);
    else {
      const { frameworkId, info } = executor.record;
      this.#context.send({ type: 'MESSAGE', frameworkId, executorId: info.executorId, data: message.data });
    }
  }

  closed(peer: string): void {
    const executor = this.#context.peers.get(peer);
    this.#context.peers.delete(peer);
    if (executor?.peer === peer) executor.peer = undefined;
  }

  #subscribe(peer: string, message: Extract<ExecutorToAgent, { type: 'SUBSCRIBE' }>): void {
    const executor = this.#context.executors.get(keyOf(message.frameworkId, message.executorId));
    if (executor === undefined || !sameSecret(executor.record.token, message.token)) {
      // One answer for both, so that nobody learns which executors there are.
      const text = `executor ${message.executorId} of framework ${message.frameworkId} is not known here by this token`;
      this.#context.emit({ type: 'sendExecutor', peer, message: { type: 'ERROR', code: 'NOT_REGISTERED', message: text } });
      return this.#reset(peer, 'NOT_REGISTERED', text);
    }
    if (executor.peer !== undefined && executor.peer !== peer) {
      this.#context.peers.delete(executor.peer);
      this.#reset(executor.peer, 'UNKNOWN_SESSION', 'the executor subscribed again in another session');
    }
    this.#executors.subscribed(executor, peer);
    for (const status of message.unacknowledgedUpdates) this.#update(executor, status);
    this.#executors.handOver(executor);
  }

  #update(executor: ExecutorEntry, said: TaskStatus): void {
    const { uuid } = said;
    if (uuid === undefined || !REPORTABLE.has(said.state)) return this.#refuse(executor, said);
    const task = this.#context.tasks.get(keyOf(executor.record.frameworkId, said.taskId));
    if (task !== undefined && task.executor !== executor) return this.#refuse(executor, said);
    const seen = task?.progress.seen ?? [];
    if (task !== undefined && !task.terminal && !seen.includes(uuid)) {
      task.delivered = true;
      const { agentId: _agent, executorId: _executor, containerStatus: _container, ...fields } = said;
      const status = this.#updates.status(task, said.state, { ...fields, source: 'SOURCE_EXECUTOR' });
      const healthy = said.healthy === undefined ? {} : { healthy: said.healthy };
      this.#updates.add(task, { ...healthy, seen: [...seen, uuid].slice(-SEEN_MAX) }, status);
      if (isTerminal(said.state)) this.#executors.taskEnded(executor, task);
    }
    // What is known already or comes after the end of its task is acknowledged too, or it would come for ever.
    this.#context.journal.whenDurable(() => this.#executors.acknowledge(executor, said.taskId, uuid));
  }

  /** Acknowledged all the same, or it would come for ever: it is a mistake of the executor's, and people should see it. */
  #refuse(executor: ExecutorEntry, { taskId, state, uuid }: TaskStatus): void {
    const expected = `a uuid, a task of its own and one of ${[...REPORTABLE].join(', ')}`;
    const { executorId } = executor.record.info;
    const got = `${state} for task ${taskId}${uuid === undefined ? ' without uuid' : ''}`;
    this.#context.log('warn', `update of executor ${executorId} dropped: it needs ${expected}; got ${got}`);
    if (uuid !== undefined) this.#executors.acknowledge(executor, taskId, uuid);
  }

  #reset(peer: string, code: ProtocolErrorCode, message: string): void {
    this.#context.emit({ type: 'resetExecutor', peer, code, message });
  }
}
