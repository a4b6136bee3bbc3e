import type { Demand, Filters, FrameworkInfo, KillPolicy } from '../model/index.js';
import {
  calls,
  compileChecks,
  LAUNCH_TASKS_MAX,
  OFFERS_MAX,
  PROTOCOL_ERRORS,
  RECONCILE_TASKS_MAX,
  toTaskLaunch,
  type ProtocolErrorCode,
  type SchedulerCall,
  type SchedulerEvent,
} from '../protocol/index.js';
import { zmqOpener, type Clock, type LinkOpener, type OpenerLink } from '../transport/index.js';
import type { Launch, SchedulerCalls, SchedulerHandlers } from './types.js';

/** How to reach the master: a ZeroMQ endpoint like `tcp://127.0.0.1:5060`, or any other link. */
export type MasterLink = string | LinkOpener<SchedulerEvent, SchedulerCall>;

export interface SchedulerDriverOptions {
  readonly link: MasterLink;
  readonly frameworkInfo: FrameworkInfo;
  /** What to ask for from the start; {@link SchedulerDriver.demand} changes it. */
  readonly demand?: readonly Demand[];
  /** `all`: every offer, instead of what the demand asks for. */
  readonly offers?: 'demand' | 'all';
  readonly suppressedRoles?: readonly string[];
  /** For the link of a string endpoint. */
  readonly clock?: Clock;
  /** Is told of what the master does wrong, once. */
  readonly warn?: (text: string) => void;
}

const checkCall = compileChecks(calls);

/** Every body of one ACCEPT travels in one frame; so much leaves room for the rest of it. */
const ACCEPT_BYTES_MAX = 6 * 1024 * 1024;

/**
 * A framework's end of the scheduler API. It subscribes again on every new session, with the framework's id and the newest
 * demand, and leaves everything else (what to launch, when to reconcile) to its handlers. Calls throw RangeError, naming
 * the field, for what the master would refuse, and send nothing then.
 */
export class SchedulerDriver implements SchedulerCalls {
  readonly #options: SchedulerDriverOptions;
  readonly #handlers: SchedulerHandlers;
  #frameworkInfo: FrameworkInfo;
  #demand: readonly Demand[] | undefined;
  #suppressed: ReadonlySet<string>;
  /** What the newest SUBSCRIBE said, so that what changed before its answer is said again. */
  #subscribedWith: { demand: readonly Demand[] | undefined; suppressed: ReadonlySet<string> } | undefined;
  #link: OpenerLink<SchedulerCall> | undefined;
  #connected = false;

  constructor(options: SchedulerDriverOptions, handlers: SchedulerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#frameworkInfo = options.frameworkInfo;
    this.#demand = options.demand;
    this.#suppressed = new Set(options.suppressedRoles);
  }

  get frameworkId(): string | undefined {
    return this.#frameworkInfo.frameworkId;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Subscribes, again and again, until it is stopped or refused. Throws RangeError for a bad `frameworkInfo` or demand. */
  start(): void {
    if (this.#link !== undefined) return;
    refuseInvalid(this.#subscribe());
    const { link, clock, warn } = this.#options;
    const open =
      typeof link === 'string'
        ? zmqOpener({ endpoint: link, kind: 'framework', ...(clock && { clock }), ...(warn && { warn }) })
        : link;
    this.#link = open({
      onOpen: () => this.#onOpen(),
      onMessages: (messages) => {
        for (const message of messages) this.#onEvent(message);
      },
      onClosed: (code, message) => this.#onClosed(code, message),
      onRejected: (code, message, received) => this.#handlers.rejected?.(received, code, message),
    });
  }

  /** Ends the connection once what was called before is sent. The framework's tasks run on; it may be started again. */
  async stop(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#connected = false;
    await link?.close();
  }

  accept(offerIds: readonly string[], tasks: readonly Launch[], filters?: Filters): void {
    const taskInfos = tasks.map(({ demand, ...task }) => toTaskLaunch(task, demand));
    const bytes = taskInfos.reduce((sum, task) => sum + task.body.length, 0);
    if (bytes > ACCEPT_BYTES_MAX) {
      throw new RangeError(
        `the tasks of one ACCEPT have at most ${ACCEPT_BYTES_MAX} bytes of command, environment and data, got ${bytes}`,
      );
    }
    const operations = chunks(taskInfos, LAUNCH_TASKS_MAX).map((chunk) => ({ type: 'LAUNCH' as const, taskInfos: chunk }));
    this.#call({ type: 'ACCEPT', offerIds: [...offerIds], operations, ...(filters && { filters }) });
  }

  decline(offerIds: readonly string[], filters?: Filters): void {
    for (const chunk of chunks(offerIds, OFFERS_MAX)) this.#call({
      type: 'DECLINE',
      offerIds: chunk,
      ...(filters && { filters }),
    });
  }

  demand(demand: readonly Demand[]): void {
    const call: SchedulerCall = { type: 'DEMAND', demand: [...demand] };
    refuseInvalid(call);
    this.#demand = call.demand;
    this.#send(call);
  }

  revive(roles?: readonly string[]): void {
    const all = roles === undefined || roles.length === 0;
    this.#suppressed = new Set(all ? [] : [...this.#suppressed].filter((role) => !roles.includes(role)));
    this.#call({ type: 'REVIVE', ...(roles && { roles: [...roles] }) });
  }

  suppress(roles?: readonly string[]): void {
    const added = roles === undefined || roles.length === 0 ? (this.#frameworkInfo.roles ?? ['*']) : roles;
    this.#suppressed = new Set([...this.#suppressed, ...added]);
    this.#call({ type: 'SUPPRESS', ...(roles && { roles: [...roles] }) });
  }

  kill(taskId: string, options: { agentId?: string; killPolicy?: KillPolicy } = {}): void {
    this.#call({ type: 'KILL', taskId, ...options });
  }

  shutdown(agentId: string, executorId: string): void {
    this.#call({ type: 'SHUTDOWN', agentId, executorId });
  }

  acknowledge(status: { readonly agentId?: string; readonly taskId: string; readonly uuid?: string }): void {
    const { agentId, taskId, uuid } = status;
    if (uuid === undefined || agentId === undefined) return;
    this.#call({ type: 'ACKNOWLEDGE', agentId, taskId, uuid });
  }

  reconcile(tasks: readonly { taskId: string; agentId?: string }[] = []): void {
    if (tasks.length === 0) this.#call({ type: 'RECONCILE', tasks: [] });
    for (const chunk of chunks(tasks, RECONCILE_TASKS_MAX)) this.#call({ type: 'RECONCILE', tasks: chunk });
  }

  message(agentId: string, executorId: string, data: Uint8Array): void {
    this.#call({ type: 'MESSAGE', agentId, executorId, data });
  }

  updateFramework(frameworkInfo: FrameworkInfo): void {
    const { frameworkId } = this;
    const call: SchedulerCall = {
      type: 'UPDATE_FRAMEWORK',
      frameworkInfo: { ...frameworkInfo, ...(frameworkId === undefined ? {} : { frameworkId }) },
      suppressedRoles: [...this.#suppressed],
    };
    refuseInvalid(call);
    this.#frameworkInfo = call.frameworkInfo;
    this.#send(call);
  }

  teardown(): void {
    this.#call({ type: 'TEARDOWN' });
  }

  #subscribe(): SchedulerCall {
    const { offers } = this.#options;
    return {
      type: 'SUBSCRIBE',
      frameworkInfo: this.#frameworkInfo,
      ...(this.#demand && { demand: [...this.#demand] }),
      ...(offers && { offers }),
      ...(this.#suppressed.size > 0 && { suppressedRoles: [...this.#suppressed] }),
    };
  }

  #onOpen(): void {
    this.#subscribedWith = { demand: this.#demand, suppressed: this.#suppressed };
    this.#link?.send(this.#subscribe());
  }

  #onClosed(code: ProtocolErrorCode, message: string): void {
    this.#connected = false;
    this.#handlers.disconnected?.(code, message);
  }

  #onEvent(event: SchedulerEvent): void {
    if (this.#link === undefined) return;
    const handlers = this.#handlers;
    switch (event.type) {
      case 'SUBSCRIBED':
        this.#onSubscribed(event.frameworkId);
        return handlers.subscribed?.(event);
      case 'OFFERS':
        return handlers.offers?.(event.offers);
      case 'RESCIND':
        return handlers.rescind?.(event.offerId);
      case 'UPDATE':
        return handlers.update?.(event.status);
      case 'MESSAGE':
        return handlers.message?.(event);
      case 'FAILURE':
        return handlers.failure?.(event);
      case 'RECOVERING':
        return handlers.recovering?.(event);
      case 'ERROR':
        return this.#onError(event.code, event.message);
    }
  }

  #onSubscribed(frameworkId: string): void {
    this.#frameworkInfo = { ...this.#frameworkInfo, frameworkId };
    this.#connected = true;
    const before = this.#subscribedWith;
    if (before?.demand !== this.#demand && this.#demand !== undefined) this.#send({ type: 'DEMAND', demand: [...this.#demand] });
    if (before?.suppressed !== this.#suppressed) {
      const revived = [...(before?.suppressed ?? [])].filter((role) => !this.#suppressed.has(role));
      if (revived.length > 0) this.#send({ type: 'REVIVE', roles: revived });
      if (this.#suppressed.size > 0) this.#send({ type: 'SUPPRESS', roles: [...this.#suppressed] });
    }
  }

  #onError(code: string, message: string): void {
    // A standby says so and ends the session; the next one may reach the leader.
    if (code === 'NOT_LEADER') return;
    void this.stop();
    this.#handlers.error?.(code, message);
  }

  #call(call: SchedulerCall): void {
    refuseInvalid(call);
    this.#send(call);
  }

  #send(call: SchedulerCall): void {
    if (this.#connected) this.#link?.send(call);
  }
}

function refuseInvalid(call: SchedulerCall): void {
  const fault = checkCall(call);
  if (fault !== undefined) throw new RangeError(fault);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}

/** Every code an `error` or `disconnected` handler may get, with what it means. */
export { PROTOCOL_ERRORS };
