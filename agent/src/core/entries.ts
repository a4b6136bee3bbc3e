import { add, isTerminal, type Resources } from '@proffer/sdk/model';
import type { TaskBody } from '@proffer/sdk/protocol';
import { NO_HEALTH, recoveredHealth, type Health } from '../health/machine.js';
import type { ExecutorRecord, TaskLaunchRecord, TaskProgress } from './types.js';

/**
 * How far a container is.
 *
 * `recording`: its launch is being written. `recovering`: an earlier run of the agent launched it and nobody has said
 * yet what became of it. `launching`: the containerizer works on it. `running`: its process runs. `ended`: it is over.
 */
export type ContainerPhase = 'recording' | 'recovering' | 'launching' | 'running' | 'ended';

/** Ids of frameworks hold no slash, so that no two tasks share a key. */
export function keyOf(frameworkId: string, id: string): string {
  return `${frameworkId}/${id}`;
}

/** A task and what is only known in this run of the agent. */
export class TaskEntry {
  readonly kind = 'task';
  readonly key: string;
  readonly record: TaskLaunchRecord;
  readonly body: TaskBody;
  progress: TaskProgress;
  /** Of its own container; a task of an executor has none. */
  phase: ContainerPhase;
  executor: ExecutorEntry | undefined;
  /** Its executor may have got it. */
  delivered = false;
  /** Uuids of queued updates that are on disk. */
  readonly durable = new Set<string>();
  /** The update that was sent in this session. */
  inFlight: string | undefined;
  retryMs = 0;
  /** Nobody will acknowledge: the framework is gone. */
  muted = false;
  health: Health;
  /** Number of the check that is being run or waited for. */
  check = 0;

  constructor(record: TaskLaunchRecord, body: TaskBody, progress: TaskProgress, phase: ContainerPhase) {
    this.key = keyOf(record.frameworkId, record.task.taskId);
    this.record = record;
    this.body = body;
    this.progress = progress;
    this.phase = phase;
    this.health = progress.runningSince === undefined ? NO_HEALTH : recoveredHealth(progress.healthy);
  }

  get terminal(): boolean {
    return isTerminal(this.progress.state);
  }
}

/** An executor and what is only known in this run of the agent. */
export class ExecutorEntry {
  readonly kind = 'executor';
  readonly key: string;
  record: ExecutorRecord;
  phase: ContainerPhase;
  /** Its session, once it has subscribed. */
  peer: string | undefined;
  /** It subscribed at least once in this run. */
  subscribedOnce = false;
  pid: number | undefined;
  /** Its tasks that are not terminal. */
  readonly tasks = new Set<TaskEntry>();

  constructor(record: ExecutorRecord, phase: ContainerPhase) {
    this.key = keyOf(record.frameworkId, record.info.executorId);
    this.record = record;
    this.phase = phase;
  }

  /** What its container needs: its own and its tasks'. */
  get resources(): Resources {
    let sum = this.record.info.resources;
    for (const task of this.tasks) sum = add(sum, task.record.task.resources);
    return sum;
  }
}
