import { join } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { withExamples } from '../context.js';
import { endpoint } from '../parse.js';
import { serve, withServiceFlags, type ServiceFlags } from '../service-process.js';
import { defaultWorkDir } from '../up/work-dir.js';
import { VERSION } from '../version.js';

interface Options extends ServiceFlags {
  readonly master: string;
}

const DEFAULT_MARATHON_PORT = 8080;

export function marathonCommand(): Command {
  const workDir = join(defaultWorkDir(process.env, process.getuid?.() ?? 0), 'marathon');
  const command = withServiceFlags(new Command('marathon').description('run the Marathon-style framework for long-lived apps'), {
    httpPort: DEFAULT_MARATHON_PORT,
    workDir,
  }).option('--master <endpoint>', 'where the master listens for frameworks', endpoint, 'tcp://127.0.0.1:5060');
  withExamples(command, [['proffer marathon', 'its API is on http://127.0.0.1:8080/v2/apps']]);
  return command.action(async (options: Options) => {
    const { startMarathon } = await import('@proffer/marathon');
    await serve('marathon', options, (log) =>
      startMarathon({
        log,
        master: options.master,
        workDir: options.workDir,
        http: { host: options.host, port: options.httpPort },
        version: VERSION,
        insecure: options.insecure === true,
      }),
    );
  });
}
