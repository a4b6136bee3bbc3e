import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { metric, quantile } from './metric.js';
import type { Benchmark, BenchOptions, Metric } from './types.js';
import type { FromChild, RunSettings, ToChild } from './wire/parts.js';

type Sample = Extract<FromChild, { readonly type: 'sample' }>;

interface Run {
  readonly master: 'master' | 'skeleton';
  readonly agents: number;
  readonly window: number;
  readonly paceMs: number;
}

/** What a child may take to come up and connect all its sockets. */
const CHILD_MS_MAX = 60_000;

/** So many launches are under way at once: about what the measured skeletons of other wires had. */
const WINDOW = 4_000;

/** Launch round trips through a real master over ZeroMQ; the agents and the framework are simulated, in other processes. */
export const wire: Benchmark = {
  name: 'wire',
  description: 'launches a second through the master over ZeroMQ, and how long one takes',
  sizes: ['seconds', 'samples'],
  run: measure,
};

async function measure(options: BenchOptions): Promise<Metric[]> {
  const saturated = { window: WINDOW, paceMs: 0 };
  const small = await sample(options, { ...saturated, master: 'master', agents: 100 });
  const large = await sample(options, { ...saturated, master: 'master', agents: 1000 });
  const skeleton = await sample(options, { ...saturated, master: 'skeleton', agents: 100 });
  const paced = await sample(options, { master: 'master', agents: 100, window: 100, paceMs: 2 });
  return [
    metric('launches_per_second_100_agents', '1/s', rates(small), { min: 50_000 }),
    metric('launches_per_second_1000_agents', '1/s', rates(large), { min: 20_000 }),
    metric('noop_skeleton_per_second', '1/s', rates(skeleton)),
    metric('submit_to_running_p50_ms', 'ms', paced.map(({ latenciesMs }) => quantile(latenciesMs, 0.5))),
    metric('submit_to_running_p99_ms', 'ms', paced.map(({ latenciesMs }) => quantile(latenciesMs, 0.99))),
  ];
}

function rates(samples: readonly Sample[]): number[] {
  return samples.map(({ finished, seconds }) => finished / seconds);
}

/** One master with its peers, warmed up, then sampled several times. */
async function sample(options: BenchOptions, run: Run): Promise<Sample[]> {
  const { master, agents, window, paceMs } = run;
  options.progress(`${master}, ${agents} agents${paceMs > 0 ? `, one launch every ${paceMs} ms` : ''}`);
  const seconds = options.sizes['seconds'] ?? (options.quick ? 1 : 3);
  const samples = options.sizes['samples'] ?? (options.quick ? 2 : 5);
  const children: ChildProcess[] = [];
  try {
    const server = start(master, children, []);
    const { endpoint } = await answer(server, 'listening');
    const settings: RunSettings = { endpoint, agents, window, paceMs };
    const peers = start('agents', children);
    tell(peers, { type: 'start', settings });
    await answer(peers, 'ready');
    const framework = start('framework', children);
    tell(framework, { type: 'start', settings });
    await answer(framework, 'ready');
    await wait(seconds * 1000);
    const taken: Sample[] = [];
    for (let i = -1; i < samples; i++) {
      tell(framework, { type: 'sample' });
      const one = await answer(framework, 'sample');
      // The first one ends the warm-up.
      if (i >= 0) taken.push(one);
      if (i + 1 < samples) await wait(seconds * 1000);
    }
    return taken;
  } finally {
    await Promise.all(children.map(end));
  }
}

function start(name: 'master' | 'skeleton' | 'agents' | 'framework', children: ChildProcess[], execArgv = ['--max-semi-space-size=32']): ChildProcess {
  const child = fork(fileURLToPath(new URL(`./wire/${name}.js`, import.meta.url)), [], { execArgv, stdio: ['ignore', 2, 2, 'ipc'] });
  children.push(child);
  return child;
}

function tell(child: ChildProcess, message: ToChild): void {
  child.send(message);
}

async function answer<T extends FromChild['type']>(child: ChildProcess, type: T): Promise<Extract<FromChild, { readonly type: T }>> {
  const died = new AbortController();
  const onExit = (code: number | null): void => died.abort(new Error(`a process of the benchmark ended with ${code} before it said "${type}"`));
  child.once('exit', onExit);
  try {
    const signal = AbortSignal.any([died.signal, AbortSignal.timeout(CHILD_MS_MAX)]);
    const [message] = (await once(child, 'message', { signal })) as [FromChild];
    if (message.type !== type) throw new Error(`expected "${type}" from a process of the benchmark, got "${message.type}"`);
    return message as Extract<FromChild, { readonly type: T }>;
  } finally {
    child.off('exit', onExit);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.disconnect();
  await once(child, 'exit');
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
