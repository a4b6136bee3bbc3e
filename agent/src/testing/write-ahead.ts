import { isTerminal } from '@proffer/sdk/model';
import type { FromAgent } from '@proffer/sdk/protocol';
import type { AgentEffect, ExecutorRecord, TaskLaunchRecord, TaskProgress } from '../core/types.js';

/**
 * Which promise it would break to do this effect now, with this on disk; undefined if none. What must survive is
 * written before it is acted upon.
 */
export function brokenPromise(effect: AgentEffect, disk: ReadonlyMap<string, unknown>): string | undefined {
  switch (effect.type) {
    case 'launch':
      return ownerOf(effect.spec.containerId, disk) ? undefined : 'a launch is not on disk before the container is launched';
    case 'signal':
      return killed(effect.containerId, disk) ? undefined : 'a kill is not on disk before the signal is sent';
    case 'forgetContainer':
      return ended(effect.containerId, disk) ? undefined : 'an end is not on disk before the container is forgotten';
    case 'send':
      return effect.message.type === 'UPDATE' ? unwritten(effect.message, disk) : unregistrable(effect, disk);
    default:
      return undefined;
  }
}

function unregistrable({ message }: AgentEffect & { type: 'send' }, disk: ReadonlyMap<string, unknown>): string | undefined {
  return message.type !== 'REGISTER_AGENT' || disk.has('agent') ? undefined : 'the id is not on disk before the agent registers';
}

/** An end may be sent of a task that is forgotten: its framework is gone. */
function unwritten({ frameworkId, status }: FromAgent<'UPDATE'>, disk: ReadonlyMap<string, unknown>): string | undefined {
  const progress = disk.get(`progress/${frameworkId}/${status.taskId}`) as TaskProgress | undefined;
  const written = progress?.updates.some(({ uuid }) => uuid === status.uuid) ?? isTerminal(status.state);
  return written ? undefined : `${status.state} of task ${status.taskId} is not on disk before it is sent`;
}

function killed(containerId: string, disk: ReadonlyMap<string, unknown>): boolean {
  const name = taskOf(containerId, disk);
  return name !== undefined && (disk.get(`progress/${name}`) as TaskProgress).kill !== undefined;
}

function ended(containerId: string, disk: ReadonlyMap<string, unknown>): boolean {
  const name = taskOf(containerId, disk);
  if (name !== undefined) return isTerminal((disk.get(`progress/${name}`) as TaskProgress).state);
  return !ownerOf(containerId, disk);
}

function ownerOf(containerId: string, disk: ReadonlyMap<string, unknown>): boolean {
  if (taskOf(containerId, disk) !== undefined) return true;
  const executors = [...disk].filter(([key]) => key.startsWith('executor/'));
  return executors.some(([, value]) => (value as ExecutorRecord).containerId === containerId);
}

/** `framework/task` of the task that has this container to itself. */
function taskOf(containerId: string, disk: ReadonlyMap<string, unknown>): string | undefined {
  for (const [key, value] of disk) {
    if (!key.startsWith('task/')) continue;
    const record = value as TaskLaunchRecord;
    if (record.containerId === containerId && record.task.executor === undefined) return key.slice('task/'.length);
  }
  return undefined;
}
