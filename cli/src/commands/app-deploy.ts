import { Command } from 'commander';
import { putApp } from '../api/marathon.js';
import { readAppFile } from '../app-file.js';
import { marathonService, withExamples, withJson, withMarathon, type Context } from '../context.js';
import { writeJson } from '../output/output.js';

interface Options {
  readonly marathon: string;
  readonly json?: boolean;
  readonly force?: boolean;
}

export function appDeployCommand({ output }: Context): Command {
  const command = withMarathon(withJson(new Command('deploy').description('create an app, or change it to what a file says')))
    .argument('<file>', 'app definition as JSON, one or a list; "-" reads standard input')
    .option('--force', 'even while another deployment of the app goes on');
  withExamples(command, [
    ['proffer app deploy examples/hello/app.json', 'relative files in "fetch" are looked up beside the app file'],
    ['cat app.json | proffer app deploy -', 'from standard input'],
  ]);
  return command.action(async (file: string, options: Options) => {
    const marathon = marathonService(options.marathon);
    const deployments: Readonly<Record<string, unknown>>[] = [];
    for (const app of await readAppFile(file)) {
      const deployment = await putApp(marathon, app, options.force === true);
      deployments.push({ id: app.id, ...deployment });
      if (options.json !== true) output.write(`${app.id} is being deployed\n`);
    }
    if (options.json === true) writeJson(output, deployments);
  });
}
