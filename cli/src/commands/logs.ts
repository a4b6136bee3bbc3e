import { Command } from 'commander';
import { findTask } from '../api/find-task.js';
import { readState, type StateJson, type TaskJson } from '../api/master.js';
import { refusedBody, requestRaw, type Service } from '../api/request.js';
import { masterService, withExamples, withJson, withMaster, type Context } from '../context.js';
import { CliError } from '../errors.js';
import type { Output } from '../output/output.js';
import { whole } from '../parse.js';
import { selectTasks } from './tasks.js';

interface Options {
  readonly master: string;
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly stderr?: boolean;
  readonly bytes?: number;
  readonly framework?: string;
}

export function logsCommand({ output }: Context): Command {
  const command = withMaster(withJson(new Command('logs').description("print a task's output")))
    .argument('<task>', 'id of the task, or a beginning of it that no other task has')
    .option('-f, --follow', 'go on until the task ends')
    .option('--stderr', 'standard error instead of standard output')
    .option('-c, --bytes <count>', 'only the last bytes', whole(0, Number.MAX_SAFE_INTEGER))
    .option('--framework <id|name>', 'the framework, where several have a task of this id');
  withExamples(command, [
    ['proffer logs hello', 'the only task whose id begins with "hello"'],
    ['proffer logs -f -c 2000 hello.a1', 'the last 2000 bytes, and what comes'],
    ['proffer logs --stderr --json hello.a1', 'one JSON object per line of output'],
  ]);
  return command.action(async (prefix: string, options: Options) => {
    const state = await readState(masterService(options.master));
    const task = findTask(selectTasks(state, { ...options, all: true }), prefix);
    const stream = options.stderr === true ? 'stderr' : 'stdout';
    const write = options.json === true ? jsonLines(output, task.taskId, stream) : (text: string, _last: boolean) => output.write(text);
    await printOutput(agentOf(state, task), task, stream, options, write);
  });
}

async function printOutput(
  agent: Service,
  task: TaskJson,
  stream: string,
  options: Options,
  write: (text: string, last: boolean) => void,
): Promise<void> {
  const query = new URLSearchParams({ path: stream });
  if (options.bytes !== undefined) query.set('offset', String(-options.bytes));
  if (options.follow === true) query.set('follow', 'true');
  const path = `/frameworks/${encodeURIComponent(task.frameworkId)}/tasks/${encodeURIComponent(task.taskId)}/files/content?${query.toString()}`;
  const response = await requestRaw(agent, 'GET', path, undefined, { stream: options.follow === true });
  if (response.statusCode >= 400) throw await refusedBody(agent, response);
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body) write(decoder.decode(chunk as Uint8Array, { stream: true }), false);
  } catch (error) {
    throw new CliError(`the output of ${task.taskId} broke off: ${(error as Error).message}`, { hint: 'call "proffer logs" again; the agent may have been restarted', cause: error });
  }
  write(decoder.decode(), true);
}

/** One JSON object for each line; the last one may lack its end. */
export function jsonLines(output: Output, taskId: string, stream: string): (text: string, last: boolean) => void {
  let rest = '';
  return (text, last) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (last && rest !== '') lines.push(rest);
    for (const line of lines) output.write(`${JSON.stringify({ taskId, stream, line })}\n`);
  };
}

function agentOf(state: StateJson, task: TaskJson): Service {
  const agent = state.agents.find(({ agentId }) => agentId === task.agentId);
  if (agent === undefined) {
    throw new CliError(`the master does not know agent ${task.agentId}, where ${task.taskId} is`, { hint: '"proffer agents" lists the agents that are there' });
  }
  return { name: 'agent', url: `http://${agent.httpAddress}`, hint: `agent ${agent.agentId} on ${agent.hostname} is ${agent.state}: look at its log` };
}
