/** The link's times and bounds, each with its reason. */

/** DESIGN §9: a lost peer is noticed after 5 s × 3; shorter would take a long garbage collection for a death. */
export const PING_INTERVAL_MS = 5_000;
export const PINGS_UNANSWERED_MAX = 3;

/** Back-off between sessions: at once after a short interruption, and no storm on a master that just came back. */
export const BACKOFF_MIN_MS = 100;
export const BACKOFF_MAX_MS = 5_000;

/** A HELLO that is not answered was lost, or nobody is there. */
export const HELLO_TIMEOUT_MS = 2_000;

/** A peer that opens a session and then says nothing of its own is no peer. */
export const SILENT_SESSION_MS = 60_000;

/** Sessions that have said HELLO and nothing else: more than all agents of a cluster at once; each is some 500 bytes. */
export const SILENT_SESSIONS_MAX = 65_536;

/** Messages in one frame: past some hundred, larger frames save nothing and only delay the first message in them. */
export const BATCH_MESSAGES = 256;

/** How long an acknowledgement may wait for another message to the same peer, while the loop is busy. */
export const RIDE_MS = 5;

/** Frames received in one turn from which on the loop counts as busy. */
export const BUSY_FRAMES = 16;

/** Strangers that are remembered so as to warn of each once, and to answer each at most once a second. */
export const STRANGERS_MAX = 4_096;
export const STRANGER_ANSWER_MS = 1_000;
