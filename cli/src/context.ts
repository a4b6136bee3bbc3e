import type { Command } from 'commander';
import { Option } from 'commander';
import type { Output } from './output/output.js';
import type { Service } from './api/request.js';
import { url } from './parse.js';

/** What commands are given: where they write, and the time for what they show. */
export interface Context {
  readonly output: Output;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const MASTER_URL = 'http://127.0.0.1:5050';
const MARATHON_URL = 'http://127.0.0.1:8080';

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, and nothing else, on standard output');
}

/** Adds `--master`. */
export function withMaster(command: Command): Command {
  return command.addOption(
    new Option('--master <url>', 'HTTP address of the master').env('PROFFER_MASTER').default(MASTER_URL).argParser(url),
  );
}

/** Adds `--marathon`. */
export function withMarathon(command: Command): Command {
  return command.addOption(
    new Option('--marathon <url>', 'HTTP address of the Marathon API').env('PROFFER_MARATHON').default(MARATHON_URL).argParser(url),
  );
}

/** The examples at the end of a command's help: each a command line and what it does. */
export function withExamples(command: Command, examples: readonly (readonly [line: string, what: string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}   # ${what}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export function masterService(url: string): Service {
  return { name: 'master', url, hint: 'start one with "npx proffer up", or name another with --master URL' };
}

export function marathonService(url: string): Service {
  return { name: 'marathon', url, hint: 'start one with "npx proffer up", or name another with --marathon URL' };
}
