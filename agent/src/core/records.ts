import type { StoreChange } from '@proffer/sdk/service';
import type { AgentOperation, AgentState, ExecutorRecord, TaskLaunchRecord, TaskProgress } from './types.js';

/** Keys and values that last, as the store holds them. */
export type Records = Iterable<readonly [key: string, value: unknown]>;

const AGENT = 'agent';
const TASK = 'task/';
const PROGRESS = 'progress/';
const EXECUTOR = 'executor/';

/** What an operation changes in the store. */
export function changesOf(operation: AgentOperation): readonly StoreChange[] {
  switch (operation.type) {
    case 'saveAgent':
      return [{ key: AGENT, value: { agentId: operation.agentId } }];
    case 'forgetAgent':
      return [{ key: AGENT, value: undefined }];
    case 'saveTask': {
      const { frameworkId, task } = operation.record;
      return [{ key: `${TASK}${frameworkId}/${task.taskId}`, value: operation.record }];
    }
    case 'saveProgress':
      return [{ key: `${PROGRESS}${operation.frameworkId}/${operation.taskId}`, value: operation.progress }];
    case 'forgetTask': {
      const name = `${operation.frameworkId}/${operation.taskId}`;
      return [{ key: TASK + name, value: undefined }, { key: PROGRESS + name, value: undefined }];
    }
    case 'saveExecutor': {
      const { frameworkId, info } = operation.executor;
      return [{ key: `${EXECUTOR}${frameworkId}/${info.executorId}`, value: operation.executor }];
    }
    case 'forgetExecutor':
    default:
      return [{ key: `${EXECUTOR}${operation.frameworkId}/${operation.executorId}`, value: undefined }];
  }
}

/** What a core starts from, given everything that was stored. */
export function stateOf(records: Records): AgentState {
  const tasks: { record: TaskLaunchRecord; progress: TaskProgress }[] = [];
  const executors: ExecutorRecord[] = [];
  const launches = new Map<string, TaskLaunchRecord>();
  const progresses = new Map<string, TaskProgress>();
  let agentId: string | undefined;
  for (const [key, value] of records) {
    if (key === AGENT) agentId = (value as { agentId: string }).agentId;
    else if (key.startsWith(TASK)) launches.set(key.slice(TASK.length), value as TaskLaunchRecord);
    else if (key.startsWith(PROGRESS)) progresses.set(key.slice(PROGRESS.length), value as TaskProgress);
    else if (key.startsWith(EXECUTOR)) executors.push(value as ExecutorRecord);
  }
  for (const [name, record] of launches) {
    const progress = progresses.get(name);
    if (progress !== undefined) tasks.push({ record, progress });
  }
  return { ...(agentId !== undefined && { agentId }), tasks, executors };
}
