import { Command } from 'commander';
import { readState, type StateJson } from '../api/master.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { ofTotal } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
}

export function agentsCommand({ output }: Context): Command {
  const command = withMaster(withJson(new Command('agents').description('list the agents and what of theirs is used')));
  withExamples(command, [
    ['proffer agents', 'each machine, used and total'],
    [`proffer agents --json | jq '.[].httpAddress'`, 'their HTTP addresses'],
  ]);
  return command.action(async (options: Options) => {
    const state = await readState(masterService(options.master));
    if (options.json === true) writeJson(output, state.agents);
    else output.write(agentsTable(state, output.width));
  });
}

/** One line for each agent. */
export function agentsTable(state: StateJson, width: number): string {
  const running = new Map<string, number>();
  for (const task of state.tasks) if (!task.completed) running.set(task.agentId, (running.get(task.agentId) ?? 0) + 1);
  const rows = state.agents.map((agent) => [
    agent.agentId,
    agent.hostname,
    agent.state,
    String(running.get(agent.agentId) ?? 0),
    ofTotal(agent.used.cpus, agent.resources.cpus),
    ofTotal(agent.used.mem, agent.resources.mem),
    ofTotal(agent.used.disk, agent.resources.disk),
    agent.httpAddress,
    Object.entries(agent.attributes).map(([name, value]) => `${name}:${value}`).join(';'),
  ]);
  return table(['AGENT', 'HOST', 'STATE', 'TASKS', 'CPUS', 'MEM MiB', 'DISK MiB', 'HTTP', 'ATTRIBUTES'], rows, width, 'no agents');
}
