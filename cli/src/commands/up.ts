import { resolve } from 'node:path';
import process from 'node:process';
import { formatRanges, type Ranges } from '@proffer/sdk/model';
import type { LogLevel } from '@proffer/sdk/service';
import { Command } from 'commander';
import { withExamples, withJson, type Context } from '../context.js';
import { CliError } from '../errors.js';
import { logLevel, port, ranges, whole } from '../parse.js';
import { resourcesFlag, shareMachine } from '../up/share-machine.js';
import { stopSignal } from '../up/signals.js';
import { up } from '../up/up.js';
import { defaultWorkDir } from '../up/work-dir.js';

interface Options {
  readonly agents: number;
  readonly example: boolean;
  readonly workDir: string;
  readonly host: string;
  readonly insecure?: boolean;
  readonly masterPort: number;
  readonly zmqPort: number;
  readonly agentPort: number;
  readonly marathonPort: number;
  readonly taskPorts?: Ranges;
  readonly logLevel: LogLevel;
  readonly json?: boolean;
}

/** More agents than this on one machine have nothing left to offer each. */
const AGENTS_MAX = 32;

export function upCommand({ output }: Context): Command {
  const command = withJson(new Command('up').description('run a whole cluster on this machine: a master, agents, Marathon and an example app'))
    .option('--agents <count>', 'agents that share the machine between them', whole(1, AGENTS_MAX), 1)
    .option('--no-example', 'do not deploy examples/hello')
    .option('--work-dir <directory>', 'where state is kept', defaultWorkDir(process.env, process.getuid?.() ?? 0))
    .option('--host <address>', 'address that everything listens on', '127.0.0.1')
    .option('--insecure', 'allow an address that other machines reach, though nothing asks who is calling')
    .option('--master-port <port>', 'HTTP port of the master', port, 5050)
    .option('--zmq-port <port>', 'port of the master for agents and frameworks', port, 5060)
    .option('--agent-port <port>', 'HTTP port of the first agent; the others follow', port, 5051)
    .option('--marathon-port <port>', 'port of the Marathon API', port, 8080)
    .option('--task-ports <ranges>', 'ports for tasks, like 31000-31100; 31000-32000 where absent', ranges)
    .option('--log-level <level>', "least important messages in the parts' logs", logLevel, 'info');
  withExamples(command, [
    ['proffer up', 'everything, on the default ports; Ctrl-C stops it'],
    ['proffer up --agents 3 --no-example', 'three agents, no app'],
    ['proffer up --work-dir /tmp/try --marathon-port 8081', 'beside another program on port 8080'],
  ]);
  return command.action(async (options: Options) => {
    const { agents, agentPort } = options;
    await refuseWideHost(options.host, options.insecure === true);
    if (agentPort > 0 && agentPort + agents - 1 > 65535) {
      throw new CliError(`--agent-port ${agentPort} leaves no room for ${agents} agents`, { exitCode: 2 });
    }
    const workDir = resolve(options.workDir);
    const agentResources = await resourcesOfAgents(agents, options.taskPorts);
    await up({ ...options, workDir, agentResources, insecure: options.insecure === true, json: options.json === true }, output, stopSignal());
  });
}

/** Asked here, before anything is made: the parts would each refuse it in their own log. */
async function refuseWideHost(host: string, insecure: boolean): Promise<void> {
  const { checkBind } = await import('@proffer/sdk/service');
  try {
    checkBind(host, insecure);
  } catch (error) {
    throw new CliError(`--host: ${(error as Error).message}`, { exitCode: 2 });
  }
}

/** What each agent offers, as its flag takes it: a single one finds out itself what is not said. */
async function resourcesOfAgents(agents: number, taskPorts: Ranges | undefined): Promise<string[]> {
  if (agents === 1) return taskPorts === undefined ? [] : [`ports:${formatRanges(taskPorts)}`];
  const { detectResources } = await import('@proffer/agent');
  const machine = await detectResources('/');
  return shareMachine({ ...machine, ports: taskPorts ?? machine.ports }, agents).map(resourcesFlag);
}
