import { randomUUID } from 'node:crypto';
import process from 'node:process';
import type { TaskStatus } from '../model/index.js';
import {
  compileChecks,
  fromExecutor,
  unpackBody,
  type AgentToExecutor,
  type ExecutorEvent,
  type ExecutorToAgent,
  type ProtocolErrorCode,
} from '../protocol/index.js';
import { systemClock, zmqOpener, type Clock, type LinkOpener, type OpenerLink } from '../transport/index.js';
import { readExecutorEnvironment, type ExecutorEnvironment } from './environment.js';
import type { ExecutorHandlers, ExecutorUpdate } from './types.js';
import { UnacknowledgedUpdates } from './updates.js';

export interface ExecutorDriverOptions {
  /** What the agent told this process; read from its environment variables when absent. */
  readonly environment?: ExecutorEnvironment;
  /** Another way to the agent than its socket: for tests. */
  readonly link?: LinkOpener<AgentToExecutor, ExecutorToAgent>;
  readonly clock?: Clock;
  /** Makes the uuid of an update. */
  readonly newId?: () => string;
  /** How long to go on without the agent, as Mesos does: 15 minutes when absent. */
  readonly recoveryTimeoutMs?: number;
}

export const DEFAULT_RECOVERY_TIMEOUT_MS = 15 * 60_000;

/** How soon an update that the agent did not acknowledge is sent again. */
const RESEND_MS = 30_000;

/** What {@link ExecutorHandlers.shutdown} is told when the agent is gone: nobody is left to kill the process. */
const ABANDONED_GRACE_SECONDS = 5;

const checkMessage = compileChecks(fromExecutor);

/**
 * An executor's end of the executor API, over the agent's unix socket. It outlives the agent: it subscribes again when the
 * agent is back, with every update that may not have arrived.
 */
export class ExecutorDriver {
  readonly #handlers: ExecutorHandlers;
  readonly #environment: ExecutorEnvironment;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #recoveryTimeoutMs: number;
  readonly #open: LinkOpener<AgentToExecutor, ExecutorToAgent>;
  readonly #updates = new UnacknowledgedUpdates();
  #link: OpenerLink<ExecutorToAgent> | undefined;
  #connected = false;
  /** Updates that the newest SUBSCRIBE brought along. */
  #brought: ReadonlySet<string | undefined> = new Set();
  /**
   * Tasks of which nothing was said yet. The agent hands such a task over again where it cannot know whether it arrived;
   * of any other, SUBSCRIBE brings along what was said.
   */
  readonly #silent = new Set<string>();
  #cancelRecovery: () => void = () => {};
  #cancelResend: () => void = () => {};

  /** Throws Error if the process was not started by an agent. */
  constructor(handlers: ExecutorHandlers, options: ExecutorDriverOptions = {}) {
    this.#handlers = handlers;
    this.#environment = options.environment ?? readExecutorEnvironment(process.env);
    this.#clock = options.clock ?? systemClock;
    this.#newId = options.newId ?? randomUUID;
    this.#recoveryTimeoutMs = options.recoveryTimeoutMs ?? DEFAULT_RECOVERY_TIMEOUT_MS;
    this.#open =
      options.link ?? zmqOpener({ endpoint: `ipc://${this.#environment.socket}`, kind: 'executor', clock: this.#clock });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Updates that the agent does not have on disk yet. */
  get unacknowledged(): number {
    return this.#updates.size;
  }

  /** Begins to subscribe. */
  start(): void {
    if (this.#link !== undefined) return;
    this.#awaitRecovery();
    this.#link = this.#open({
      onOpen: () => this.#subscribe(),
      onMessages: (messages) => {
        for (const message of messages) this.#onEvent(message);
      },
      onClosed: (code, message) => this.#onClosed(code, message),
    });
  }

  /** Ends the connection once what was said before is sent. Tasks are the caller's to end. */
  async stop(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#connected = false;
    this.#cancelRecovery();
    this.#cancelResend();
    await link?.close();
  }

  /**
   * Says how a task is. The update is kept, and sent again where needed, until the agent has it on disk. Answers the uuid
   * that it got. Throws RangeError, naming the field, for an update that the agent would refuse.
   */
  sendStatusUpdate(update: ExecutorUpdate): string {
    const { agentId, executorId } = this.#environment;
    const status: TaskStatus & { uuid: string } = {
      ...update,
      source: 'SOURCE_EXECUTOR',
      timestamp: this.#clock.now() / 1000,
      uuid: this.#newId(),
      agentId,
      executorId,
    };
    const message: ExecutorToAgent = { type: 'UPDATE', status };
    refuseInvalid(message);
    this.#updates.add(status);
    this.#silent.delete(update.taskId);
    if (this.#connected) this.#link?.send(message);
    return status.uuid;
  }

  /** Sends data to the framework's scheduler; lost if the agent or the master is away. */
  sendMessage(data: Uint8Array): void {
    const message: ExecutorToAgent = { type: 'MESSAGE', data };
    refuseInvalid(message);
    if (this.#connected) this.#link?.send(message);
  }

  #subscribe(): void {
    const { frameworkId, executorId, token } = this.#environment;
    const unacknowledgedUpdates = this.#updates.list();
    this.#brought = new Set(unacknowledgedUpdates.map((status) => status.uuid));
    this.#link?.send({ type: 'SUBSCRIBE', frameworkId, executorId, token, unacknowledgedUpdates });
  }

  #onEvent(event: AgentToExecutor): void {
    if (this.#link === undefined) return;
    switch (event.type) {
      case 'SUBSCRIBED':
        return this.#onSubscribed(event);
      case 'LAUNCH':
        return this.#onLaunch(event.task);
      case 'KILL':
        return this.#handlers.kill(event.taskId, event.killPolicy);
      case 'ACKNOWLEDGED':
        return this.#updates.acknowledged(event.uuid);
      case 'MESSAGE':
        return this.#handlers.message?.(event.data);
      case 'SHUTDOWN':
        return this.#handlers.shutdown(event.gracePeriodSeconds);
      case 'ERROR':
        void this.stop();
        return this.#handlers.error?.(event.code, event.message);
    }
  }

  #onSubscribed(event: ExecutorEvent<'SUBSCRIBED'>): void {
    this.#connected = true;
    this.#cancelRecovery();
    // What was said between SUBSCRIBE and its answer.
    for (const status of this.#updates.list()) if (!this.#brought.has(status.uuid)) this.#link?.send({ type: 'UPDATE', status });
    this.#resendLater();
    this.#handlers.subscribed?.(event);
  }

  #onLaunch({ body: bytes, ...header }: ExecutorEvent<'LAUNCH'>['task']): void {
    if (this.#silent.has(header.taskId)) return;
    this.#silent.add(header.taskId);
    const body = unpackBody(bytes);
    if (typeof body === 'string') {
      this.sendStatusUpdate({ taskId: header.taskId, state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: body });
    } else {
      this.#handlers.launch({ ...header, ...body });
    }
  }

  #onClosed(code: ProtocolErrorCode, message: string): void {
    this.#connected = false;
    this.#cancelResend();
    this.#awaitRecovery();
    this.#handlers.disconnected?.(code, message);
  }

  #resendLater(): void {
    this.#cancelResend();
    this.#cancelResend = this.#clock.after(RESEND_MS, () => {
      for (const status of this.#updates.list()) this.#link?.send({ type: 'UPDATE', status });
      this.#resendLater();
    });
  }

  #awaitRecovery(): void {
    this.#cancelRecovery();
    this.#cancelRecovery = this.#clock.after(this.#recoveryTimeoutMs, () => {
      void this.stop();
      this.#handlers.shutdown(ABANDONED_GRACE_SECONDS);
    });
  }
}

function refuseInvalid(message: ExecutorToAgent): void {
  const fault = checkMessage(message);
  if (fault !== undefined) throw new RangeError(fault);
}
