import type { AppJson } from '../api/marathon.js';
import type { StateJson } from '../api/master.js';
import { number, shortState } from '../output/format.js';
import { table } from '../output/table.js';

/** Something that tasks here go without. */
export interface Missing {
  readonly feature: string;
  readonly reason: string;
  readonly remedy: string;
}

/** What `proffer up` says once everything runs; with `--json` just this. */
export interface Summary {
  readonly workDir: string;
  readonly master: string;
  readonly endpoint: string;
  readonly marathon: string;
  readonly agents: readonly { readonly name: string; readonly url: string; readonly cpus: number; readonly mem: number }[];
  readonly tasks: readonly { readonly app: string; readonly taskId: string; readonly urls: readonly string[]; readonly state: string }[];
  readonly notIsolated: readonly Missing[];
}

export interface SummaryParts extends Pick<Summary, 'workDir' | 'master' | 'endpoint' | 'marathon' | 'notIsolated'> {
  readonly agentAddresses: readonly string[];
  readonly state: StateJson;
  readonly apps: readonly AppJson[];
}

export function summarize({ agentAddresses, state, apps, workDir, master, endpoint, marathon, notIsolated }: SummaryParts): Summary {
  const agents = agentAddresses.map((address, i) => {
    const found = state.agents.find(({ httpAddress }) => httpAddress === address);
    return { name: `agent-${i + 1}`, url: `http://${address}`, cpus: found?.resources.cpus ?? 0, mem: found?.resources.mem ?? 0 };
  });
  const tasks = apps.flatMap((app) =>
    (app.tasks ?? []).map((task) => ({
      app: app.id,
      taskId: task.id,
      urls: task.ports.map((port) => `http://${task.host}:${port}`),
      state: describeState(task.state, task.healthCheckResults),
    })),
  );
  return { workDir, master, endpoint, marathon, agents, tasks, notIsolated };
}

export function summaryText(summary: Summary, width: number): string {
  const parts = [
    ['master', summary.master, summary.endpoint],
    ...summary.agents.map(({ name, url, cpus, mem }) => [name, url, `${number(cpus)} cpus, ${number(mem)} MiB`]),
    ['marathon', summary.marathon, ''],
  ];
  const blocks = [`Proffer is up. Its state is in ${summary.workDir}; Ctrl-C stops it and its tasks.\n`, table(['PART', 'ADDRESS', ''], parts, width, '')];
  if (summary.tasks.length > 0) {
    const rows = summary.tasks.map(({ app, taskId, urls, state }) => [app, urls.join(' '), state, taskId]);
    blocks.push(table(['APP', 'ADDRESS', 'STATE', 'TASK'], rows, width, ''));
  }
  blocks.push(`Try next:\n${suggestions(summary).map((line) => `  ${line}\n`).join('')}`);
  if (summary.notIsolated.length > 0) {
    const lines = summary.notIsolated.map(({ feature, reason, remedy }) => `  ${feature}: ${reason} (${remedy})\n`);
    blocks.push(`Not isolated here:\n${lines.join('')}`);
  }
  return blocks.join('\n');
}

/** Three commands that work as they stand. */
function suggestions(summary: Summary): string[] {
  const task = summary.tasks[0];
  const url = task?.urls[0];
  const master = summary.master === 'http://127.0.0.1:5050' ? '' : ` --master ${summary.master}`;
  const marathon = summary.marathon === 'http://127.0.0.1:8080' ? '' : ` --marathon ${summary.marathon}`;
  if (task === undefined || url === undefined) {
    return [`npx proffer status${master}`, `npx proffer app deploy${marathon} examples/hello/app.json`, `curl ${summary.master}/state`];
  }
  return [`curl ${url}`, `npx proffer app scale${marathon} ${task.app.slice(1)} 5`, `npx proffer tasks${master}`];
}

function describeState(state: string, checks: readonly { readonly alive: boolean }[] = []): string {
  if (checks.length === 0) return shortState(state);
  return `${shortState(state)}, ${checks.every(({ alive }) => alive) ? 'healthy' : 'unhealthy'}`;
}
