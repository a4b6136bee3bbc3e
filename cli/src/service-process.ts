import process from 'node:process';
import { createLogger, runService, type Logger, type LogLevel, type RunningService } from '@proffer/sdk/service';
import { Option, type Command } from 'commander';
import { logLevel, port } from './parse.js';

/** Flags that every long-running part has. */
export interface ServiceFlags {
  readonly host: string;
  readonly httpPort: number;
  readonly workDir: string;
  readonly insecure?: boolean;
  readonly logLevel: LogLevel;
  readonly exitWithParent?: boolean;
}

export function withServiceFlags(command: Command, defaults: { readonly httpPort: number; readonly workDir: string }): Command {
  return command
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--http-port <port>', 'port of the HTTP API, 0 for any free one', port, defaults.httpPort)
    .option('--work-dir <directory>', 'where state is kept', defaults.workDir)
    .option('--insecure', 'allow an address that other machines reach, though nothing asks who is calling')
    .option('--log-level <level>', 'least important messages that are logged', logLevel, 'info')
    .addOption(new Option('--exit-with-parent', 'end when standard input ends').hideHelp());
}

/** Runs a part as this process until a signal ends it. */
export async function serve(name: string, flags: ServiceFlags, start: (log: Logger) => Promise<RunningService>): Promise<void> {
  const log = createLogger({ name, level: flags.logLevel });
  endWithParent(flags);
  await runService(() => start(log), { log });
}

/** With `exitWithParent` the end of standard input counts as the signal to end: whoever started us is gone. */
export function endWithParent(flags: Pick<ServiceFlags, 'exitWithParent'>): void {
  if (flags.exitWithParent !== true) return;
  const end = (): void => void process.kill(process.pid, 'SIGTERM');
  process.stdin.on('end', end).on('error', end).resume();
}
