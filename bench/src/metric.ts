import type { Metric } from './types.js';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which this fraction of the values lies. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!;
}

/** A metric of one value per run. */
export function metric(name: string, unit: string, values: readonly number[], goal?: NonNullable<Metric['goal']>): Metric {
  const value = round(median(values));
  const base = { name, value, unit, min: round(Math.min(...values)), max: round(Math.max(...values)), runs: values.length };
  if (goal === undefined) return base;
  return { ...base, goal, met: 'min' in goal ? value >= goal.min : value <= goal.max };
}

/** Four significant digits: more would claim what was not measured. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
