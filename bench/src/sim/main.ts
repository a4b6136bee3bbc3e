/** `npm run sim -- [--seed N] [--seeds N] [--from N]`: one run, told line by line, or many, told if they fail. */
import { simulate } from './simulate.js';

const flags = parse(process.argv.slice(2));
if (typeof flags === 'string') {
  process.stderr.write(`${flags}\n`);
  process.exitCode = 2;
} else if (flags.seed !== undefined) {
  const { violations, steps, launches } = simulate(flags.seed, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`seed ${flags.seed}: ${steps} steps, ${launches} launches, ${violations.length} promises broken\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
} else {
  runMany(flags.from ?? 1, flags.seeds ?? 200);
}

function runMany(from: number, count: number): void {
  let broken = 0;
  let steps = 0;
  const began = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const result = simulate(seed);
    steps += result.steps;
    if (result.violations.length === 0) continue;
    broken++;
    process.stdout.write(`seed ${seed}: ${result.violations[0]}\n`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${count} seeds, ${steps} steps in ${seconds} s: ${broken} broke a promise\n`);
  if (broken > 0) process.stdout.write('replay one with: npm run sim -- --seed N\n');
  process.exitCode = broken === 0 ? 0 : 1;
}

function parse(args: readonly string[]): Partial<Record<'seed' | 'seeds' | 'from', number>> | string {
  const parsed: Partial<Record<'seed' | 'seeds' | 'from', number>> = {};
  for (let i = 0; i < args.length; i += 2) {
    const name = /^--(seed|seeds|from)$/.exec(args[i]!)?.[1] as 'seed' | 'seeds' | 'from' | undefined;
    const value = Number(args[i + 1]);
    if (name === undefined) return `unknown flag "${args[i]}"; there are --seed N, --seeds N and --from N`;
    if (!Number.isSafeInteger(value) || value < 0) return `${args[i]} takes a whole number, got "${args[i + 1] ?? ''}"`;
    parsed[name] = value;
  }
  return parsed;
}
