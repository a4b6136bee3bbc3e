/** How often what happened since this core was made; only ever grows. For metrics. */
export interface Counters {
  agentRegistrations: number;
  agentReregistrations: number;
  /** Agents that became unreachable. */
  agentsLost: number;
  subscriptions: number;
  frameworksRemoved: number;
  offersMade: number;
  offersAccepted: number;
  offersDeclined: number;
  /** Taken back by the master, those that timed out among them. */
  offersRescinded: number;
  offersTimedOut: number;
  /** ACCEPTs that named an offer that does not exist (any more). */
  invalidAccepts: number;
  launches: number;
  /** Tasks refused with TASK_ERROR. */
  invalidTasks: number;
  /** Status updates from agents, repeated ones among them. */
  updates: number;
  acknowledgements: number;
  /** Acknowledgements that could not be delivered, or that fit no task. */
  invalidAcknowledgements: number;
  kills: number;
  reconciliations: number;
  tasksFinished: number;
  tasksFailed: number;
  tasksKilled: number;
  /** Tasks that ended in TASK_LOST, DROPPED, GONE, GONE_BY_OPERATOR or ERROR. */
  tasksLost: number;
  /** Rounds of the allocator that had something to look at. */
  allocations: number;
  /** Messages that came at a moment at which they mean nothing, and changed nothing. */
  ignoredMessages: number;
}

export function noCounters(): Counters {
  return {
    agentRegistrations: 0,
    agentReregistrations: 0,
    agentsLost: 0,
    subscriptions: 0,
    frameworksRemoved: 0,
    offersMade: 0,
    offersAccepted: 0,
    offersDeclined: 0,
    offersRescinded: 0,
    offersTimedOut: 0,
    invalidAccepts: 0,
    launches: 0,
    invalidTasks: 0,
    updates: 0,
    acknowledgements: 0,
    invalidAcknowledgements: 0,
    kills: 0,
    reconciliations: 0,
    tasksFinished: 0,
    tasksFailed: 0,
    tasksKilled: 0,
    tasksLost: 0,
    allocations: 0,
    ignoredMessages: 0,
  };
}
