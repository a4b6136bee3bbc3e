import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { StateJson } from './api/master.js';
import type { Output } from './output/output.js';
import { run } from './program.js';

export interface Asked {
  readonly line: string;
  readonly body: string;
}

/** One server that answers as master, Marathon and agent from a table of `METHOD /path` → answer, and remembers what it was asked. */
export async function fakeCluster(t: ExecutionContext, answers: Readonly<Record<string, unknown>>): Promise<{ readonly url: string; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const line = `${request.method} ${request.url}`;
      asked.push({ line, body });
      const answer = answers[line];
      if (typeof answer === 'string') response.end(answer);
      else if (answer === undefined) response.writeHead(404).end(JSON.stringify({ message: `there is nothing at ${request.url}` }));
      else if (answer instanceof Refusal) response.writeHead(answer.status).end(JSON.stringify(answer.body));
      else response.end(JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export class Refusal {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

/** Runs a command line and collects what it writes. */
export async function runCommand(args: readonly string[], width = Infinity): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const output: Output = { width, write: (text) => void (out += text), note: (text) => void (err += text) };
  const code = await run(args, { output, now: () => Date.parse('2026-01-01T00:01:00Z') });
  return { code, out, err };
}

const RESOURCES = { cpus: 4, mem: 4096, disk: 0, gpus: 0, ports: '[31000-32000]' };
const USED = { cpus: 0.5, mem: 128, disk: 0, gpus: 0, ports: '[31000-31000]' };

/** A master's `/state` with one agent and three tasks, two of which begin alike. */
export function stateOf(agentAddress: string): StateJson {
  const task = (taskId: string, state: string, completed: boolean): StateJson['tasks'][number] => ({
    taskId,
    frameworkId: 'f1',
    name: 'hello',
    agentId: 'a1',
    role: '*',
    state,
    launchedAt: '2026-01-01T00:00:00Z',
    completed,
    resources: USED,
    status: { healthy: true, containerStatus: { containerId: 'c1', pid: 7 } },
  });
  const times = { since: '2026-01-01T00:00:00Z', registeredAt: '2026-01-01T00:00:00Z' };
  return {
    masterId: '1-x',
    version: '0.1.0',
    endpoint: 'tcp://127.0.0.1:5060',
    startedAt: '2026-01-01T00:00:00Z',
    agents: [{ agentId: 'a1', hostname: 'host-1', httpAddress: agentAddress, state: 'registered', ...times, resources: RESOURCES, used: USED, offered: USED, attributes: { rack: 'r1' } }],
    frameworks: [{ frameworkId: 'f1', name: 'marathon', state: 'connected', roles: ['*'], registeredAt: times.registeredAt, used: USED }],
    tasks: [task('hello.aa1', 'TASK_RUNNING', false), task('hello.ab2', 'TASK_RUNNING', false), task('hello.ab1', 'TASK_FAILED', true)],
    offers: [],
    roles: [],
  };
}
