import test from 'ava';
import fc from 'fast-check';
import { Deadlines } from './deadlines.js';
import { Heap, type HeapItem } from './heap.js';
import { Line, type LineItem } from './line.js';

interface Item extends HeapItem {
  key: number;
}

test('heap: items come out in order whatever was added, changed and removed in between', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(20), fc.nat(100))), (actions) => {
      const heap = new Heap<Item>((a, b) => a.key < b.key);
      const inside: Item[] = [];
      for (const [action, which, key] of actions) {
        const item = inside[which % Math.max(1, inside.length)];
        if (action <= 1 || item === undefined) {
          const made = { key, heapIndex: -1 };
          heap.push(made);
          inside.push(made);
        } else if (action === 2) {
          item.key = key;
          heap.update(item);
        } else {
          heap.remove(item);
          inside.splice(inside.indexOf(item), 1);
        }
        const keys = inside.map((each) => each.key).sort((a, b) => a - b);
        if (heap.peek()?.key !== keys[0] || heap.second()?.key !== keys[1]) return false;
      }
      const keys = inside.map((each) => each.key).sort((a, b) => a - b);
      const inOrder = keys.every((key) => {
        const first = heap.peek()!;
        heap.remove(first);
        return first.key === key;
      });
      return inOrder && heap.size === 0;
    }),
  );
  t.pass();
});

test('deadlines: run in order of time, then of setting; a cancelled one never does', (t) => {
  const deadlines = new Deadlines();
  const ran: string[] = [];
  const set = (name: string, at: number) => deadlines.set(at, () => ran.push(name));
  set('late', 20);
  set('first', 10);
  set('cancelled', 10).cancel();
  set('second', 10);
  t.is(deadlines.next, 10);
  deadlines.run(10);
  t.deepEqual(ran, ['first', 'second']);
  deadlines.run(19);
  t.is(ran.length, 2);
  deadlines.run(20);
  t.deepEqual(ran, ['first', 'second', 'late']);
  t.is(deadlines.next, undefined);
});

test('line: items leave from anywhere, and the rest keeps its order', (t) => {
  const line = new Line<LineItem<never> & { name: string; previous: never; next: never }>();
  const items = ['a', 'b', 'c', 'd'].map((name) => ({ name, previous: undefined as never, next: undefined as never }));
  for (const item of items) line.push(item);
  line.remove(items[1]!);
  line.remove(items[3]!);
  line.remove(items[0]!);
  t.deepEqual([...line].map(({ name }) => name), ['c']);
  line.push(items[0]!);
  t.deepEqual([...line].map(({ name }) => name), ['c', 'a']);
  t.is(line.first, items[2]!);
  t.is(line.size, 2);
});
