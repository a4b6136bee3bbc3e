import { median } from './metric.js';
import { Random } from './sim/random.js';

const RESAMPLES = 1000;

/**
 * The interval in which the median lies with 95 % confidence: by the bootstrap (Efron 1979), that is from the medians of
 * samples drawn with replacement from the sample itself. The same values give the same interval.
 */
export function medianInterval(values: readonly number[]): readonly [low: number, high: number] {
  const random = new Random(values.length);
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(() => random.pick(values)))).toSorted((a, b) => a - b);
  return [medians[Math.floor(RESAMPLES * 0.025)]!, medians[Math.ceil(RESAMPLES * 0.975) - 1]!];
}
