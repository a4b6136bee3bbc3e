import type { AgentToMaster, ProtocolErrorCode, SchedulerCall } from '@proffer/sdk/protocol';
import { acceptOffers } from './accept.js';
import { disconnectAgent, endRecovery, recoverAgent, registerAgent } from './agents.js';
import { Cluster, type Session } from './cluster.js';
import { killTask, messageToExecutor, messageToFramework, shutdownExecutor } from './control.js';
import type { Counters } from './counters.js';
import { reviveRoles, setDemand, suppressRoles } from './demand.js';
import { executorExited } from './executors.js';
import { finishRemoval, removeFramework } from './framework-removal.js';
import { disconnectFramework, recoverFramework, subscribe, updateFramework } from './frameworks.js';
import { FAULT_LENGTH_MAX } from './limits.js';
import { declineOffers, expireOffers, makeOffers } from './offers.js';
import { callOperator } from './operator.js';
import { Reader } from './reader.js';
import { reconcile } from './reconciliation.js';
import type { Agent, Framework } from './state.js';
import type { CoreConfig, Effect, Input, PeerId, RegistryState } from './types.js';
import { acknowledgeUpdate, updateTask } from './updates.js';
import type { ClusterView, Delta, RoleView } from './views.js';

/**
 * The master as a deterministic state machine: all cluster state, behind one door. The same inputs at the same times
 * give the same effects.
 */
export class MasterCore {
  readonly #cluster: Cluster;
  readonly #reader: Reader;
  /** When the last `wake` effect asked for `time`. */
  #wake: number | undefined;

  /**
   * `registry` is what the master before left behind; `now` is in milliseconds since 1970. Apply `time` right after:
   * the first effects are what the start itself asks for.
   */
  constructor(config: CoreConfig, registry: RegistryState, now: number) {
    const cluster = new Cluster(config, registry.weights, now);
    this.#cluster = cluster;
    this.#reader = new Reader(cluster);
    for (const agent of registry.agents) recoverAgent(cluster, agent);
    for (const framework of registry.frameworks) recoverFramework(cluster, framework);
    cluster.recoveryDeadline = now + config.reregisterTimeoutMs;
    if (cluster.recovering.size > 0) cluster.deadlines.set(cluster.recoveryDeadline, () => endRecovery(cluster));
  }

  get masterId(): string {
    return this.#cluster.config.masterId;
  }

  /**
   * Lets something happen and says what is to be done about it, in order. Throws OperatorError for a refused operator
   * call, and nothing else.
   */
  apply(input: Input, now: number): Effect[] {
    const cluster = this.#cluster;
    // A clock that was set back must not make deadlines meet the past.
    if (now > cluster.now) cluster.now = now;
    switch (input.type) {
      case 'message':
        this.#receive(input.peer, input.principal, input.message);
        break;
      case 'peerClosed':
        this.#close(input.peer, input.code);
        break;
      case 'durable':
        cluster.durable(input.sequence);
        break;
      case 'time':
        this.#wake = undefined;
        cluster.deadlines.run(cluster.now);
        cluster.allocator.expire(cluster.now);
        expireOffers(cluster);
        makeOffers(cluster);
        break;
      case 'operator':
        callOperator(cluster, input.call);
    }
    this.#askToWake();
    return cluster.takeEffects();
  }

  /** The whole cluster, for a reader that begins. There is one reader at a time: it gets the deltas from here on. */
  snapshot(): ClusterView {
    return this.#reader.snapshot();
  }

  /** What changed since the delta or snapshot before. Costs what changed. */
  takeDelta(): Delta {
    return this.#reader.takeDelta();
  }

  roles(): RoleView[] {
    return this.#cluster.allocator.roleShares();
  }

  counters(): Readonly<Counters> {
    return this.#cluster.counters;
  }

  #askToWake(): void {
    const { deadlines, allocator, offerLine, now } = this.#cluster;
    let at = allocator.changed ? now : Infinity;
    at = Math.min(at, deadlines.next ?? Infinity, allocator.nextDeadline ?? Infinity, offerLine.first?.expiresAt ?? Infinity);
    if (at === Infinity || (this.#wake !== undefined && this.#wake <= at)) return;
    this.#wake = at;
    this.#cluster.add({ type: 'wake', at });
  }

  #receive(peer: PeerId, principal: string, message: AgentToMaster | SchedulerCall): void {
    const cluster = this.#cluster;
    const session = cluster.sessions.get(peer);
    if (message.type === 'SUBSCRIBE' && (session === undefined || 'framework' in session)) {
      subscribe(cluster, peer, principal, message);
      this.#leaveIfRefused(peer, session);
    } else if (message.type === 'REGISTER_AGENT' && (session === undefined || 'agent' in session)) {
      registerAgent(cluster, peer, message);
      this.#leaveIfRefused(peer, session);
    } else if (session === undefined) {
      const expected = 'the first message of a session must be SUBSCRIBE or REGISTER_AGENT';
      cluster.reset(peer, 'NOT_REGISTERED', `${expected}, got ${message.type}`);
    } else if ('agent' in session) {
      this.#fromAgent(session.agent, message as AgentToMaster);
    } else {
      this.#fromFramework(session.framework, message as SchedulerCall);
    }
  }

  #fromAgent(agent: Agent, message: AgentToMaster): void {
    const cluster = this.#cluster;
    if (agent.state !== 'registered') {
      // Its registration is not durable yet; it repeats what matters once it is.
      cluster.counters.ignoredMessages++;
      return;
    }
    switch (message.type) {
      case 'UPDATE':
        updateTask(cluster, agent, message);
        break;
      case 'EXECUTOR_EXITED': {
        executorExited(cluster, agent, message.frameworkId, message.executorId, message.status);
        const framework = cluster.frameworks.get(message.frameworkId);
        if (framework?.state === 'removed') finishRemoval(cluster, framework);
        break;
      }
      case 'MESSAGE':
        messageToFramework(cluster, agent, message);
        break;
      default:
        this.#reject(agent, message.type, 'an agent has no such message');
    }
  }

  #fromFramework(framework: Framework, call: SchedulerCall): void {
    const cluster = this.#cluster;
    if (framework.state !== 'connected' || framework.removing) {
      cluster.counters.ignoredMessages++;
      return;
    }
    let fault: string | undefined;
    switch (call.type) {
      case 'ACCEPT':
        acceptOffers(cluster, framework, call);
        break;
      case 'ACKNOWLEDGE':
        acknowledgeUpdate(cluster, framework, call);
        break;
      case 'DECLINE':
        declineOffers(cluster, framework, call.offerIds, call.filters);
        break;
      case 'DEMAND':
        fault = setDemand(cluster, framework, call);
        break;
      case 'KILL':
        killTask(cluster, framework, call);
        break;
      case 'RECONCILE':
        reconcile(cluster, framework, call);
        break;
      case 'REVIVE':
        fault = reviveRoles(cluster, framework, call);
        break;
      case 'SUPPRESS':
        fault = suppressRoles(cluster, framework, call);
        break;
      case 'SHUTDOWN':
        shutdownExecutor(cluster, framework, call);
        break;
      case 'MESSAGE':
        messageToExecutor(cluster, framework, call);
        break;
      case 'UPDATE_FRAMEWORK':
        fault = updateFramework(cluster, framework, call);
        break;
      case 'TEARDOWN':
        removeFramework(cluster, framework, 'its scheduler tore it down');
        break;
      case 'REQUEST':
        break;
      default:
        fault = 'a framework has no such call';
    }
    if (fault !== undefined) this.#reject(framework, call.type, fault);
  }

  #reject(from: Agent | Framework, received: string, fault: string): void {
    const text = `${received} refused: ${fault}`.slice(0, FAULT_LENGTH_MAX);
    this.#cluster.send(from, { type: 'REJECTED', code: 'INVALID_MESSAGE', message: text, received });
  }

  #close(peer: PeerId, code: ProtocolErrorCode): void {
    const session = this.#cluster.sessions.get(peer);
    this.#cluster.sessions.delete(peer);
    if (session !== undefined) this.#leave(peer, session, code);
  }

  /** Who registers or subscribes again and is refused loses the session it had. */
  #leaveIfRefused(peer: PeerId, session: Session | undefined): void {
    if (session !== undefined && !this.#cluster.sessions.has(peer)) this.#leave(peer, session, 'INVALID_MESSAGE');
  }

  #leave(peer: PeerId, session: Session, code: ProtocolErrorCode): void {
    if ('agent' in session) {
      if (session.agent.peer === peer) disconnectAgent(this.#cluster, session.agent, code);
    } else if (session.framework.peer === peer) {
      disconnectFramework(this.#cluster, session.framework);
    }
  }
}
