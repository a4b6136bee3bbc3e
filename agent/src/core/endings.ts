import type { Reason, TaskState } from '@proffer/sdk/model';
import type { ContainerExit, ContainerFailure } from '../containerizer/types.js';
import type { StatusFields } from './updates.js';
import type { ExecutorEnding, KillIntent } from './types.js';

/** A task's last state and what is said about it. */
export interface Ending {
  readonly state: TaskState;
  readonly fields: StatusFields;
}

/** How a task ends whose own container ended. `recovering`: while the agent was away. */
export function endingOfExit(exit: ContainerExit, kill: KillIntent | undefined, recovering: boolean, hasRun: boolean): Ending {
  const how = exitFields(exit);
  if (exit.limitation !== undefined) return endingOfLimitation(exit);
  if (kill !== undefined) return endingOfKill(kill, how);
  if (exit.lost !== undefined) {
    if (recovering) return ending(hasRun ? 'TASK_LOST' : 'TASK_DROPPED', 'REASON_AGENT_RESTARTED', exit.lost);
    return ending('TASK_FAILED', 'REASON_COMMAND_EXECUTOR_FAILED', `The command ${described(exit)}`);
  }
  if (exit.code === 0) return { state: 'TASK_FINISHED', fields: { ...how, message: 'The command ended with exit code 0' } };
  const failed = ending('TASK_FAILED', 'REASON_COMMAND_EXECUTOR_FAILED', `The command ${described(exit)}`);
  return { ...failed, fields: { ...how, ...failed.fields } };
}

/** How a task ends whose container never ran. */
export function endingOfFailure(failure: ContainerFailure, kill: KillIntent | undefined, recovering: boolean): Ending {
  if (kill !== undefined) return endingOfKill(kill, {});
  if (recovering) return ending('TASK_DROPPED', 'REASON_AGENT_RESTARTED', failure.message);
  return failure.step === 'fetch'
    ? ending('TASK_FAILED', 'REASON_FETCH_FAILED', failure.message)
    : ending('TASK_FAILED', 'REASON_CONTAINER_LAUNCH_FAILED', `${failure.step}: ${failure.message}`);
}

/** How a task ends that was asked to. */
export function endingOfKill(kill: KillIntent, how: StatusFields): Ending {
  const state: TaskState = kill.cause === 'health' ? 'TASK_FAILED' : 'TASK_KILLED';
  const reason = reasonOfKill(kill);
  const message = kill.message ?? MESSAGES[kill.cause];
  return {
    state,
    fields: { ...how, ...(reason && { reason }), message, ...(kill.cause === 'health' && { healthy: false }) },
  };
}

const MESSAGES: Readonly<Record<KillIntent['cause'], string>> = {
  request: 'Killed on request',
  health: 'Killed because its health check failed too often',
  unreachable: 'Stopped because the agent was without a master for too long',
  framework: 'Killed because its framework was removed',
  stop: 'Killed because the agent was told to end its tasks',
  executor: 'Killed together with its executor',
};

function reasonOfKill(kill: KillIntent): Reason | undefined {
  if (kill.cause === 'health') return 'REASON_TASK_HEALTH_CHECK_FAILED';
  if (kill.cause === 'unreachable') return 'REASON_UNREACHABLE_STOPPED';
  if (kill.cause === 'framework') return 'REASON_FRAMEWORK_REMOVED';
  if (kill.cause === 'executor') return 'REASON_EXECUTOR_TERMINATED';
  return kill.duringLaunch ? 'REASON_TASK_KILLED_DURING_LAUNCH' : undefined;
}

/**
 * How a task ends whose executor ended: FAILED where a limit or a time-out was the cause, KILLED where it was to end,
 * DROPPED if the executor never got it, else GONE, as in Mesos.
 */
export function endingOfExecutor(
  exit: ContainerExit,
  executorEnding: ExecutorEnding | undefined,
  kill: KillIntent | undefined,
  delivered: boolean,
): Ending {
  if (exit.limitation !== undefined) return endingOfLimitation(exit);
  if (kill !== undefined) return endingOfKill(kill, {});
  switch (executorEnding?.cause) {
    case 'registrationTimeout':
      return ending('TASK_FAILED', 'REASON_EXECUTOR_REGISTRATION_TIMEOUT', 'The executor did not subscribe in time');
    case 'reregistrationTimeout':
      return ending('TASK_FAILED', 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT', 'The executor did not come back in time');
    case 'framework':
      return ending('TASK_KILLED', 'REASON_FRAMEWORK_REMOVED', MESSAGES.framework);
    case 'shutdown':
    case 'stop':
    case 'idle':
      return ending('TASK_KILLED', 'REASON_EXECUTOR_TERMINATED', 'Killed together with its executor, which was told to end');
    case undefined:
    default:
      return ending(delivered ? 'TASK_GONE' : 'TASK_DROPPED', 'REASON_EXECUTOR_TERMINATED', `The executor ${described(exit)}`);
  }
}

/** EXECUTOR_EXITED carries one number, as a shell has it: the exit code, or 128 and the signal's number; -1 if unknown. */
export function exitNumber(exit: ContainerExit): number {
  if (exit.code !== undefined) return exit.code;
  return exit.signal === undefined ? -1 : 128 + (SIGNALS[exit.signal] ?? 0);
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9,
  SIGUSR1: 10, SIGSEGV: 11, SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGXCPU: 24, SIGXFSZ: 25, SIGSYS: 31,
};

const LIMITATIONS = {
  memory: 'REASON_CONTAINER_LIMITATION_MEMORY',
  disk: 'REASON_CONTAINER_LIMITATION_DISK',
  pids: 'REASON_CONTAINER_LIMITATION',
  ports: 'REASON_CONTAINER_LIMITATION',
} as const;

function endingOfLimitation(exit: ContainerExit): Ending {
  const { reason, message, resources } = exit.limitation!;
  const fields = { ...exitFields(exit), reason: LIMITATIONS[reason], message, limitation: { resources } };
  return { state: 'TASK_FAILED', fields };
}

function ending(state: TaskState, reason: Reason, message: string): Ending {
  return { state, fields: { reason, message } };
}

function exitFields(exit: ContainerExit): StatusFields {
  if (exit.code !== undefined) return { exit: { code: exit.code } };
  return exit.signal === undefined ? {} : { exit: { signal: exit.signal } };
}

function described(exit: ContainerExit): string {
  if (exit.code !== undefined) return `ended with exit code ${exit.code}`;
  if (exit.signal !== undefined) return `was ended by signal ${exit.signal}`;
  return `ended, and it is not known how: ${exit.lost ?? 'there is no exit status'}`;
}
