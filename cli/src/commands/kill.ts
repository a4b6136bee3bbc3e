import { Command } from 'commander';
import { findTask } from '../api/find-task.js';
import { killTask, readState } from '../api/master.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { writeJson } from '../output/output.js';
import { selectTasks } from './tasks.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
  readonly framework?: string;
}

export function killCommand({ output }: Context): Command {
  const command = withMaster(withJson(new Command('kill').description('kill one task; its framework may start another in its place')))
    .argument('<task>', 'id of the task, or a beginning of it that no other task has')
    .option('--framework <id|name>', 'the framework, where several have a task of this id');
  withExamples(command, [
    ['proffer kill hello', 'the only task whose id begins with "hello"'],
    ['proffer app scale hello 0', 'to stop the tasks of an app for good'],
  ]);
  return command.action(async (prefix: string, options: Options) => {
    const master = masterService(options.master);
    const state = await readState(master);
    const task = findTask(selectTasks(state, options), prefix);
    await killTask(master, task);
    if (options.json === true) writeJson(output, { taskId: task.taskId, frameworkId: task.frameworkId, status: 'accepted' });
    else output.write(`${task.taskId} is being killed\n`);
  });
}
