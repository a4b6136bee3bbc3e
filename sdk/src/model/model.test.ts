import test from 'ava';
import fc from 'fast-check';
import {
  add,
  contains,
  countRanges,
  eachInRanges,
  equals,
  formatResources,
  invalidId,
  invalidResources,
  isEmpty,
  isNormalRanges,
  multiplyScalars,
  NO_RESOURCES,
  normalizeRanges,
  overlaps,
  parseAttributes,
  parseResources,
  resources,
  SCALAR_MAX,
  subtract,
  addRanges,
  containsRanges,
  formatRanges,
  intersectRanges,
  parseRanges,
  subtractRanges,
  takeRanges,
  type CustomResource,
  type Ranges,
  type Resources,
} from './index.js';

const anyRanges = fc
  .array(fc.tuple(fc.nat(60), fc.nat(8)), { maxLength: 6 })
  .map((list) => normalizeRanges(list.flatMap(([begin, length]) => [begin, begin + length])));

const anyCustom: fc.Arbitrary<readonly CustomResource[]> = fc
  .record({
    license: fc.option(fc.integer({ min: 1, max: 9000 }), { nil: undefined }),
    vlans: fc.option(anyRanges, { nil: undefined }),
    zones: fc.option(fc.subarray(['a', 'b', 'c', 'd']), { nil: undefined }),
  })
  .map(({ license, vlans, zones }) => [
    ...(license === undefined ? [] : [{ name: 'license', scalar: license }]),
    ...(vlans === undefined || vlans.length === 0 ? [] : [{ name: 'vlans', ranges: vlans }]),
    ...(zones === undefined || zones.length === 0 ? [] : [{ name: 'zones', set: zones }]),
  ]);

const thousandths = fc.integer({ min: 0, max: 64_000 });
const anyResources: fc.Arbitrary<Resources> = fc.record({
  cpus: thousandths,
  mem: thousandths,
  disk: thousandths,
  gpus: thousandths,
  ports: anyRanges,
  custom: anyCustom,
});

const toSet = (ranges: Ranges): Set<number> => new Set(eachInRanges(ranges));
const sorted = (set: Iterable<number>): number[] => [...set].sort((a, b) => a - b);

test('ranges do what sets of integers do', (t) => {
  fc.assert(
    fc.property(anyRanges, anyRanges, fc.nat(100), (a, b, count) => {
      const [x, y] = [toSet(a), toSet(b)];
      t.deepEqual([...eachInRanges(addRanges(a, b))], sorted(new Set([...x, ...y])));
      t.deepEqual([...eachInRanges(subtractRanges(a, b))], sorted([...x].filter((n) => !y.has(n))));
      t.deepEqual([...eachInRanges(intersectRanges(a, b))], sorted([...x].filter((n) => y.has(n))));
      t.is(containsRanges(a, b), [...y].every((n) => x.has(n)));
      t.is(countRanges(a), x.size);
      t.deepEqual([...eachInRanges(takeRanges(a, count))], sorted(x).slice(0, count));
      const from = Math.floor(count / 2);
      const around = [...sorted(x).filter((n) => n >= from), ...sorted(x).filter((n) => n < from)];
      t.deepEqual([...eachInRanges(takeRanges(a, count, from))], sorted(around.slice(0, count)));
      t.deepEqual(parseRanges(formatRanges(a)), a);
      const all = [addRanges(a, b), subtractRanges(a, b), intersectRanges(a, b), takeRanges(a, count)];
      for (const made of all) t.true(isNormalRanges(made));
    }),
  );
});

test('resources: adding is associative and commutative, subtracting undoes it where nothing is shared', (t) => {
  fc.assert(
    fc.property(anyResources, anyResources, anyResources, (a, b, c) => {
      t.true(equals(add(add(a, b), c), add(a, add(b, c))));
      t.true(equals(add(a, b), add(b, a)));
      t.true(equals(add(a, NO_RESOURCES), a));
      t.true(contains(add(a, b), a) && contains(add(a, b), b));
      if (!overlaps(a, b)) t.true(equals(subtract(add(a, b), b), a));
      if (contains(a, b)) t.true(equals(add(subtract(a, b), b), a));
      t.true(isEmpty(subtract(a, a)));
      t.is(contains(a, b) && contains(b, a), equals(a, b));
      t.is(overlaps(a, b), overlaps(b, a));
      for (const made of [add(a, b), subtract(a, b)]) t.is(invalidResources(made), undefined);
    }),
  );
});

test('resources: scalars multiply exactly, text reads back', (t) => {
  fc.assert(
    fc.property(anyResources, fc.integer({ min: 0, max: 50 }), (a, count) => {
      let sum: Resources = NO_RESOURCES;
      const scalars = { ...a, ports: [], custom: [] };
      for (let i = 0; i < count; i++) sum = add(sum, scalars);
      t.true(equals(sum, multiplyScalars(a, count)));
      t.true(equals(parseResources(formatResources(a)), a));
    }),
  );
});

test('resources: a tenth is added ten times without drift', (t) => {
  let sum = NO_RESOURCES;
  for (let i = 0; i < 10; i++) sum = add(sum, resources({ cpus: 0.1 }));
  t.true(equals(sum, parseResources('cpus:1')));
});

const badResources = [
  ['cpus', 'a resource looks like name:value, got "cpus"'],
  ['cpus:1;cpus:2', 'resource "cpus" is given twice'],
  ['cpus:x', 'cpus must be a number like 2 or 0.5, got "x"'],
  ['mem:-1', 'mem must be a number'],
  ['cpus:9999999999', 'cpus must be a number from 0 to'],
  ['ports:[5-1]', 'a range is two whole numbers'],
  ['ports:1-2', 'ranges look like'],
  ['zones:{a', 'a set looks like {red,blue}'],
  ['Cpus:1', 'a resource looks like name:value'],
] as const;

for (const [text, expected] of badResources) {
  test(`resources: "${text}" is refused by name`, (t) => {
    t.true(t.throws(() => parseResources(text), { instanceOf: RangeError }).message.includes(expected));
  });
}

test('resources from outside: values that no schema sees are refused', (t) => {
  const good = parseResources('cpus:1;ports:[10-20]');
  t.is(invalidResources(good), undefined);
  t.is(invalidResources({ ...good, cpus: SCALAR_MAX }), undefined);
  t.regex(invalidResources({ ...good, cpus: SCALAR_MAX + 1 })!, /^cpus must be/);
  t.regex(invalidResources({ ...good, mem: 0.5 })!, /^mem must be/);
  t.regex(invalidResources({ ...good, ports: [20, 10] })!, /^ports must be sorted/);
  t.regex(invalidResources({ ...good, ports: [1, 5, 6, 9] })!, /^ports must be sorted/, 'ranges that touch are one range');
  t.regex(invalidResources({ ...good, custom: [{ name: 'b', scalar: 1 }, { name: 'a', scalar: 1 }] })!, /sorted by name/);
  t.regex(invalidResources({ ...good, custom: [{ name: 'cpus', scalar: 1 }] })!, /custom resources/);
  t.regex(invalidResources({ ...good, custom: [{ name: 'zones', set: ['b', 'a'] }] })!, /zones must be a sorted set/);
});

test('ids: at most 255 bytes, and names of files', (t) => {
  t.is(invalidId('a'.repeat(255)), undefined);
  t.is(invalidId('ü'.repeat(127)), undefined);
  t.regex(invalidId('a'.repeat(256))!, /at most 255 bytes/);
  t.regex(invalidId('ü'.repeat(128))!, /at most 255 bytes/);
  for (const bad of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', '\u007f']) t.not(invalidId(bad), undefined, JSON.stringify(bad));
});

test('attributes have one canonical text each', (t) => {
  t.deepEqual(parseAttributes('rack:r1;level:010.50;keys:[4-5,1-3];zones:{b, a,b}'), [
    { name: 'rack', type: 'TEXT', value: 'r1' },
    { name: 'level', type: 'SCALAR', value: '10.5' },
    { name: 'keys', type: 'RANGES', value: '[1-5]' },
    { name: 'zones', type: 'SET', value: '{a,b}' },
  ]);
  t.throws(() => parseAttributes('rack'), { message: /name:value, got "rack"/ });
  t.throws(() => parseAttributes('a:1;a:2'), { message: /"a" is given twice/ });
});
