/** Bounds on what peers can make the core remember, each with its reason. */

/** Agents known at once, in whatever state. Ten times the largest clusters in the field; a peer invents its own agent ids. */
export const AGENTS_MAX = 200_000;

/** Agents out of reach that are remembered: Mesos' own bound. The oldest is forgotten, and its tasks with it. */
export const UNREACHABLE_AGENTS_MAX = 100_000;

/** Frameworks known at once, those that were removed left out. Each costs registry space until its failover timeout ends. */
export const FRAMEWORKS_MAX = 20_000;

/** Removed frameworks whose ids are remembered, so that they never come back. */
export const REMOVED_FRAMEWORKS_MAX = 10_000;

/** Kills of tasks not known yet that one framework may leave to agents which are still returning. */
export const REMEMBERED_KILLS_MAX = 10_000;

/** Tasks that one framework may have asked about whose answers wait for agents: one full RECONCILE. */
export const QUESTIONS_MAX = 10_000;

/** Offers in one OFFERS event: a few hundred KiB, far below the bound on a frame. */
export const OFFERS_PER_EVENT = 256;

/** Longest filter, as in Mesos: a year. */
export const REFUSE_SECONDS_MAX = 365 * 24 * 3600;

/** What is said of a fault: a peer's own data is part of it, and must not come back at full length. */
export const FAULT_LENGTH_MAX = 1_000;

/**
 * How long the tasks of a removed framework may take to end before what they hold counts as free: their grace periods
 * and the way there and back. Sooner if their agent says that they ended.
 */
export const FRAMEWORK_SHUTDOWN_MS = 60_000;
