import { setTimeout as delay } from 'node:timers/promises';
import { endRemains } from './ending.js';
import { native } from './native.js';
import type { Watch } from './native.js';
import { readExit } from './runtime-files.js';
import type { ProcessIdentity } from './runtime-files.js';
import { signalName, signalNumber } from './signals.js';
import { IsolatorError } from './types/errors.js';
import type { Cgroup, Container, ExitStatus } from './types/index.js';

/** The signal that carries another one to the task (launcher/protocol.h): queued ones keep their order. */
const FORWARD_SIGNAL = 44;
const SIGKILL = 9;
const DESTROY_MS = 10_000;

/** What is known of a container that runs. */
export interface RunningFacts {
  readonly id: string;
  readonly runtimeDir: string;
  readonly pid: number;
  /** Of the monitor; the container takes it over. */
  readonly pidfd: number;
  readonly init: ProcessIdentity;
  readonly launchedAt: number;
  readonly ownPidNamespace: boolean;
  readonly cgroup: Cgroup | undefined;
}

/** A container whose monitor runs, or ran when this was made. */
export class RunningContainer implements Container {
  readonly id: string;
  readonly runtimeDir: string;
  readonly pid: number;
  readonly initPid: number;
  readonly launchedAt: number;
  readonly exited: Promise<ExitStatus>;
  readonly #facts: RunningFacts;
  #watch: Watch | undefined;
  #status: ExitStatus | undefined;
  #settle!: (status: ExitStatus) => void;

  constructor(facts: RunningFacts) {
    this.#facts = facts;
    this.id = facts.id;
    this.runtimeDir = facts.runtimeDir;
    this.pid = facts.pid;
    this.initPid = facts.init.pid;
    this.launchedAt = facts.launchedAt;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#watch = native().watch(facts.pidfd, () => this.#end());
  }

  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** The cgroup given at launch or recovery. */
  get cgroup(): Cgroup | undefined {
    return this.#facts.cgroup;
  }

  kill(signal: NodeJS.Signals | number): boolean {
    const number = signalNumber(signal);
    return this.#watch !== undefined && native().sendSignal(this.#facts.pidfd, FORWARD_SIGNAL, number);
  }

  async destroy({ timeoutMs = DESTROY_MS }: { readonly timeoutMs?: number } = {}): Promise<ExitStatus> {
    if (this.#status === undefined) await this.#endWithin(timeoutMs);
    await this.#facts.cgroup?.remove({ timeoutMs });
    return this.exited;
  }

  ref(): void {
    this.#watch?.ref();
  }

  unref(): void {
    this.#watch?.unref();
  }

  release(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** First by the monitor, which then knows how the task ended; if that takes too long, without it. */
  async #endWithin(timeoutMs: number): Promise<void> {
    this.ref();
    this.kill('SIGKILL');
    if (await this.#endsWithin(timeoutMs)) return;
    if (this.#watch !== undefined) native().sendSignal(this.#facts.pidfd, SIGKILL);
    if (await this.#endsWithin(timeoutMs)) return;
    throw new IsolatorError(`destroy container ${this.id}: EBUSY, the launcher ${this.pid} did not end in ${timeoutMs} ms`, {
      code: 'EBUSY', errno: 16, step: 'destroy container', path: this.runtimeDir,
    });
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    const patience = new AbortController();
    const late = delay(timeoutMs, false, { signal: patience.signal }).catch(() => false);
    const ended = await Promise.race([this.exited.then(() => true), late]);
    patience.abort();
    return ended;
  }

  #end(): void {
    const end = native().reap(this.#facts.pidfd);
    this.release();
    const status = readExit(this.runtimeDir);
    if (status !== undefined) {
      this.#finish(status);
      return;
    }
    const how = end?.signal === null || end?.signal === undefined ? 'ended' : `was killed by ${signalName(end.signal)}`;
    void this.#lose(`the launcher ${this.pid} ${how} before it could write how the task ended`);
  }

  async #lose(reason: string): Promise<void> {
    const left = await endRemains(this.#facts);
    this.#finish({ kind: 'lost', reason: left === '' ? reason : `${reason}; ${left}` });
  }

  #finish(status: ExitStatus): void {
    this.#status = status;
    this.#settle(status);
  }
}
