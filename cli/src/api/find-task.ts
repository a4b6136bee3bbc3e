import { CliError, EXIT } from '../errors.js';
import { plural } from '../output/format.js';
import type { TaskJson } from './master.js';

/** How many candidates an error names. */
const NAMED_MAX = 5;

/**
 * The task of this id, or the only one whose id begins with it. Of several, tasks that still run go before those that
 * ended. Throws CliError that names the candidates.
 */
export function findTask(tasks: readonly TaskJson[], idOrPrefix: string): TaskJson {
  const exact = tasks.filter(({ taskId }) => taskId === idOrPrefix);
  const found = exact.length > 0 ? exact : tasks.filter(({ taskId }) => taskId.startsWith(idOrPrefix));
  const alive = found.filter(({ completed }) => !completed);
  const candidates = alive.length > 0 ? alive : found;
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) {
    throw new CliError(`no task has an id that begins with "${idOrPrefix}"`, {
      exitCode: EXIT.NOT_FOUND,
      hint: '"proffer tasks --all" lists the tasks that the master knows',
    });
  }
  const named = candidates.slice(0, NAMED_MAX).map((task) => `\n  ${task.taskId}  (framework ${task.frameworkId})`);
  const more = candidates.length > NAMED_MAX ? `\n  and ${candidates.length - NAMED_MAX} more` : '';
  throw new CliError(`"${idOrPrefix}" fits ${plural(candidates.length, 'task')}:${named.join('')}${more}`, { hint: 'give more of the id' });
}
