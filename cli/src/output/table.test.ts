import test from 'ava';
import fc from 'fast-check';
import { age, number, ofTotal, plural, shortState } from './format.js';
import { fitColumns, table } from './table.js';

test('a table is as wide as its cells, and no wider than the terminal', (t) => {
  const rows = [
    ['hello.instance-6f1c2a7b-2d1f-4a55-9be2-1f2f3f4f5f6f', 'running', '31000'],
    ['short', 'failed', ''],
  ];
  t.is(
    table(['TASK', 'STATE', 'PORTS'], rows, Infinity, 'none'),
    [
      'TASK                                                 STATE    PORTS',
      'hello.instance-6f1c2a7b-2d1f-4a55-9be2-1f2f3f4f5f6f  running  31000',
      'short                                                failed',
      '',
    ].join('\n'),
  );
  const narrow = table(['TASK', 'STATE', 'PORTS'], rows, 40, 'none');
  for (const line of narrow.split('\n')) t.true(line.length <= 40, line);
  t.regex(narrow, /^hello\.instance-\S*…\s+running\s+31000$/m);
  t.is(table(['TASK'], [], 40, 'no tasks'), 'no tasks\n');
});

test('cells of users cannot move the cursor or break a line', (t) => {
  t.is(table(['NAME'], [['a\u001b[2Jb\nc']], 80, ''), 'NAME\na?[2Jb?c\n');
});

test('whatever the cells, columns fit where their least widths allow it', (t) => {
  const cell = fc.string({ maxLength: 60 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 6 }), fc.integer({ min: 30, max: 120 }), (rows, width) => {
      const widths = fitColumns(rows, width);
      t.true(widths.reduce((sum, one) => sum + one, 0) + 4 <= Math.max(width, 3 * 8 + 4));
      widths.forEach((one, i) => t.true(one <= Math.max(1, ...rows.map((row) => row[i]!.length))));
    }),
  );
});

test('figures and ages', (t) => {
  const second = 1000;
  const hour = 3600 * second;
  const ages = [[0, '0s'], [59.9 * second, '59s'], [61 * second, '1m 1s'], [hour, '1h'], [25 * hour + 5 * second, '1d 1h'], [24 * hour + second, '1d'], [-5, '0s']] as const;
  for (const [ms, text] of ages) t.is(age(0, ms), text);
  t.is(ofTotal(0.1 + 0.2, 4), '0.3/4');
  t.is(number(1024.5), '1024.5');
  t.is(shortState('TASK_GONE_BY_OPERATOR'), 'gone by operator');
  t.is(`${plural(1, 'task')}, ${plural(2, 'task')}`, '1 task, 2 tasks');
});
