import { TASK_STATES, type TaskState } from '@proffer/sdk/model';
import { fieldError, HttpError } from '@proffer/sdk/service';

/** What `/tasks` can be asked for. */
export interface TaskQuery {
  readonly framework?: string;
  readonly agent?: string;
  readonly state?: TaskState;
  readonly limit: number;
}

/** Tasks in one answer unless `limit` says otherwise, and at most: what a client can be expected to take at once. */
export const TASKS_LIMIT = 1_000;
export const TASKS_LIMIT_MAX = 100_000;

const TASK_FIELDS = ['framework', 'agent', 'state', 'limit'];

/** Reads the query of `/tasks`. Throws the 400 that names the field. */
export function taskQuery(query: unknown): TaskQuery {
  const { framework, agent, state, limit } = fields(query, TASK_FIELDS);
  if (state !== undefined && !isTaskState(state)) throw fieldError('state', `one of ${TASK_STATES.join(', ')}`, state, 400);
  return {
    ...(framework === undefined ? {} : { framework }),
    ...(agent === undefined ? {} : { agent }),
    ...(state === undefined ? {} : { state }),
    limit: limit === undefined ? TASKS_LIMIT : number('limit', limit, TASKS_LIMIT_MAX),
  };
}

/** Refuses every parameter of a query: for what takes none. */
export function noQuery(query: unknown): void {
  fields(query, []);
}

function fields(query: unknown, known: readonly string[]): Readonly<Record<string, string>> {
  const given = query as Readonly<Record<string, string | string[]>>;
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) {
      const expected = known.length === 0 ? 'no parameters' : `only ${known.join(', ')}`;
      throw new HttpError(400, `"${name}" is not a known parameter: this takes ${expected}`, { code: 'UNKNOWN_FIELD', field: name, expected });
    }
    if (typeof value !== 'string') throw fieldError(name, 'given once', value, 400);
  }
  return given as Readonly<Record<string, string>>;
}

function number(name: string, text: string, maximum: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > maximum) throw fieldError(name, `a whole number from 0 to ${maximum}`, text, 400);
  return value;
}

function isTaskState(text: string): text is TaskState {
  return (TASK_STATES as readonly string[]).includes(text);
}
