import { join, resolve } from 'node:path';
import process from 'node:process';
import { createLogger } from '@proffer/sdk/service';
import { Command } from 'commander';
import { withExamples } from '../context.js';
import { attributes, endpoint, resources } from '../parse.js';
import { endWithParent, withServiceFlags, type ServiceFlags } from '../service-process.js';
import { defaultWorkDir } from '../up/work-dir.js';
import { VERSION } from '../version.js';

interface Options extends ServiceFlags {
  readonly master: string;
  readonly resources?: string;
  readonly attributes?: string;
  readonly hostname?: string;
  readonly publicDirectory: readonly string[];
}

const DEFAULT_AGENT_PORT = 5051;

export function agentCommand(): Command {
  const workDir = join(defaultWorkDir(process.env, process.getuid?.() ?? 0), 'agent');
  const command = withServiceFlags(new Command('agent').description('run an agent: it offers what this machine has and runs tasks'), {
    httpPort: DEFAULT_AGENT_PORT,
    workDir,
  })
    .option('--master <endpoint>', 'where the master listens for agents', endpoint, 'tcp://127.0.0.1:5060')
    .option('--resources <text>', 'what to offer, like "cpus:2;mem:1024;ports:[31000-31100]"; found out where absent', checked(resources))
    .option('--attributes <text>', 'what to say of the machine, like "rack:r1;zone:a"', checked(attributes))
    .option('--hostname <name>', 'how others reach tasks here')
    .option('--public-directory <path>', 'every task may fetch what is in it; may be given several times', collect, []);
  withExamples(command, [
    ['proffer agent', 'offer this machine to the master on it'],
    ['proffer agent --resources "cpus:2;mem:2048" --attributes rack:r1', 'a part of it, with an attribute for constraints'],
  ]);
  return command.action(async (options: Options) => {
    const { master, resources: offered, attributes: said, hostname } = options;
    // Loaded only here: the commands that ask a cluster must not load its parts.
    const { runAgent } = await import('@proffer/agent');
    endWithParent(options);
    await runAgent({
      log: createLogger({ name: 'agent', level: options.logLevel }),
      version: VERSION,
      master,
      workDir: options.workDir,
      httpHost: options.host,
      httpPort: options.httpPort,
      insecure: options.insecure === true,
      containers: { fetcher: { publicDirectories: options.publicDirectory } },
      ...(offered === undefined ? {} : { resources: offered }),
      ...(said === undefined ? {} : { attributes: said }),
      ...(hostname === undefined ? {} : { hostname }),
    });
  });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, resolve(value)];
}

/** The text as it is, once it can be read. */
function checked(read: (text: string) => unknown): (text: string) => string {
  return (text) => {
    read(text);
    return text;
  };
}
