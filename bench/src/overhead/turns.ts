import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { programInside } from '../programs.js';
import type { Place } from './place.js';

/** Blocks at the start that only warm up caches and clocks. */
const WARM_UP = 5;

/** One ratio for each block of four pieces of work, out-in-in-out: how fast it went inside, divided by outside. */
export async function takeTurns(place: Place, work: string, blocks: number): Promise<number[]> {
  const path = await programInside('workload');
  const directory = place.directory();
  const all = blocks + WARM_UP;
  const inside = place.inside(directory, ['/bin/sh', '-c', `mkfifo turn-0 turn-1 && exec '${path}' ${work} ${all} 1`]);
  // A container that cannot be made would be waited for in vain.
  await Promise.race([untilThere(join(directory, 'turn-1')), inside]);
  // When one of them fails, the other would wait for its turn for ever.
  const failed = new AbortController();
  const outside = place.outside([path, work, String(all), '0'], directory, failed.signal);
  await Promise.all([inside, outside]).finally(() => failed.abort());
  const outer = times(directory, 0);
  const inner = times(directory, 1);
  rmSync(directory, { recursive: true });
  return Array.from({ length: blocks }, (_, i) => {
    const at = 2 * (i + WARM_UP);
    return (outer[at]! + outer[at + 1]!) / (inner[at]! + inner[at + 1]!);
  });
}

async function untilThere(path: string): Promise<void> {
  while (!existsSync(path)) await wait(5);
}

function times(directory: string, player: number): number[] {
  return readFileSync(join(directory, `result-${player}`), 'utf8').trim().split('\n').map(Number);
}
