import { Command } from 'commander';
import { readState, type ResourcesJson, type StateJson } from '../api/master.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { age, number, plural, shortState } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
}

/** The cluster in a few figures. */
export interface Status {
  readonly masterId: string;
  readonly version: string;
  readonly endpoint: string;
  readonly startedAt: string;
  readonly agents: Readonly<Record<string, number>>;
  readonly frameworks: Readonly<Record<string, number>>;
  readonly tasks: Readonly<Record<string, number>>;
  readonly offers: number;
  readonly resources: Readonly<Record<'cpus' | 'mem' | 'disk' | 'gpus', { readonly used: number; readonly offered: number; readonly total: number }>>;
}

export function statusCommand({ output, now }: Context): Command {
  const command = withMaster(withJson(new Command('status').description('show the cluster in a few lines')));
  withExamples(command, [
    ['proffer status', 'agents, frameworks, tasks, resources'],
    ['PROFFER_MASTER=http://10.0.0.1:5050 proffer status', 'of another cluster'],
  ]);
  return command.action(async (options: Options) => {
    const status = statusOf(await readState(masterService(options.master)));
    if (options.json === true) writeJson(output, status);
    else output.write(statusText(status, options.master, output.width, now()));
  });
}

export function statusOf(state: StateJson): Status {
  const resources = (name: keyof Status['resources']): Status['resources'][typeof name] => {
    const sum = (of: (agent: StateJson['agents'][number]) => ResourcesJson): number =>
      state.agents.reduce((total, agent) => total + of(agent)[name], 0);
    return { used: sum((agent) => agent.used), offered: sum((agent) => agent.offered), total: sum((agent) => agent.resources) };
  };
  return {
    masterId: state.masterId,
    version: state.version,
    endpoint: state.endpoint,
    startedAt: state.startedAt,
    agents: countStates(state.agents),
    frameworks: countStates(state.frameworks),
    tasks: countStates(state.tasks),
    offers: state.offers.length,
    resources: { cpus: resources('cpus'), mem: resources('mem'), disk: resources('disk'), gpus: resources('gpus') },
  };
}

export function statusText(status: Status, url: string, width: number, now: number): string {
  const lines = [
    `master      ${url}, ${status.endpoint}, up for ${age(Date.parse(status.startedAt), now)}, version ${status.version}`,
    `agents      ${counted(status.agents)}`,
    `frameworks  ${counted(status.frameworks)}`,
    `tasks       ${counted(status.tasks)}`,
    `offers      ${plural(status.offers, 'outstanding offer')}`,
  ];
  const units = { cpus: 'cpus', mem: 'mem MiB', disk: 'disk MiB', gpus: 'gpus' } as const;
  const rows = Object.entries(status.resources)
    .filter(([, { total }]) => total > 0)
    .map(([name, { used, offered, total }]) => [units[name as keyof typeof units], number(used), number(offered), number(total)]);
  return `${lines.join('\n')}\n\n${table(['RESOURCE', 'USED', 'OFFERED', 'TOTAL'], rows, width, 'no resources: no agent is registered')}`;
}

function countStates(things: readonly { readonly state: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of things) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function counted(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${shortState(state)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}
