import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metric } from '../metric.js';
import { programInside } from '../programs.js';
import type { BenchOptions, Metric } from '../types.js';
import { OneAgent } from './one-agent.js';
import type { Workplace } from './workplace.js';

/** Memory of ours with many containers at once: what the launchers' processes use, and what the agent grew by, for each. */
export async function measureMemory(workplace: Workplace, { quick, progress }: BenchOptions): Promise<Metric> {
  const count = quick ? 50 : 500;
  progress(`one agent, ${count} tasks at once`);
  const command = { shell: false, value: await programInside('wait'), arguments: ['wait'] } as const;
  const workDir = join(workplace.path, 'crowded');
  mkdirSync(workDir);
  const agent = await OneAgent.start(workDir);
  const names = Array.from({ length: count }, (_, i) => `waits-${i}`);
  try {
    const before = proportionalKib(process.pid);
    const others = new Set(launcherPids());
    const tasks = names.map((name) => agent.launch(name, command));
    await Promise.all(tasks.map(({ running }) => running));
    const launchers = launcherPids().filter((pid) => !others.has(pid)).reduce((sum, pid) => sum + proportionalKib(pid), 0);
    const own = launchers + proportionalKib(process.pid) - before;
    for (const name of names) agent.kill(name);
    await Promise.all(tasks.map(({ ended }) => ended));
    return metric('own_memory_per_container_kib', 'KiB', [own / count], { max: 1024 });
  } finally {
    await agent.close();
  }
}

/** Monitors and inits: they call themselves so. */
function launcherPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && /^proffer-(launcher|init|exec):/.test(read(`/proc/${name}/cmdline`)))
    .map(Number);
}

/** Memory of its own, and its part of what it shares. */
function proportionalKib(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
