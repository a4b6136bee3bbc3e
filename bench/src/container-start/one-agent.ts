import { startAgent, type RunningAgent } from '@proffer/agent';
import { isTerminal, resources, type CommandInfo, type TaskStatus } from '@proffer/sdk/model';
import { toTaskLaunch, type AgentToMaster, type MasterToAgent } from '@proffer/sdk/protocol';
import { createLogger } from '@proffer/sdk/service';
import type { LinkOpener, OpenerHandlers } from '@proffer/sdk/transport';

/** A task that was given to the agent. Both reject when it comes to another end than FINISHED or KILLED. */
export interface GivenTask {
  /** Milliseconds from the LAUNCH to its TASK_RUNNING. */
  readonly running: Promise<number>;
  readonly ended: Promise<void>;
}

interface Expected {
  readonly begin: number;
  readonly onRunning: (ms: number) => void;
  readonly onEnded: () => void;
  readonly onFailed: (error: Error) => void;
}

/** A real agent in this process, and the other end of its link: a master that acknowledges everything at once. */
export class OneAgent {
  readonly #tasks = new Map<string, Expected>();
  #handlers: OpenerHandlers<MasterToAgent> | undefined;
  #agent: RunningAgent | undefined;
  #onRegistered: () => void = () => undefined;

  static async start(workDir: string): Promise<OneAgent> {
    const one = new OneAgent();
    const registered = new Promise<void>((resolve) => (one.#onRegistered = resolve));
    one.#agent = await startAgent({
      workDir, master: one.#open, version: 'bench', httpPort: 0,
      resources: 'cpus:10000;mem:1000000;disk:1000000', log: createLogger({ name: 'bench', level: 'warn' }),
    });
    await registered;
    return one;
  }

  launch(taskId: string, command: CommandInfo): GivenTask {
    let onRunning!: Expected['onRunning'];
    let onEnded!: Expected['onEnded'];
    let onFailed!: Expected['onFailed'];
    const running = new Promise<number>((resolve) => (onRunning = resolve));
    const ended = new Promise<void>((resolve, reject) => {
      onEnded = resolve;
      onFailed = reject;
    });
    const task = { taskId, name: taskId, agentId: this.#agent!.agentId, command, resources: resources({ cpus: 1, mem: 64 }) };
    this.#tasks.set(taskId, { begin: performance.now(), onRunning, onEnded, onFailed });
    this.#say({ type: 'LAUNCH', frameworkId: 'bench', role: '*', tasks: [toTaskLaunch(task)] });
    return { running: Promise.race([running, ended.then(() => Number.NaN)]), ended };
  }

  kill(taskId: string): void {
    this.#say({ type: 'KILL', frameworkId: 'bench', taskId, killPolicy: { gracePeriodSeconds: 0 } });
  }

  async close(): Promise<void> {
    await this.#agent?.stopTasks();
    await this.#agent?.close();
  }

  readonly #open: LinkOpener<MasterToAgent, AgentToMaster> = (handlers) => {
    this.#handlers = handlers;
    queueMicrotask(() => handlers.onOpen());
    return { send: (message) => this.#hear(message), close: () => Promise.resolve() };
  };

  #say(message: MasterToAgent): void {
    this.#handlers?.onMessages([message]);
  }

  #hear(message: AgentToMaster): void {
    if (message.type === 'REGISTER_AGENT') {
      queueMicrotask(() => {
        this.#say({ type: 'AGENT_REGISTERED', agentId: message.agentId, removedFrameworks: [] });
        this.#onRegistered();
      });
    }
    if (message.type !== 'UPDATE') return;
    this.#note(message.status);
    const { taskId, uuid } = message.status;
    // Not from inside the call that sends it, as over a socket.
    queueMicrotask(() => this.#say({ type: 'ACKNOWLEDGE', frameworkId: message.frameworkId, taskId, uuid: uuid! }));
  }

  #note({ taskId, state, reason, message }: TaskStatus): void {
    const task = this.#tasks.get(taskId);
    if (task === undefined) return;
    if (state === 'TASK_RUNNING') task.onRunning(performance.now() - task.begin);
    if (!isTerminal(state)) return;
    this.#tasks.delete(taskId);
    if (state === 'TASK_FINISHED' || state === 'TASK_KILLED') task.onEnded();
    else task.onFailed(new Error(`task ${taskId} came to ${state} (${reason ?? 'no reason'}): ${message ?? ''}`));
  }
}
