import { systemClock, type Clock } from '@proffer/sdk/transport';

/**
 * The time as it was when the process began, and what has passed since: when somebody sets the machine's clock, no grace
 * period ends early or late, and time never goes back.
 */
export const steadyClock: Clock = {
  now: () => Math.round(performance.timeOrigin + performance.now()),
  after: (ms, callback) => systemClock.after(ms, callback),
};
