import type { FrameworkInfo } from '@proffer/sdk/model';
import type {
  AgentToMaster,
  LinkMessage,
  MasterToAgent,
  ProtocolErrorCode,
  SchedulerCall,
  SchedulerEvent,
} from '@proffer/sdk/protocol';

/** What the core is told, once, when it is made. */
export interface CoreConfig {
  /** Names this run of the master; part of every id it gives, so that no two runs give the same. */
  readonly masterId: string;
  readonly version: string;
  /** Offers are rescinded after so long (DESIGN: 30 s). */
  readonly offerTimeoutMs: number;
  /** Most offers that one framework may hold at once. */
  readonly offersHeldMax: number;
  /**
   * How long a framework or agent whose link was reset has to open the next one before it counts as lost. An agent that
   * did not answer pings counts as lost at once.
   */
  readonly reconnectTimeoutMs: number;
  /** After a change of master: how long admitted agents have to come back. */
  readonly reregisterTimeoutMs: number;
  /** What SUBSCRIBED announces. */
  readonly heartbeatIntervalMs: number;
  /** Weights of roles that differ from 1. */
  readonly weights: Readonly<Record<string, number>>;
  /** Ended tasks that are remembered for people, over all frameworks. */
  readonly completedTasksMax: number;
}

export const DEFAULT_CORE_CONFIG: Omit<CoreConfig, 'masterId' | 'version'> = {
  offerTimeoutMs: 30_000,
  offersHeldMax: 10_000,
  reconnectTimeoutMs: 15_000,
  reregisterTimeoutMs: 600_000,
  heartbeatIntervalMs: 5_000,
  weights: {},
  completedTasksMax: 1_000,
};

/** One session of one peer, as the link names it. */
export type PeerId = string;

/** What happens to the core. Each comes with the time, in milliseconds since 1970; time never goes back. */
export type Input =
  /** A message that fits its schema. `principal` is who the peer's key says it is; `anonymous` without keys. */
  | {
    readonly type: 'message'; readonly peer: PeerId; readonly principal: string; readonly message: AgentToMaster | SchedulerCall,
  }
  | { readonly type: 'peerClosed'; readonly peer: PeerId; readonly code: ProtocolErrorCode }
  /** The registry has written the `persist` effect with this number, and all before it. */
  | { readonly type: 'durable'; readonly sequence: number }
  /** The time that a `wake` effect asked for, or any other. */
  | { readonly type: 'time' }
  | { readonly type: 'operator'; readonly call: OperatorCall };

/** What an operator may ask. Refused calls throw {@link OperatorError}, and change nothing. */
export type OperatorCall =
  | { readonly type: 'killTask'; readonly frameworkId: string; readonly taskId: string }
  | { readonly type: 'teardown'; readonly frameworkId: string }
  | { readonly type: 'markAgentGone'; readonly agentId: string }
  /** `weight` is above 0. */
  | { readonly type: 'setWeight'; readonly role: string; readonly weight: number };

export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly code: 'NOT_FOUND' | 'CONFLICT';

  constructor(code: OperatorError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Tells a peer that one of its messages was refused and changed nothing, though it fits its schema. */
export type Rejected = Extract<LinkMessage, { type: 'REJECTED' }>;

/** What the core wants done. The shell does them in order. */
export type Effect =
  | { readonly type: 'send'; readonly peer: PeerId; readonly message: SchedulerEvent | MasterToAgent | Rejected }
  /** End the session after what was sent before. */
  | { readonly type: 'reset'; readonly peer: PeerId; readonly code: ProtocolErrorCode; readonly message: string }
  /** Write this to the registry, then apply `durable` with the sequence. What depends on it happens only then. */
  | { readonly type: 'persist'; readonly sequence: number; readonly operation: RegistryOperation }
  /**
   * Apply `time` then; replaces the earlier wake. It may be the present: then apply `time` as soon as all that has come
   * in is applied. Offers are made in answer to `time` only, so one round of sharing out serves a whole turn of the loop.
   */
  | { readonly type: 'wake'; readonly at: number };

/** An agent that the cluster knows. */
export interface AgentRecord {
  readonly agentId: string;
  readonly hostname: string;
  readonly state: 'admitted' | 'unreachable' | 'gone';
  /** When it got into this state, in milliseconds since 1970. */
  readonly since: number;
}

/** A framework that the cluster knows. */
export interface FrameworkRecord {
  readonly frameworkId: string;
  readonly principal: string;
  readonly info: FrameworkInfo;
  /** While its scheduler is away: when it is removed, in milliseconds since 1970. */
  readonly failoverDeadline?: number;
  /** Set once it was torn down or its deadline passed: the id never comes back. */
  readonly removedAt?: number;
}

/** A durable change of the registry. */
export type RegistryOperation =
  | { readonly type: 'saveAgent'; readonly agent: AgentRecord }
  | { readonly type: 'forgetAgent'; readonly agentId: string }
  | { readonly type: 'saveFramework'; readonly framework: FrameworkRecord }
  | { readonly type: 'forgetFramework'; readonly frameworkId: string }
  | { readonly type: 'setWeight'; readonly role: string; readonly weight: number };

/** What the registry holds: what a new master starts from. */
export interface RegistryState {
  readonly agents: readonly AgentRecord[];
  readonly frameworks: readonly FrameworkRecord[];
  readonly weights: Readonly<Record<string, number>>;
}

export const EMPTY_REGISTRY: RegistryState = { agents: [], frameworks: [], weights: {} };
