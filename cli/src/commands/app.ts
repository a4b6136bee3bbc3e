import { Command } from 'commander';
import { withExamples, type Context } from '../context.js';
import { appDeployCommand } from './app-deploy.js';
import { appListCommand } from './app-list.js';
import { appRemoveCommand } from './app-remove.js';
import { appRestartCommand } from './app-restart.js';
import { appScaleCommand } from './app-scale.js';

export function appCommand(context: Context): Command {
  const command = new Command('app').description('long-lived apps of the Marathon-style framework');
  for (const make of [appDeployCommand, appListCommand, appScaleCommand, appRestartCommand, appRemoveCommand]) {
    command.addCommand(make(context));
  }
  return withExamples(command, [
    ['proffer app deploy app.json', 'create or change an app'],
    ['proffer app list', 'apps, instances, health'],
    ['proffer app scale hello 5', 'five instances'],
  ]);
}
