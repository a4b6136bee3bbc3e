import { join } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { withExamples } from '../context.js';
import { port, weights } from '../parse.js';
import { serve, withServiceFlags, type ServiceFlags } from '../service-process.js';
import { defaultWorkDir } from '../up/work-dir.js';

const DEFAULT_HTTP_PORT = 5050;
const DEFAULT_ZMQ_PORT = 5060;

interface Options extends ServiceFlags {
  readonly zmqPort: number;
  readonly weights?: Readonly<Record<string, number>>;
}

export function masterCommand(): Command {
  const workDir = join(defaultWorkDir(process.env, process.getuid?.() ?? 0), 'master');
  const command = withServiceFlags(new Command('master').description('run a master'), { httpPort: DEFAULT_HTTP_PORT, workDir })
    .option('--zmq-port <port>', 'port for agents and frameworks, 0 for any free one', port, DEFAULT_ZMQ_PORT)
    .option('--weights <role=weight,...>', 'shares of roles, where they are not 1', weights);
  withExamples(command, [
    ['proffer master', 'on 127.0.0.1:5050 (HTTP) and :5060 (agents and frameworks)'],
    ['proffer master --weights batch=0.5,web=2', 'web gets four times the share of batch'],
  ]);
  return command.action(async (options: Options) => {
    // Loaded only here: the commands that ask a cluster must not load its parts.
    const { startMaster } = await import('@proffer/master');
    await serve('master', options, (log) =>
      startMaster({
        log,
        workDir: options.workDir,
        host: options.host,
        httpPort: options.httpPort,
        zmqPort: options.zmqPort,
        insecure: options.insecure === true,
        ...(options.weights === undefined ? {} : { core: { weights: options.weights } }),
      }),
    );
  });
}
