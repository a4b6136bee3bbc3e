import { Command, CommanderError } from 'commander';
import { agentCommand } from './commands/agent.js';
import { agentsCommand } from './commands/agents.js';
import { appCommand } from './commands/app.js';
import { checkCommand } from './commands/check.js';
import { frameworksCommand } from './commands/frameworks.js';
import { killCommand } from './commands/kill.js';
import { logsCommand } from './commands/logs.js';
import { marathonCommand } from './commands/marathon.js';
import { masterCommand } from './commands/master.js';
import { statusCommand } from './commands/status.js';
import { tasksCommand } from './commands/tasks.js';
import { upCommand } from './commands/up.js';
import type { Context } from './context.js';
import { CliError, EXIT, type ExitCode } from './errors.js';
import { VERSION } from './version.js';

const COMMANDS = [
  upCommand,
  statusCommand,
  agentsCommand,
  frameworksCommand,
  tasksCommand,
  logsCommand,
  killCommand,
  appCommand,
  checkCommand,
  masterCommand,
  agentCommand,
  marathonCommand,
];

/** Runs one command line, without the program's name, and returns the exit code. Throws nothing. */
export async function run(args: readonly string[], context: Context): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
    return EXIT.OK;
  } catch (error) {
    return report(error, context);
  }
}

/** The whole command line, ready to parse. */
export function createProgram(context: Context): Command {
  const { output } = context;
  const program = new Command('proffer')
    .description('Shares a pool of machines between many schedulers.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => output.note(text),
      ...(Number.isFinite(output.width) ? { getOutHelpWidth: () => output.width, getErrHelpWidth: () => output.width } : {}),
    })
    .showHelpAfterError('(add --help for the flags and examples)')
    .addHelpText('after', `\n"proffer up" starts a cluster on this machine. "proffer COMMAND --help" shows each command's flags and examples.`);
  for (const make of COMMANDS) {
    const command = make(context);
    for (const one of [command, ...command.commands]) one.copyInheritedSettings(program);
    program.addCommand(command);
  }
  return program;
}

function report(error: unknown, { output }: Context): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  if (error instanceof CliError) {
    output.note(`proffer: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
    return error.exitCode;
  }
  output.note(`proffer: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.FAILED;
}
