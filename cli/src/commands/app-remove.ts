import { Command } from 'commander';
import { removeApp } from '../api/marathon.js';
import { marathonService, withExamples, withJson, withMarathon, type Context } from '../context.js';
import { writeJson } from '../output/output.js';

interface Options {
  readonly marathon: string;
  readonly json?: boolean;
}

export function appRemoveCommand({ output }: Context): Command {
  const command = withMarathon(withJson(new Command('remove').description('stop an app and forget it'))).argument('<id>', 'id of the app');
  withExamples(command, [['proffer app remove hello', 'its tasks are killed']]);
  return command.action(async (id: string, options: Options) => {
    const deployment = await removeApp(marathonService(options.marathon), id);
    if (options.json === true) writeJson(output, { id, ...deployment });
    else output.write(`${id} is being removed\n`);
  });
}
