import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { markProcess, type ProcessMark } from './processes.js';
import { lastLines, rotateLog } from './log-file.js';

/** The first restart is at once for the eye; one that keeps dying is tried less and less often. */
const BACKOFF_MS = 200;
const BACKOFF_MS_MAX = 10_000;

/** Having run for so long, a part counts as well again. */
const WELL_AFTER_MS = 30_000;

/** What is given to a part that does not end when it is asked to. */
const TERM_WITHIN_MS = 5_000;

export interface ChildOptions {
  /** `master`, `agent-1`, `marathon`. */
  readonly name: string;
  /** Arguments of Node: the command line's own script and the part's flags. */
  readonly args: readonly string[];
  /** Where its output goes, appended. */
  readonly logFile: string;
  /** Told when it starts (again) and when it ended by itself; `restartInMs` is undefined if it is not started again. */
  readonly onStarted: (child: Child) => void;
  readonly onEnded: (child: Child, how: string, restartInMs: number) => void;
}

/**
 * One part of the cluster as a process of its own, started again when it dies.
 *
 * It has a session of its own, so that Ctrl-C at the terminal reaches only us and we end things in order. Its standard
 * input is a pipe that we hold and never write to: when we die, however we die, it ends, and the part takes that as its
 * sign to end as well.
 */
export class Child {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #mark: ProcessMark | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #backoff = BACKOFF_MS;
  #stopping = false;
  /** Size of the log when it was started last: what comes after is of this run. */
  #logBegin = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name;
    this.logFile = options.logFile;
  }

  /** The process that runs now. */
  get mark(): ProcessMark | undefined {
    return this.#mark;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    rotateLog(this.logFile);
    const log = openSync(this.logFile, 'a', 0o640);
    this.#logBegin = statSync(this.logFile).size;
    this.#startedAt = performance.now();
    const child = spawn(process.execPath, this.#options.args, { stdio: ['pipe', log, log], detached: true });
    closeSync(log);
    this.#process = child;
    this.#mark = child.pid === undefined ? undefined : markProcess(child.pid);
    // Node tells of a broken pipe when the part is gone; its exit says it better.
    child.stdin?.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#onEnd(`could not be started: ${error.message}`);
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#onEnd(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
        resolve();
      });
    });
    this.#options.onStarted(this);
  }

  /** Moves the log aside if it has grown too large. */
  rotateLog(): void {
    rotateLog(this.logFile);
  }

  /** The last lines of this run's output. */
  lastLines(count: number): string[] {
    return lastLines(this.logFile, count, this.#logBegin);
  }

  /** Sends a signal and waits for the end; then SIGTERM, then SIGKILL. It is not started again. */
  async stop(signal: NodeJS.Signals, withinMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    for (const [one, within] of [[signal, withinMs], ['SIGTERM', TERM_WITHIN_MS]] as const) {
      if (this.#process === undefined) return;
      this.#process.kill(one);
      if (await this.#endsWithin(within)) return;
    }
    this.#process?.kill('SIGKILL');
    await this.#ended;
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
    const inTime = await Promise.race([this.#ended.then(() => true), late]);
    timer.abort();
    return inTime;
  }

  #onEnd(how: string): void {
    this.#process = undefined;
    this.#mark = undefined;
    if (this.#stopping) return;
    if (performance.now() - this.#startedAt > WELL_AFTER_MS) this.#backoff = BACKOFF_MS;
    const wait = this.#backoff;
    this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MS_MAX);
    this.#restart = setTimeout(() => this.start(), wait);
    this.#options.onEnded(this, how, wait);
  }
}
