import type { HealthCheck } from '@proffer/sdk/model';

/** Mesos' defaults, in seconds (and failures). */
export const HEALTH_DEFAULTS = {
  delaySeconds: 15,
  intervalSeconds: 10,
  timeoutSeconds: 20,
  gracePeriodSeconds: 10,
  consecutiveFailures: 3,
} as const;

/** Checks are never closer together than this, whatever the interval says: an interval of 0 would be a busy loop. */
const INTERVAL_MIN_MS = 100;

/** What is remembered of one task's checks. */
export interface Health {
  /** The last result that counted; absent before the first. */
  readonly healthy?: boolean;
  /** True once a check succeeded: failures count from then on, also within the grace period. */
  readonly everHealthy: boolean;
  /** Failures in a row that counted. */
  readonly failures: number;
}

export interface Verdict {
  readonly health: Health;
  /** True if `healthy` is not what it was: the framework is told. */
  readonly changed: boolean;
  /** True if the task has failed too often and must end. */
  readonly kill: boolean;
}

export const NO_HEALTH: Health = { everHealthy: false, failures: 0 };

/** What is known of a task that an earlier run of the agent checked. */
export function recoveredHealth(healthy: boolean | undefined): Health {
  return healthy === undefined ? NO_HEALTH : { healthy, everHealthy: true, failures: 0 };
}

/** When a task that runs since `startedAt` is first checked, in milliseconds since 1970. */
export function firstCheckAt(check: HealthCheck, startedAt: number): number {
  return startedAt + 1000 * (check.delaySeconds ?? HEALTH_DEFAULTS.delaySeconds);
}

/** When the next check follows one whose result came at `now`. */
export function nextCheckAt(check: HealthCheck, now: number): number {
  return now + Math.max(INTERVAL_MIN_MS, 1000 * (check.intervalSeconds ?? HEALTH_DEFAULTS.intervalSeconds));
}

export function checkTimeoutMs(check: HealthCheck): number {
  return 1000 * (check.timeoutSeconds ?? HEALTH_DEFAULTS.timeoutSeconds);
}

/** What one result means for a task that runs since `startedAt`. */
export function judge(check: HealthCheck, health: Health, healthy: boolean, startedAt: number, now: number): Verdict {
  if (healthy) {
    return { health: { healthy, everHealthy: true, failures: 0 }, changed: health.healthy !== true, kill: false };
  }
  const graceEnds = startedAt + 1000 * (check.gracePeriodSeconds ?? HEALTH_DEFAULTS.gracePeriodSeconds);
  if (!health.everHealthy && now < graceEnds) return { health, changed: false, kill: false };
  const failures = health.failures + 1;
  const most = check.consecutiveFailures ?? HEALTH_DEFAULTS.consecutiveFailures;
  return {
    health: { healthy, everHealthy: health.everHealthy, failures },
    changed: health.healthy !== false,
    kill: most > 0 && failures >= most,
  };
}

/** What is wrong with a check's form, or undefined: what the schema cannot see. */
export function invalidHealthCheck(check: HealthCheck): string | undefined {
  const part = { COMMAND: check.command, HTTP: check.http, TCP: check.tcp }[check.type];
  if (part === undefined) return `healthCheck.${check.type.toLowerCase()} is needed for type ${check.type}, and is missing`;
  const port = check.type === 'HTTP' ? check.http?.port : check.type === 'TCP' ? check.tcp?.port : undefined;
  if (port === 0) return `healthCheck.${check.type.toLowerCase()}.port must be from 1 to 65535, got 0`;
  return undefined;
}
