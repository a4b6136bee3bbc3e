import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions, Metric } from '../types.js';
import { metric } from '../metric.js';
import { programInside } from '../programs.js';
import { OneAgent } from './one-agent.js';
import type { Workplace } from './workplace.js';

/** So many containers are on their way up or down at once. */
const AT_ONCE = 16;

/** One agent with its core, store and containerizer: how soon a task runs, and how many tasks a second it gets through. */
export async function measureAgent(workplace: Workplace, { quick, sizes, progress }: BenchOptions): Promise<Metric[]> {
  const command = { shell: false, value: await programInside('true'), arguments: ['true'] } as const;
  const workDir = join(workplace.path, 'agent');
  mkdirSync(workDir);
  const agent = await OneAgent.start(workDir);
  try {
    progress('one agent, one task at a time');
    const latencies: number[] = [];
    const single = quick ? 30 : 150;
    for (let i = -10; i < single; i++) {
      const task = agent.launch(`single-${i}`, command);
      const running = await task.running;
      await task.ended;
      if (i >= 0) latencies.push(running);
    }
    progress('one agent, many tasks');
    const rates: number[] = [];
    const count = sizes['containers'] ?? (quick ? 200 : 600);
    for (let round = -1; round < (quick ? 2 : 5); round++) {
      const rate = await throughput(agent, round, count, command);
      if (round >= 0) rates.push(rate);
    }
    return [
      metric('agent_to_running_p50_ms', 'ms', latencies, { max: 5 }),
      metric('containers_per_second', '1/s', rates, { min: 300 }),
    ];
  } finally {
    await agent.close();
  }
}

async function throughput(agent: OneAgent, round: number, count: number, command: Parameters<OneAgent['launch']>[1]): Promise<number> {
  const begin = performance.now();
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) await agent.launch(`many-${round}-${started++}`, command).ended;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (count * 1000) / (performance.now() - begin);
}
