import { Command } from 'commander';
import { restartApp } from '../api/marathon.js';
import { marathonService, withExamples, withJson, withMarathon, type Context } from '../context.js';
import { writeJson } from '../output/output.js';

interface Options {
  readonly marathon: string;
  readonly json?: boolean;
  readonly force?: boolean;
}

export function appRestartCommand({ output }: Context): Command {
  const command = withMarathon(withJson(new Command('restart').description('replace all instances of an app, a few at a time')))
    .argument('<id>', 'id of the app')
    .option('--force', 'even while another deployment of the app goes on');
  withExamples(command, [['proffer app restart hello', 'new instances become healthy before old ones go']]);
  return command.action(async (id: string, options: Options) => {
    const deployment = await restartApp(marathonService(options.marathon), id, options.force === true);
    if (options.json === true) writeJson(output, { id, ...deployment });
    else output.write(`${id} is being restarted\n`);
  });
}
