import type { ContainerFailure } from './types.js';

/**
 * Where a container is in its life. It only moves forward:
 *
 *     PREPARING ─▶ FETCHING ─▶ ISOLATING ─▶ LAUNCHING ─▶ RUNNING ─▶ DESTROYING ─▶ ENDED
 *         └────────────┴────────────┴────────────┴── a step failed, or destroy ──▶ UNDOING ──▶ ENDED
 *     RECOVERING ─▶ RUNNING, DESTROYING (it ended meanwhile), UNDOING (it never ran) or ENDED (it had ended before)
 */
export type LifeState =
  | 'PREPARING'
  | 'FETCHING'
  | 'ISOLATING'
  | 'LAUNCHING'
  | 'RECOVERING'
  | 'RUNNING'
  | 'DESTROYING'
  | 'UNDOING'
  | 'ENDED';

const NEXT: Readonly<Record<LifeState, readonly LifeState[]>> = {
  PREPARING: ['FETCHING', 'UNDOING'],
  FETCHING: ['ISOLATING', 'UNDOING'],
  ISOLATING: ['LAUNCHING', 'UNDOING'],
  LAUNCHING: ['RUNNING', 'UNDOING'],
  RECOVERING: ['RUNNING', 'DESTROYING', 'UNDOING', 'ENDED'],
  RUNNING: ['DESTROYING'],
  DESTROYING: ['ENDED'],
  UNDOING: ['ENDED'],
  ENDED: [],
};

/** The state after a step. Throws where the life cannot go that way: a fault of this program, not of a user. */
export function advance(from: LifeState, to: LifeState): LifeState {
  if (!NEXT[from].includes(to)) throw new Error(`a container cannot go from ${from} to ${to}`);
  return to;
}

/** Whether the task's process is there to be signalled, measured and changed. */
export function isAlive(state: LifeState): boolean {
  return state === 'RUNNING';
}

/** The step that is told when a container could not be started from this state. */
export function failedStep(state: LifeState): ContainerFailure['step'] {
  if (state === 'PREPARING') return 'prepare';
  if (state === 'FETCHING') return 'fetch';
  return state === 'ISOLATING' ? 'isolate' : 'launch';
}
