import { isTerminal, type Reason, type TaskInfo, type TaskState, type TaskStatus } from '@proffer/sdk/model';

/** What a simulated task does by itself. It runs until it is killed unless this says otherwise. */
export interface Behaviour {
  /** Milliseconds from the launch to TASK_RUNNING; 0 when absent. */
  readonly startMs?: number;
  /** Milliseconds that it runs before it ends by itself; for ever when absent. */
  readonly runMs?: number;
  /** How it ends after `runMs`; TASK_FINISHED with exit code 0 when absent. */
  readonly ending?: Ending;
  /** Milliseconds from a kill to TASK_KILLED; 0 when absent. */
  readonly killMs?: number;
}

/** How a task ends. */
export interface Ending {
  readonly state: 'TASK_FINISHED' | 'TASK_FAILED' | 'TASK_KILLED' | 'TASK_ERROR' | 'TASK_LOST' | 'TASK_GONE';
  readonly reason?: Reason;
  readonly message?: string;
  readonly exit?: { readonly code?: number; readonly signal?: string };
  readonly data?: Uint8Array;
}

/** A task on a simulated agent, with the updates that its framework has not acknowledged. */
export class SimulatedTask {
  readonly frameworkId: string;
  readonly role: string;
  readonly info: TaskInfo;
  /** The newest state. */
  state: TaskState = 'TASK_STAGING';
  /** Sent one at a time: the next one waits for the first to be acknowledged. */
  readonly updates: TaskStatus[] = [];
  /** The update most recently sent, and how often. */
  sent: TaskStatus | undefined;
  attempts = 0;

  constructor(frameworkId: string, role: string, info: TaskInfo) {
    this.frameworkId = frameworkId;
    this.role = role;
    this.info = info;
  }

  get taskId(): string {
    return this.info.taskId;
  }

  get ended(): boolean {
    return isTerminal(this.state);
  }
}
