import { probe } from '@proffer/isolator-native';
import { medianInterval } from './interval.js';
import { metric } from './metric.js';
import { Place } from './overhead/place.js';
import { takeTurns } from './overhead/turns.js';
import type { Benchmark, BenchOptions, Metric } from './types.js';

/** What must not be more than so much slower inside. Forks and page faults are charged to the cgroup: a cost without a goal. */
const WORKS: readonly { readonly name: string; readonly loss?: number }[] = [
  { name: 'cpu', loss: 0.01 },
  { name: 'memory', loss: 0.01 },
  { name: 'fault' },
  { name: 'fork' },
  { name: 'file_read', loss: 0.01 },
  { name: 'file_write', loss: 0.01 },
  { name: 'net_host', loss: 0.01 },
];

/** The same work on the machine and in a container that an agent made, in turn. */
export const overhead: Benchmark = {
  name: 'overhead',
  description: 'work in a container beside the same work on the machine, as ratios',
  sizes: ['blocks'],
  run: measure,
};

async function measure({ quick, sizes, progress }: BenchOptions): Promise<Metric[]> {
  if (probe().mode !== 'namespaces') throw new Error('overhead needs root and namespaces: run it as root');
  const place = new Place();
  try {
    const metrics: Metric[] = [];
    const blocks = sizes['blocks'] ?? (quick ? 60 : 400);
    for (const { name, loss } of WORKS) {
      progress(name);
      metrics.push(ratio(`${name}_ratio`, 'rate inside/outside', await takeTurns(place, name, blocks), loss));
    }
    progress('cyclictest');
    const rates = await takeTurns(place, 'latency', blocks);
    metrics.push(ratio('cyclictest_avg_ratio', 'latency inside/outside', rates.map((rate) => 1 / rate)));
    return metrics;
  } finally {
    await place.remove();
  }
}

/** A goal counts only where the interval is narrower than what it asks for. */
function ratio(name: string, unit: string, values: readonly number[], loss?: number): Metric {
  const interval = medianInterval(values);
  const { goal, met, ...rest } = metric(name, unit, values, loss === undefined ? undefined : { min: 1 - loss });
  const counts = loss !== undefined && interval[1] - interval[0] < loss;
  return { ...rest, interval, ...(goal === undefined ? {} : { goal }), ...(counts && met !== undefined ? { met } : {}) };
}
