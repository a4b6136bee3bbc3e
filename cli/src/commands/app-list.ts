import { Command } from 'commander';
import { listApps, type AppJson } from '../api/marathon.js';
import { marathonService, withExamples, withJson, withMarathon, type Context } from '../context.js';
import { number } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

interface Options {
  readonly marathon: string;
  readonly json?: boolean;
}

export function appListCommand({ output }: Context): Command {
  const command = withMarathon(withJson(new Command('list').description('list the apps')));
  withExamples(command, [
    ['proffer app list', 'apps, instances, health'],
    [`proffer app list --json | jq '.[].id'`, 'their ids'],
  ]);
  return command.action(async (options: Options) => {
    const apps = await listApps(marathonService(options.marathon));
    if (options.json === true) writeJson(output, apps);
    else output.write(appsTable(apps, output.width));
  });
}

/** One line for each app. */
export function appsTable(apps: readonly AppJson[], width: number): string {
  const rows = apps.map((app) => [
    app.id,
    `${app.tasksRunning ?? 0}/${app.instances}`,
    (app.healthChecks ?? []).length === 0 ? '-' : `${app.tasksHealthy ?? 0}/${app.instances}`,
    (app.deployments ?? []).length === 0 ? '' : 'deploying',
    number(app.cpus),
    number(app.mem),
    app.cmd ?? (app.args ?? []).join(' '),
  ]);
  return table(['APP', 'RUNNING', 'HEALTHY', '', 'CPUS', 'MEM MiB', 'COMMAND'], rows, width, 'no apps');
}
