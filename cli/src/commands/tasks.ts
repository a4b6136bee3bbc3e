import { Command } from 'commander';
import { readState, type StateJson, type TaskJson } from '../api/master.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { age, number, shortState } from '../output/format.js';
import { writeJson } from '../output/output.js';
import { table } from '../output/table.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly framework?: string;
  readonly agent?: string;
}

export function tasksCommand({ output, now }: Context): Command {
  const command = withMaster(withJson(new Command('tasks').description('list tasks')))
    .option('-a, --all', 'ended tasks too, as far as the master remembers them')
    .option('--framework <id|name>', 'only tasks of this framework')
    .option('--agent <id|host>', 'only tasks on this agent');
  withExamples(command, [
    ['proffer tasks', 'what runs now'],
    ['proffer tasks --all --framework marathon', 'everything of Marathon, ended tasks with their reasons'],
    ['proffer tasks --json', 'every field, the process ids among them'],
  ]);
  return command.action(async (options: Options) => {
    const state = await readState(masterService(options.master));
    const tasks = selectTasks(state, options);
    if (options.json === true) writeJson(output, tasks);
    else output.write(tasksTable(state, tasks, output.width, now()));
  });
}

/** The tasks that the flags ask for. */
export function selectTasks(state: StateJson, options: Pick<Options, 'all' | 'framework' | 'agent'>): readonly TaskJson[] {
  const frameworks = state.frameworks.filter(({ frameworkId, name }) => options.framework === frameworkId || options.framework === name);
  const agents = state.agents.filter(({ agentId, hostname }) => options.agent === agentId || options.agent === hostname);
  return state.tasks.filter(
    (task) =>
      (options.all === true || !task.completed) &&
      (options.framework === undefined || frameworks.some(({ frameworkId }) => frameworkId === task.frameworkId)) &&
      (options.agent === undefined || agents.some(({ agentId }) => agentId === task.agentId)),
  );
}

/** One line for each task. */
export function tasksTable(state: StateJson, tasks: readonly TaskJson[], width: number, now: number): string {
  const hosts = new Map(state.agents.map(({ agentId, hostname }) => [agentId, hostname]));
  const frameworks = new Map(state.frameworks.map(({ frameworkId, name }) => [frameworkId, name]));
  const rows = tasks.map((task) => [
    task.taskId,
    frameworks.get(task.frameworkId) ?? task.frameworkId,
    shortState(task.state),
    health(task),
    hosts.get(task.agentId) ?? task.agentId,
    ports(task.resources.ports ?? ''),
    number(task.resources.cpus),
    number(task.resources.mem),
    age(Date.parse(task.launchedAt), now),
    task.status?.message ?? task.status?.reason ?? '',
  ]);
  return table(['TASK', 'FRAMEWORK', 'STATE', 'HEALTH', 'HOST', 'PORTS', 'CPUS', 'MEM MiB', 'AGE', 'MESSAGE'], rows, width, 'no tasks');
}

/** `[31000-31000,31005-31006]` as people write it: `31000,31005-31006`. */
function ports(ranges: string): string {
  return ranges.replaceAll(/[[\]]/g, '').replaceAll(/\b(\d+)-\1\b/g, '$1');
}

function health(task: TaskJson): string {
  const healthy = task.completed ? undefined : task.status?.healthy;
  return healthy === undefined ? '-' : healthy ? 'healthy' : 'unhealthy';
}
