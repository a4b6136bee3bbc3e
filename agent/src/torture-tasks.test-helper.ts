import type { TaskStatus } from '@proffer/sdk/model';

/** Random numbers from a seed (mulberry32): the same seed, the same run but for the machine's own timing. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What one task of the torture does, and how it must be said to have ended. */
export interface TorturedTask {
  readonly taskId: string;
  readonly script: string;
  /** It is ended by a KILL, so long after it was seen to run. */
  readonly killAfterMs?: number;
  /** Undefined if this status tells its end as it was, else what is wrong with it. */
  readonly fault: (status: TaskStatus) => string | undefined;
}

/** Every container says that it ran: one line, so that one which is started twice is found. */
const MARK = 'echo ran >> ran;';

/** A task of a kind chosen by chance. */
export function torturedTask(number: number, random: () => number): TorturedTask {
  const chance = random();
  const pause = (random() * 0.8).toFixed(2);
  const taskId = `t${number}`;
  if (chance < 0.45) {
    const code = Math.floor(random() * 4);
    const state = code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    return { taskId, script: `${MARK} sleep ${pause}; exit ${code}`, fault: expects(state, { code }) };
  }
  if (chance < 0.55) return { taskId, script: `${MARK} sleep ${pause}; kill -SEGV $$`, fault: expects('TASK_FAILED', { signal: 'SIGSEGV' }) };
  if (chance < 0.65) {
    const fault = expects('TASK_FAILED', undefined, 'REASON_CONTAINER_LIMITATION_MEMORY');
    return { taskId, script: `${MARK} head -c 90000000 /dev/zero | tail -c 80000000 > /dev/null`, fault };
  }
  const killAfterMs = Math.floor(random() * 600);
  if (chance < 0.75) {
    return { taskId, script: `${MARK} kill -STOP $$`, killAfterMs, fault: expects('TASK_KILLED', { signal: 'SIGKILL' }) };
  }
  return { taskId, script: `${MARK} exec sleep 1000`, killAfterMs, fault: expects('TASK_KILLED', { signal: 'SIGTERM' }) };
}

function expects(state: string, exit: TaskStatus['exit'], reason?: string): TorturedTask['fault'] {
  return (status) => {
    const rightExit = exit === undefined || JSON.stringify(status.exit) === JSON.stringify(exit);
    if (status.state === state && rightExit && (reason === undefined || status.reason === reason)) return undefined;
    const { state: got, reason: why, exit: how, message } = status;
    return `expected ${JSON.stringify({ state, reason, exit })}, got ${JSON.stringify({ state: got, reason: why, exit: how, message })}`;
  };
}
