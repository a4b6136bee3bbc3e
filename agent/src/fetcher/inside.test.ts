import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { Inside } from './inside.js';

/** Few names, so that entries meet: links to links, folders where links were. */
const path = (maxLength: number, ...steps: string[]): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...steps), { minLength: 1, maxLength }).map((chosen) => chosen.join('/'));
const name = path(2, 'a', 'b', 'c');
const anyName = path(4, 'a', 'b', '.', '..', '', 'outside');
const entry = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('link' as const), name, target: path(3, 'a', 'b', '.', '..') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), name: anyName, target: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hard' as const), name: anyName, target: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('folder' as const), name: anyName }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('file' as const), name: anyName }) },
);
const lookup = path(4, 'a', 'b', 'c', 'outside');

test('whatever an archive holds, no path below the folder leads out of it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-inside-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  let accepted = 0;
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), fc.array(lookup, { minLength: 15, maxLength: 15 }), async (entries, lookups) => {
      const root = join(directory, String(run++), 'x/root');
      mkdirSync(root, { recursive: true });
      // What a way out would find.
      for (const up of ['..', '../..']) for (const name of ['a', 'outside']) writeFileSync(join(root, up, name), '');
      const inside = new Inside(root);
      for (const one of entries) if (await accepts(inside, one)) accepted++;
      for (const one of lookups) {
        const found = resolved(join(root, one));
        const isInside = found === undefined || found === root || found.startsWith(`${root}/`);
        if (!isInside) throw new Error(`${one} is ${found}`);
      }
    }),
    { numRuns: 250 },
  );
  t.true(accepted > 300, `${accepted} entries were accepted`);
});

type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;

async function accepts(inside: Inside, one: Entry): Promise<boolean> {
  try {
    if (one.kind === 'link') await inside.createLink(one.name, one.target);
    else if (one.kind === 'hard') await inside.createHardLink(one.name, one.target);
    else if (one.kind === 'folder') await inside.createFolder(one.name);
    else await (await inside.createFile(one.name, 0o644)).close();
    return true;
  } catch {
    return false;
  }
}

function resolved(place: string): string | undefined {
  try {
    return realpathSync(place);
  } catch {
    return undefined;
  }
}
