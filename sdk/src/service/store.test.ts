import test from 'ava';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { MemoryStore, openStore, type Store } from './index.js';

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'proffer-store-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs a program that has `store` open on the directory and prints a line for each thing it did. */
function otherProcess(path: string, program: string) {
  const index = new URL('index.js', import.meta.url).href;
  const source = `import { openStore } from ${JSON.stringify(index)};
    const store = await openStore(${JSON.stringify(path)});
    ${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, lines: createInterface({ input: child.stdout }) };
}

test('what was written is there after a reopen: values of every kind, deletions, keys by prefix and in order', async (t) => {
  const path = join(directory(t), 'store.with.dots');
  const store = await openStore(path);
  const value = { env: { A: 'x', 'odd key': '' }, list: [1, 2.5, -1, 2 ** 40], none: null, bytes: new Uint8Array([0, 255]) };
  const written = store.write([
    { key: 'app/b', value: 2 },
    { key: 'app/a', value },
    { key: 'apple', value: 3 },
    { key: 'app/c', value: 'é' },
  ]);
  value.list.push(99);
  await written;
  await store.write([{ key: 'app/b', value: undefined }]);
  await store.close();
  await t.throwsAsync(store.write([{ key: 'a', value: 1 }]), { message: /closed/ });

  const again = await openStore(path);
  t.is(again.get('app/b'), undefined);
  t.deepEqual(
    Array.from(again.entries('app/'), ([key]) => key),
    ['app/a', 'app/c'],
  );
  const read = again.get('app/a') as typeof value;
  t.deepEqual({ ...read, bytes: [...read.bytes] }, { ...value, list: [1, 2.5, -1, 2 ** 40], bytes: [0, 255] });
  await again.close();
});

test('writes of one turn are one transaction, and later ones never overtake', async (t) => {
  const store = await openStore(directory(t));
  const order: number[] = [];
  const writes = [1, 2, 3].map((n) => store.write([{ key: 'n', value: n }]).then(() => order.push(n)));
  await new Promise((resolve) => setImmediate(resolve));
  writes.push(store.write([{ key: 'n', value: 4 }]).then(() => order.push(4)));
  await Promise.all(writes);
  t.deepEqual(order, [1, 2, 3, 4]);
  t.is(store.get('n'), 4);
  const last = store.write([{ key: 'n', value: 5 }]);
  await store.close();
  await t.notThrowsAsync(last);
});

test('a bad key is refused and nothing of its write is kept', async (t) => {
  const stores: Store[] = [await openStore(directory(t)), new MemoryStore()];
  for (const store of stores) {
    for (const key of ['', 'x'.repeat(1901), 'a\u0000b']) {
      await t.throwsAsync(
        store.write([
          { key: 'good', value: 1 },
          { key, value: 1 },
        ]),
        { instanceOf: RangeError },
      );
    }
    t.is(store.get('good'), undefined);
    const longest = 'x'.repeat(1900);
    await store.write([{ key: longest, value: 1 }]);
    t.is(store.get(longest), 1);
    await store.close();
  }
});

test('one process at a time has the directory, and kill -9 in the middle of writing loses nothing acknowledged', async (t) => {
  const path = directory(t);
  const { child, lines } = otherProcess(
    path,
    `for (let n = 1; ; n++) {
      await store.write([{ key: 'low', value: n }, { key: 'row/' + n, value: 'x'.repeat(2000) }, { key: 'high', value: n }]);
      console.log(n);
    }`,
  );
  t.teardown(() => child.kill('SIGKILL'));
  let acknowledged = 0;
  for await (const line of lines) {
    acknowledged = Number(line);
    if (acknowledged === 3) await t.throwsAsync(openStore(path), { message: /in use by another process/ });
    if (acknowledged === 50) child.kill('SIGKILL');
  }
  const store = await openStore(path);
  const low = store.get('low') as number;
  t.true(low >= acknowledged, `${low} >= ${acknowledged}`);
  t.is(store.get('high'), low, 'a transaction is whole');
  t.is([...store.entries('row/')].length, low);
  await store.close();
});

test('a store in memory shows, delays, refuses and loses writes as the test says', async (t) => {
  const store = new MemoryStore({ manual: true });
  const order: string[] = [];
  const first = store.write([{ key: 'a', value: { n: 1 } }]).then(() => order.push('first'));
  const second = store.write([{ key: 'a', value: { n: 2 } }]).then(() => order.push('second'));
  t.is(store.get('a'), undefined);
  store.sync(1);
  await first;
  t.deepEqual(store.get('a'), { n: 1 });
  t.deepEqual(order, ['first']);

  const after = store.crash();
  t.deepEqual(after.get('a'), { n: 1 }, 'the write that was not synced is lost');
  await t.throwsAsync(store.write([]), { message: /crashed/ });
  t.is(await Promise.race([second, Promise.resolve('unanswered')]), 'unanswered');

  const refused = after.write([{ key: 'b', value: 1 }]);
  after.fail(new Error('disk full'));
  await t.throwsAsync(refused, { message: 'disk full' });
  await t.throwsAsync(after.write([{ key: 'b', value: 1 }]), { message: 'disk full' });
});
