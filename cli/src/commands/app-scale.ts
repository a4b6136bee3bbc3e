import { Command } from 'commander';
import { scaleApp } from '../api/marathon.js';
import { marathonService, withExamples, withJson, withMarathon, type Context } from '../context.js';
import { plural } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { whole } from '../parse.js';

interface Options {
  readonly marathon: string;
  readonly json?: boolean;
  readonly force?: boolean;
}

/** Beyond this it is a typing error: it is more than a cluster of the largest size runs. */
const INSTANCES_MAX = 1_000_000;

export function appScaleCommand({ output }: Context): Command {
  const command = withMarathon(withJson(new Command('scale').description('change how many instances of an app run')))
    .argument('<id>', 'id of the app')
    .argument('<instances>', 'how many', whole(0, INSTANCES_MAX))
    .option('--force', 'even while another deployment of the app goes on');
  withExamples(command, [
    ['proffer app scale hello 5', 'five instances'],
    ['proffer app scale hello 0', 'stop it, and keep its definition'],
  ]);
  return command.action(async (id: string, instances: number, options: Options) => {
    const deployment = await scaleApp(marathonService(options.marathon), id, instances, options.force === true);
    if (options.json === true) writeJson(output, { id, instances, ...deployment });
    else output.write(`${id} is being scaled to ${plural(instances, 'instance')}\n`);
  });
}
