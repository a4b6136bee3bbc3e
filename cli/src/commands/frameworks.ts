import { Command } from 'commander';
import { readState, type StateJson } from '../api/master.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { age, number } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
}

export function frameworksCommand({ output, now }: Context): Command {
  const command = withMaster(withJson(new Command('frameworks').description('list the frameworks and what they use')));
  withExamples(command, [
    ['proffer frameworks', 'each scheduler, its tasks and its share'],
    ['proffer frameworks --json', 'the same with every field'],
  ]);
  return command.action(async (options: Options) => {
    const state = await readState(masterService(options.master));
    if (options.json === true) writeJson(output, state.frameworks);
    else output.write(frameworksTable(state, output.width, now()));
  });
}

/** One line for each framework. */
export function frameworksTable(state: StateJson, width: number, now: number): string {
  const tasks = new Map<string, number>();
  for (const task of state.tasks) if (!task.completed) tasks.set(task.frameworkId, (tasks.get(task.frameworkId) ?? 0) + 1);
  const rows = state.frameworks.map((framework) => [
    framework.frameworkId,
    framework.name,
    framework.state,
    framework.roles.join(',') || '*',
    String(tasks.get(framework.frameworkId) ?? 0),
    number(framework.used.cpus),
    number(framework.used.mem),
    age(Date.parse(framework.registeredAt), now),
  ]);
  return table(['FRAMEWORK', 'NAME', 'STATE', 'ROLES', 'TASKS', 'CPUS', 'MEM MiB', 'AGE'], rows, width, 'no frameworks');
}
