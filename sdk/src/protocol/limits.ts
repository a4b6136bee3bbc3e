/** Bounds that every border keeps, each with its reason. Sizes are bytes of the encoded form. */

/** One frame: a batch of launches for a whole framework fits; a peer cannot make us hold more than this at once. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** Messages in one frame: what one turn of the loop says to one peer; more are sent as several frames. */
export const FRAME_MESSAGES_MAX = 4096;

/** Lists within lists: our deepest message has 12 levels; a frame of brackets alone must not exhaust the stack. */
export const FRAME_DEPTH_MAX = 24;

/** Values in one frame: ten thousand tasks with their statuses are half a million; an empty value costs 16 bytes once decoded. */
export const FRAME_VALUES_MAX = 1_000_000;

/** What waits for one peer; past it the link is reset rather than that memory grows. */
export const OUTBOX_BYTES_MAX = 32 * 1024 * 1024;

/** A task's body (command, environment, container, data). Environments of a few hundred KiB are seen in the field. */
export const TASK_BODY_BYTES_MAX = 512 * 1024;

/** `data` of a status update or a framework message. */
export const DATA_BYTES_MAX = 64 * 1024;

/** Tasks in one LAUNCH operation. */
export const LAUNCH_TASKS_MAX = 1024;

/** Offers in one ACCEPT or DECLINE. */
export const OFFERS_MAX = 1024;

/** Tasks in one RECONCILE; a framework with more asks several times, or implicitly. */
export const RECONCILE_TASKS_MAX = 10_000;

/** Entries of a framework's demand: one for each app or job that waits is plenty. */
export const DEMAND_ENTRIES_MAX = 10_000;

/** Tasks an agent may bring along when it registers. */
export const AGENT_TASKS_MAX = 10_000;

/** Names, hostnames, roles, URLs. */
export const NAME_LENGTH_MAX = 1024;

/** One sentence for people. */
export const TEXT_LENGTH_MAX = 8192;

/** Pairs of labels or environment variables of one thing. */
export const PAIRS_MAX = 4096;

/** Updates that an executor keeps for an agent that is away, and brings along when it subscribes. */
export const EXECUTOR_UPDATES_MAX = 10_000;
