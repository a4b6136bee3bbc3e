import type { Metrics } from '@proffer/sdk/service';
import type { Counters } from '../core/counters.js';
import type { Feed } from './feed.js';

/** Seconds: a turn that applies a few messages takes microseconds, one with a full allocation tens of milliseconds. */
const TICK_BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];

/** Seconds: a synced transaction takes a fraction of a millisecond on a quiet disk and tens on a busy one. */
const COMMIT_BUCKETS = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

/** What the shell measures of its own work. Durations in seconds. */
export interface Meters {
  tick(seconds: number): void;
  commit(seconds: number): void;
}

/** Numbers that only grow, kept by those who count. */
export interface Totals {
  readonly counters: () => Readonly<Counters>;
  readonly messagesIn: () => number;
  readonly messagesOut: () => number;
  readonly messagesRejected: () => number;
}

/** Cumulative metrics of the core, each with its help. */
const CORE_TOTALS: Readonly<Record<string, readonly [keyof Counters, string]>> = {
  proffer_master_agent_registrations_total: ['agentRegistrations', 'Agents that registered for the first time'],
  proffer_master_agent_reregistrations_total: ['agentReregistrations', 'Agents that registered again'],
  proffer_master_agents_lost_total: ['agentsLost', 'Agents that became unreachable'],
  proffer_master_subscriptions_total: ['subscriptions', 'Subscriptions of schedulers'],
  proffer_master_frameworks_removed_total: ['frameworksRemoved', 'Frameworks torn down or past their failover timeout'],
  proffer_master_offers_total: ['offersMade', 'Offers made'],
  proffer_master_offers_accepted_total: ['offersAccepted', 'Offers accepted'],
  proffer_master_offers_declined_total: ['offersDeclined', 'Offers declined'],
  proffer_master_offers_rescinded_total: ['offersRescinded', 'Offers taken back'],
  proffer_master_offers_timed_out_total: ['offersTimedOut', 'Offers taken back because nobody answered them'],
  proffer_master_invalid_accepts_total: ['invalidAccepts', 'ACCEPT calls that named an offer that does not exist'],
  proffer_master_launches_total: ['launches', 'Tasks launched'],
  proffer_master_invalid_tasks_total: ['invalidTasks', 'Tasks refused with TASK_ERROR'],
  proffer_master_status_updates_total: ['updates', 'Status updates from agents'],
  proffer_master_acknowledgements_total: ['acknowledgements', 'Acknowledgements from schedulers'],
  proffer_master_invalid_acknowledgements_total: ['invalidAcknowledgements', 'Acknowledgements that fit no task or agent'],
  proffer_master_kills_total: ['kills', 'Kills asked for'],
  proffer_master_reconciliations_total: ['reconciliations', 'Reconciliations asked for'],
  proffer_master_allocations_total: ['allocations', 'Rounds of the allocator'],
  proffer_master_ignored_messages_total: ['ignoredMessages', 'Messages that came at a moment at which they mean nothing'],
};

/** How many tasks ended in which way. */
const ENDED = { finished: 'tasksFinished', failed: 'tasksFailed', killed: 'tasksKilled', lost: 'tasksLost' } as const;

/** Times of the shell's work, as histograms. */
export function createMeters(metrics: Metrics): Meters {
  const tick = metrics.histogram('proffer_master_tick_seconds', 'Duration of one turn: what came in, and what followed from it', TICK_BUCKETS);
  const commit = metrics.histogram('proffer_master_registry_commit_seconds', 'From asking the registry to write until it is durable', COMMIT_BUCKETS);
  return { tick: (seconds) => tick.observe(seconds), commit: (seconds) => commit.observe(seconds) };
}

/** Everything else, read from where it is counted whenever somebody asks. */
export function exposeCluster(metrics: Metrics, feed: Feed, totals: Totals): void {
  total(metrics, 'proffer_master_messages_received_total', 'Messages from agents and frameworks', totals.messagesIn);
  total(metrics, 'proffer_master_messages_sent_total', 'Messages to agents and frameworks', totals.messagesOut);
  total(metrics, 'proffer_master_messages_rejected_total', 'Messages and frames refused at the border', totals.messagesRejected);
  for (const [name, [counter, help]] of Object.entries(CORE_TOTALS)) total(metrics, name, help, () => totals.counters()[counter]);
  for (const [how, counter] of Object.entries(ENDED)) {
    total(metrics, `proffer_master_tasks_${how}_total`, `Tasks that ended: ${how}`, () => totals.counters()[counter]);
  }
  metrics.reading('proffer_master_agents', 'Agents by state', ['state'], () => countBy(feed.model.agents.values()));
  metrics.reading('proffer_master_frameworks', 'Frameworks by state', ['state'], () => countBy(feed.model.frameworks.values()));
  metrics.reading('proffer_master_offers_outstanding', 'Offers held by frameworks', [], () => feed.model.offers.size);
  metrics.reading('proffer_master_tasks', 'Tasks by state, ended ones that are still remembered included', ['state'], () =>
    Array.from(feed.model.tasksByState, ([state, value]) => ({ labels: { state }, value })),
  );
}

/** A counter whose number is kept elsewhere: it takes the present one whenever it is read. */
function total(metrics: Metrics, name: string, help: string, read: () => number): void {
  const counter = metrics.counter(name, help);
  const collect = (): void => {
    counter.reset();
    counter.inc(read());
  };
  Object.assign(counter, { collect });
}

function countBy(views: Iterable<{ readonly state: string }>): { labels: { state: string }; value: number }[] {
  const counts = new Map<string, number>();
  for (const { state } of views) counts.set(state, (counts.get(state) ?? 0) + 1);
  return Array.from(counts, ([state, value]) => ({ labels: { state }, value }));
}
