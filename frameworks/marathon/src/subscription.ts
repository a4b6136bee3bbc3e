import { SchedulerDriver, type MasterLink } from '@proffer/sdk';
import type { FrameworkInfo } from '@proffer/sdk/model';
import type { Clock } from '@proffer/sdk/transport';
import type { Logger } from '@proffer/sdk/service';
import type { Runner } from './runner.js';

/** After a refusal, how long until the next attempt: long enough not to flood a log, short enough to notice. */
const RETRY_MS = 5_000;

export interface SubscriptionOptions {
  readonly master: MasterLink;
  readonly frameworkInfo: FrameworkInfo;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the framework subscribed: again after every refusal, and as a new framework where the old one was removed. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  #driver: SchedulerDriver | undefined;
  #cancelRetry: () => void = () => undefined;
  #closed = false;
  /** Why there is no subscription, for `/health`; undefined while there is one. */
  problem: string | undefined = 'not subscribed yet';

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  start(): void {
    const { master, frameworkInfo, runner, clock, log } = this.#options;
    const { frameworkId } = runner.core.context.state;
    const driver = new SchedulerDriver(
      {
        link: master,
        frameworkInfo: { ...frameworkInfo, ...(frameworkId === undefined ? {} : { frameworkId }) },
        clock,
        warn: (text) => log.warn(text),
      },
      {
        subscribed: (event) => {
          this.problem = undefined;
          log.info({ frameworkId: event.frameworkId, masterId: event.masterInfo.masterId }, 'subscribed');
          runner.input({ type: 'subscribed', frameworkId: event.frameworkId });
        },
        disconnected: (code, message) => {
          this.problem = `not connected to the master: ${message}`;
          log.warn({ code }, `disconnected: ${message}`);
          runner.input({ type: 'disconnected' });
        },
        offers: (offers) => runner.input({ type: 'offers', offers }),
        rescind: (offerId) => runner.input({ type: 'rescind', offerId }),
        update: (status) => runner.input({ type: 'update', status }),
        rejected: (received, code, message) => log.error({ received, code }, `the master refused a call: ${message}`),
        error: (code, message) => this.#refused(code, message),
      },
    );
    this.#driver = driver;
    runner.use(driver);
    driver.start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    this.#options.runner.use(undefined);
    await this.#driver?.stop();
  }

  #refused(code: string, message: string): void {
    const { runner, clock, log } = this.#options;
    this.problem = `the master refused the subscription: ${message}`;
    log.error({ code }, this.problem);
    runner.use(undefined);
    runner.input(code === 'FRAMEWORK_REMOVED' ? { type: 'removed' } : { type: 'disconnected' });
    if (this.#closed) return;
    this.#cancelRetry = clock.after(RETRY_MS, () => this.start());
  }
}
