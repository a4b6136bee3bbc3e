/** `npm run bench -- NAME [--json] [--quick] [--SIZE n]`: runs one benchmark and prints its figures. */
import { containerStart } from './container-start.js';
import { core } from './core.js';
import { describeMachine, type Machine } from './machine.js';
import { overhead } from './overhead.js';
import type { Benchmark, Metric } from './types.js';
import { wire } from './wire.js';

class UsageError extends Error {}

const BENCHMARKS: readonly Benchmark[] = [core, wire, containerStart, overhead];

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}


async function main(args: readonly string[]): Promise<void> {
  const [name, ...flags] = args;
  if (name === undefined || name === '--help') {
    process.stdout.write(usage());
    return;
  }
  const benchmark = BENCHMARKS.find((candidate) => candidate.name === name);
  if (benchmark === undefined) throw new UsageError(`there is no benchmark "${name}"; there are: ${BENCHMARKS.map((b) => b.name).join(', ')}`);
  const { json, quick, sizes } = parseFlags(benchmark, flags);
  const machine = describeMachine();
  const metrics = await benchmark.run({ quick, sizes, progress: (text) => process.stderr.write(`${text}\n`) });
  process.stdout.write(json ? `${JSON.stringify({ bench: name, machine, metrics })}\n` : table(name, machine, metrics));
}

function parseFlags(benchmark: Benchmark, flags: readonly string[]): { json: boolean; quick: boolean; sizes: Record<string, number> } {
  const parsed = { json: false, quick: false, sizes: {} as Record<string, number> };
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i]!;
    if (flag === '--json') parsed.json = true;
    else if (flag === '--quick') parsed.quick = true;
    else if (benchmark.sizes.includes(flag.slice(2)) && flag.startsWith('--')) {
      const value = Number(flags[++i]);
      if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${flag} takes a whole number above 0, got "${flags[i] ?? ''}"`);
      parsed.sizes[flag.slice(2)] = value;
    } else {
      const known = ['--json', '--quick', ...benchmark.sizes.map((size) => `--${size} N`)];
      throw new UsageError(`"${benchmark.name}" takes ${known.join(', ')}; got "${flag}"`);
    }
  }
  return parsed;
}

function usage(): string {
  const lines = BENCHMARKS.map(({ name, description, sizes }) => {
    const flags = sizes.map((size) => ` [--${size} N]`).join('');
    return `  ${name.padEnd(18)}${description}${flags}`;
  });
  return `npm run bench -- NAME [--json] [--quick]\n\n${lines.join('\n')}\n`;
}

function table(name: string, machine: Machine, metrics: readonly Metric[]): string {
  const head =
    `${name}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, Linux ${machine.kernel}, ` +
    `Node ${machine.node}, load ${machine.load}`;
  const rows = metrics.map((m) => {
    const goal = m.goal === undefined ? '' : 'min' in m.goal ? `goal >= ${m.goal.min}` : `goal <= ${m.goal.max}`;
    const met = m.met === undefined ? '' : m.met ? 'met' : 'not met';
    const interval = m.interval === undefined ? '' : ` (95 %: ${m.interval.map((end) => end.toPrecision(4)).join(' to ')})`;
    return [m.name, `${m.value}${interval}`, m.unit, `${m.min} to ${m.max}`, `${m.runs} runs`, goal, met];
  });
  const widths = rows.reduce<number[]>((max, row) => row.map((cell, i) => Math.max(max[i] ?? 0, cell.length)), []);
  const lines = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ').trimEnd());
  return `${head}\n${lines.join('\n')}\n`;
}
