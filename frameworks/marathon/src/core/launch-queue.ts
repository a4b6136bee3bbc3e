import type { App } from './app.js';

/** An app that keeps failing is held back for growing times; one that was quiet for this long starts anew. */
export const QUIET_MS_MIN = 60_000;

interface Delay {
  /** The configuration that failed; another one starts without a delay. */
  readonly configVersion: string;
  readonly ms: number;
  readonly until: number;
  readonly failedAt: number;
}

/** How long apps are held back after their tasks failed. Not kept on disk: a restart gives everything another try. */
export class LaunchQueue {
  readonly #delays = new Map<string, Delay>();
  readonly #since = new Map<string, number>();

  /** A task of the app ended by itself. */
  failed(app: App, now: number): void {
    const before = this.#delays.get(app.id);
    const configVersion = app.versionInfo.lastConfigChangeAt;
    const first = app.backoffSeconds * 1000;
    // A process that needs longer than its delay to crash would never be held back without the fixed part.
    const again =
      before !== undefined &&
      before.configVersion === configVersion &&
      now - before.failedAt <= Math.max(before.ms + before.ms, QUIET_MS_MIN);
    const grown = again ? Math.max(first, before.ms * app.backoffFactor) : first;
    const ms = Math.min(grown, app.maxLaunchDelaySeconds * 1000);
    // Several that fail together are one failure: the delay does not grow for each.
    if (again && now < before.until) return;
    this.#delays.set(app.id, { configVersion, ms, until: now + ms, failedAt: now });
  }

  /** When the next task of the app may be launched; not after `now` if that is at once. */
  readyAt(app: App, now: number): number {
    const delay = this.#delays.get(app.id);
    return delay === undefined || delay.configVersion !== app.versionInfo.lastConfigChangeAt ? now : delay.until;
  }

  reset(appId: string): void {
    this.#delays.delete(appId);
  }

  /** Since when the app has had instances missing. */
  missingSince(appId: string, missing: boolean, now: number): number {
    if (!missing) this.#since.delete(appId);
    else if (!this.#since.has(appId)) this.#since.set(appId, now);
    return this.#since.get(appId) ?? now;
  }

  forget(appId: string): void {
    this.#delays.delete(appId);
    this.#since.delete(appId);
  }
}
