import { isTerminal, type AgentInfo, type TaskStatus } from '@proffer/sdk/model';
import {
  fromTaskLaunch,
  type AgentToMaster,
  type ExecutorRecord,
  type MasterToAgent,
  type TaskRecord,
} from '@proffer/sdk/protocol';
import type { LinkOpener, OpenerLink, VirtualClock } from '@proffer/sdk/transport';
import { SimulatedTask, type Behaviour, type Ending } from './simulated-task.js';

/** The real agent's rule: an update is repeated until it is acknowledged, after 10 s at first, after 10 minutes at most. */
const REPEAT_MIN_MS = 10_000;
const REPEAT_MAX_MS = 600_000;

/** What a framework sent to an executor on this agent. */
export interface ReceivedMessage {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly data: Uint8Array;
}

/** What the cluster gives a simulated agent to live on. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly connect: LinkOpener<MasterToAgent, AgentToMaster>;
  readonly behaviour: (task: SimulatedTask) => Behaviour;
  /** Ends the process without a word. */
  readonly kill: () => void;
  readonly cut: () => void;
  readonly heal: () => void;
}

/**
 * An agent whose tasks are only names. It speaks the agents' protocol as the real one does: it registers with what it
 * runs, sends updates one at a time per task, and repeats them until they are acknowledged.
 */
export class SimulatedAgent {
  readonly agentId: string;
  readonly info: AgentInfo;
  /** Messages from frameworks to executors here, in the order in which they came. */
  readonly messages: ReceivedMessage[] = [];
  readonly #surroundings: Surroundings;
  readonly #tasks = new Map<string, SimulatedTask>();
  readonly #executors = new Map<string, ExecutorRecord>();
  #link: OpenerLink<AgentToMaster> | undefined;
  #registered = false;
  #updates = 0;

  constructor(agentId: string, info: AgentInfo, surroundings: Surroundings) {
    this.agentId = agentId;
    this.info = info;
    this.#surroundings = surroundings;
    this.#open();
  }

  /** The master counts it. */
  get registered(): boolean {
    return this.#registered;
  }

  /** The tasks that run here, and those whose end is not acknowledged. */
  get tasks(): readonly SimulatedTask[] {
    return [...this.#tasks.values()];
  }

  /** The task of this id. Throws Error if it is not here. */
  task(taskId: string): SimulatedTask {
    for (const task of this.#tasks.values()) if (task.taskId === taskId) return task;
    throw new Error(
      `agent "${this.agentId}" has no task "${taskId}"; it has: ${this.tasks.map((task) => task.taskId).join(', ') || 'none'}`,
    );
  }

  /** The task ends well: exit code 0. */
  finish(taskId: string): void {
    this.end(taskId, { state: 'TASK_FINISHED', exit: { code: 0 } });
  }

  /** The task fails: exit code 1, unless said otherwise. */
  fail(taskId: string, how: Partial<Ending> = {}): void {
    this.end(taskId, { state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', exit: { code: 1 }, ...how });
  }

  /** The task ends like this. Throws Error if it is not here or has ended. */
  end(taskId: string, ending: Ending): void {
    const task = this.task(taskId);
    if (task.ended) throw new Error(`task "${taskId}" has ended already, in ${task.state}`);
    this.#advance(task, ending);
  }

  /** The task's health check says so: an update in TASK_RUNNING. */
  setHealthy(taskId: string, healthy: boolean): void {
    this.#advance(this.task(taskId), { state: 'TASK_RUNNING', healthy, reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' });
  }

  /** A message from an executor here to its framework. */
  sendMessage(frameworkId: string, executorId: string, data: Uint8Array): void {
    this.#link?.send({ type: 'MESSAGE', frameworkId, executorId, data });
  }

  /** The agent's process dies. Its tasks run on; nobody hears of it until {@link restart}. */
  crash(): void {
    this.#surroundings.kill();
    this.#link = undefined;
    this.#registered = false;
  }

  /** The agent's process starts again and finds its tasks. Does nothing while it runs. */
  restart(): void {
    if (this.#link === undefined) this.#open();
  }

  /** The machine starts again: every task is lost, and the agent says so once it is back. */
  reboot(): void {
    if (this.#link !== undefined) this.crash();
    for (const task of this.#tasks.values()) {
      if (!task.ended) {
        this.#advance(task, { state: 'TASK_LOST', reason: 'REASON_AGENT_RESTARTED', message: 'The machine started again.' });
      }
    }
    this.#executors.clear();
    this.restart();
  }

  /** Cuts the network between agent and master, both ways. */
  disconnect(): void {
    this.#surroundings.cut();
  }

  /** Mends what {@link disconnect} cut. */
  reconnect(): void {
    this.#surroundings.heal();
  }

  #open(): void {
    this.#link = this.#surroundings.connect({
      onOpen: () => this.#register(),
      onMessages: (messages) => messages.forEach((message) => this.#receive(message)),
      onClosed: () => {
        this.#registered = false;
      },
    });
  }

  #register(): void {
    this.#link?.send({
      type: 'REGISTER_AGENT',
      agentId: this.agentId,
      agentInfo: this.info,
      tasks: this.tasks.map(recordOf),
      executors: [...this.#executors.values()],
    });
  }

  #receive(message: MasterToAgent): void {
    switch (message.type) {
      case 'AGENT_REGISTERED':
        this.#registered = true;
        for (const frameworkId of message.removedFrameworks) this.#shutDown(frameworkId);
        for (const task of this.#tasks.values()) this.#sendHead(task);
        break;
      case 'LAUNCH':
        for (const launch of message.tasks) {
          const info = fromTaskLaunch(launch);
          if (typeof info !== 'string') this.#launch(new SimulatedTask(message.frameworkId, message.role, info));
        }
        break;
      case 'KILL':
        this.#kill(message.frameworkId, message.taskId);
        break;
      case 'ACKNOWLEDGE':
        this.#acknowledged(message.frameworkId, message.taskId, message.uuid);
        break;
      case 'SHUTDOWN_EXECUTOR':
        for (const task of this.#tasks.values()) {
          if (task.frameworkId === message.frameworkId && task.info.executor?.executorId === message.executorId) {
            this.#endKilled(task);
          }
        }
        break;
      case 'SHUTDOWN_FRAMEWORK':
        this.#shutDown(message.frameworkId);
        break;
      case 'MESSAGE':
        this.messages.push({ frameworkId: message.frameworkId, executorId: message.executorId, data: message.data });
        break;
      case 'ERROR':
        this.#registered = false;
    }
  }

  #launch(task: SimulatedTask): void {
    const { executor } = task.info;
    if (this.#tasks.has(keyOf(task.frameworkId, task.taskId))) return;
    this.#tasks.set(keyOf(task.frameworkId, task.taskId), task);
    if (executor !== undefined) {
      const { executorId, resources } = executor;
      const { frameworkId, role } = task;
      this.#executors.set(keyOf(frameworkId, executorId), { frameworkId, executorId, role, resources });
    }
    const { startMs = 0, runMs, ending = { state: 'TASK_FINISHED', exit: { code: 0 } } } = this.#surroundings.behaviour(task);
    this.#later(task, startMs, () => {
      this.#advance(task, { state: 'TASK_RUNNING' });
      if (runMs !== undefined) this.#later(task, runMs, () => this.#advance(task, ending));
    });
  }

  /** Does it then, unless the task has ended by then. */
  #later(task: SimulatedTask, ms: number, callback: () => void): void {
    this.#surroundings.clock.after(ms, () => {
      if (!task.ended) callback();
    });
  }

  #kill(frameworkId: string, taskId: string): void {
    const task = this.#tasks.get(keyOf(frameworkId, taskId));
    if (task === undefined || task.ended) return;
    const { killMs = 0 } = this.#surroundings.behaviour(task);
    this.#later(task, killMs, () => this.#endKilled(task));
  }

  #shutDown(frameworkId: string): void {
    for (const task of this.#tasks.values()) if (task.frameworkId === frameworkId) this.#endKilled(task);
  }

  #endKilled(task: SimulatedTask): void {
    if (!task.ended) this.#advance(task, { state: 'TASK_KILLED', exit: { signal: 'SIGTERM' } });
  }

  /** Puts an update at the end of the task's queue. */
  #advance(task: SimulatedTask, news: Pick<TaskStatus, 'state'> & Partial<TaskStatus>): void {
    const { executor } = task.info;
    task.state = news.state;
    task.updates.push({
      source: executor === undefined ? 'SOURCE_AGENT' : 'SOURCE_EXECUTOR',
      ...news,
      taskId: task.taskId,
      timestamp: this.#surroundings.clock.now() / 1000,
      uuid: `${this.agentId}-${this.#updates++}`,
      agentId: this.agentId,
      ...(executor === undefined ? {} : { executorId: executor.executorId }),
    });
    if (task.updates.length === 1) this.#sendHead(task);
    if (task.ended && executor !== undefined) this.#endExecutor(task.frameworkId, executor.executorId);
  }

  /** An executor ends with its last task. */
  #endExecutor(frameworkId: string, executorId: string): void {
    const alive = this.tasks.some(
      (task) => task.frameworkId === frameworkId && task.info.executor?.executorId === executorId && !task.ended,
    );
    if (alive || !this.#executors.delete(keyOf(frameworkId, executorId))) return;
    if (this.#registered) this.#link?.send({ type: 'EXECUTOR_EXITED', frameworkId, executorId, status: 0 });
  }

  /** Sends the first update that is not acknowledged, now and again until it is. */
  #sendHead(task: SimulatedTask): void {
    const head = task.updates[0];
    if (head === undefined) return;
    task.attempts = 0;
    this.#repeat(task, head);
  }

  #repeat(task: SimulatedTask, head: TaskStatus): void {
    this.#send(task, head);
    const { link, attempts } = { link: this.#link, attempts: task.attempts++ };
    this.#surroundings.clock.after(Math.min(REPEAT_MIN_MS * 2 ** attempts, REPEAT_MAX_MS), () => {
      if (this.#link === link && task.updates[0] === head && task.attempts === attempts + 1) this.#repeat(task, head);
    });
  }

  #send(task: SimulatedTask, status: TaskStatus): void {
    if (!this.#registered) return;
    task.sent = status;
    this.#link?.send({ type: 'UPDATE', frameworkId: task.frameworkId, status, latestState: task.state });
  }

  #acknowledged(frameworkId: string, taskId: string, uuid: string): void {
    const task = this.#tasks.get(keyOf(frameworkId, taskId));
    if (task === undefined || task.updates[0]?.uuid !== uuid) return;
    const [done] = task.updates.splice(0, 1);
    if (isTerminal(done!.state)) this.#tasks.delete(keyOf(frameworkId, taskId));
    else this.#sendHead(task);
  }
}

function recordOf({ frameworkId, role, info, state, sent }: SimulatedTask): TaskRecord {
  const { taskId, name, resources, executor, labels } = info;
  return {
    frameworkId,
    taskId,
    name,
    role,
    resources,
    ...(executor === undefined ? {} : { executorId: executor.executorId }),
    ...(labels === undefined ? {} : { labels }),
    state,
    ...(sent === undefined ? {} : { status: sent }),
  };
}

/** Task ids hold no `/`. */
function keyOf(frameworkId: string, id: string): string {
  return `${frameworkId}/${id}`;
}
