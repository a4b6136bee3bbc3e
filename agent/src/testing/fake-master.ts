import type { TaskStatus } from '@proffer/sdk/model';
import type { AgentToMaster, MasterToAgent } from '@proffer/sdk/protocol';
import type { LinkOpener, OpenerHandlers } from '@proffer/sdk/transport';

/** A master in memory that registers every agent and acknowledges every update. */
export class FakeMaster {
  readonly received: AgentToMaster[] = [];
  #handlers: OpenerHandlers<MasterToAgent> | undefined;
  #waiting: { readonly found: () => boolean; readonly resolve: () => void }[] = [];

  /** How an agent reaches it. */
  readonly open: LinkOpener<MasterToAgent, AgentToMaster> = (handlers) => {
    this.#handlers = handlers;
    queueMicrotask(() => handlers.onOpen());
    return {
      send: (message) => queueMicrotask(() => this.#receive(message)),
      close: async () => {
        this.#handlers = undefined;
        await Promise.resolve();
      },
    };
  };

  say(message: MasterToAgent): void {
    this.#handlers?.onMessages([message]);
  }

  /** Resolves once an update of this task in this state has come. */
  async status(taskId: string, state: TaskStatus['state']): Promise<TaskStatus> {
    const find = () => this.statuses(taskId).find((status) => status.state === state);
    await this.until(() => find() !== undefined);
    return find()!;
  }

  statuses(taskId: string): TaskStatus[] {
    const statuses = this.received.flatMap((message) => (message.type === 'UPDATE' ? [message.status] : []));
    return statuses.filter((status) => status.taskId === taskId);
  }

  until(found: () => boolean): Promise<void> {
    if (found()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ found, resolve }));
  }

  #receive(message: AgentToMaster): void {
    this.received.push(message);
    if (message.type === 'REGISTER_AGENT') {
      this.say({ type: 'AGENT_REGISTERED', agentId: message.agentId, removedFrameworks: [] });
    }
    if (message.type === 'UPDATE') {
      const { taskId, uuid } = message.status;
      this.say({ type: 'ACKNOWLEDGE', frameworkId: message.frameworkId, taskId, uuid: uuid! });
    }
    const ready = this.#waiting.filter(({ found }) => found());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
}
