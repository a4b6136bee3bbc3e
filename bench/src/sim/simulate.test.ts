import test from 'ava';
import { simulate } from './simulate.js';

/** So many whole clusters a run of the tests; `npm run sim -- --seeds N --from M` looks further. */
const SEEDS = 1000;
const PARTS = 4;

for (let part = 0; part < PARTS; part++) {
  const first = 1 + (part * SEEDS) / PARTS;
  const last = first + SEEDS / PARTS - 1;
  test(`clusters keep their promises through crashes, partitions, lost, late and doubled messages: seeds ${first} to ${last}`, (t) => {
    for (let seed = first; seed <= last; seed++) {
      const { violations } = simulate(seed);
      t.deepEqual(violations, [], `replay with: npm run sim -- --seed ${seed}`);
    }
  });
}

test('a seed gives the same run, event by event', (t) => {
  const runs = [1, 2].map(() => {
    const lines: string[] = [];
    const { steps } = simulate(77, (line) => lines.push(line));
    return { steps, lines };
  });
  t.deepEqual(runs[0], runs[1]);
  t.true(runs[0]!.lines.length > 100);
});

test('runs do launch things, and a broken promise is seen', (t) => {
  const launches = [1, 2, 3].map((seed) => simulate(seed).launches);
  t.true(launches.every((count) => count > 0), String(launches));
});
