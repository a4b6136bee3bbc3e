import { execFileSync } from 'node:child_process';
import { probe } from '@proffer/isolator-native';
import { Command } from 'commander';
import { lookInside, type LookInside } from '../check/container.js';
import { compare, parseFacts, SCRIPT, type Comparison } from '../check/facts.js';
import { featuresOf, type Feature } from '../check/features.js';
import { withExamples, withJson, type Context } from '../context.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

/** What `proffer check isolation --json` prints. */
export interface IsolationReport extends Pick<LookInside, 'mode' | 'withheld'> {
  readonly comparison: readonly Comparison[];
  readonly features: readonly Feature[];
}

export function checkCommand(context: Context): Command {
  const command = new Command('check').description('look at what this machine can do');
  command.addCommand(isolationCommand(context));
  return command;
}

function isolationCommand({ output }: Context): Command {
  const command = withJson(new Command('isolation').description('compare this machine with the inside of a container, and say what it cannot isolate'));
  withExamples(command, [
    ['proffer check isolation', 'host beside container, and every feature with its remedy'],
    [`proffer check isolation --json | jq '.features[] | select(.available | not)'`, 'what is missing'],
  ]);
  return command.action(async ({ json }: { readonly json?: boolean }) => {
    const report = await isolationReport();
    if (json === true) writeJson(output, report);
    else output.write(reportText(report, output.width));
  });
}

async function isolationReport(): Promise<IsolationReport> {
  const host = parseFacts(execFileSync('/bin/sh', ['-c', SCRIPT], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const { output, mode, missing, withheld } = await lookInside(SCRIPT);
  return { mode, comparison: compare(host, parseFacts(output)), features: featuresOf(probe(), missing), withheld };
}

/** As tables, for people. */
export function reportText({ mode, comparison, features, withheld }: IsolationReport, width: number): string {
  const rows = comparison.map(({ name, command, host, container, own }) => [name, command, host, container, own ? 'yes' : 'no']);
  const can = features.map(({ feature, available, reason, remedy }) => [feature, available ? 'yes' : 'no', reason ?? '', remedy ?? '']);
  const refused = withheld.map(({ wish, reason }) => `not asked of the container in the end: ${wish} (${reason})\n`);
  return [
    `isolation of containers here: ${mode}\n`,
    table(['WHAT', 'COMMAND', 'HOST', 'CONTAINER', 'ITS OWN'], rows, width, 'nothing to compare'),
    table(['FEATURE', 'HERE', 'WHY NOT', 'REMEDY'], can, width, 'no features'),
    ...(refused.length === 0 ? [] : [refused.join('')]),
  ].join('\n');
}
