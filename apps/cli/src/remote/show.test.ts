import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { test } from 'node:test';

import { duration, facts, figure, table } from './show.ts';

const plain = (lines: string[]): string[] => lines.map(stripVTControlCharacters);

test('names stand to the left and figures to the right, below their heads', () => {
  const rows = [
    { queue: 'simple@1', waiting: '7', wait: '–' },
    { queue: 'a@12', waiting: '1200', wait: '3 ms' },
  ];
  assert.deepEqual(plain(table(rows)), [
    'queue     waiting  wait',
    'simple@1        7     –',
    'a@12         1200  3 ms',
  ]);
  assert.deepEqual(table([]), []);
});

test('facts leave out what is not known', () => {
  assert.deepEqual(plain(facts({ job: 'x', worker: undefined, rows: 2, error: null })), ['job   x', 'rows  2']);
});

test('times and figures have the digits that a person reads', () => {
  const times = [0, 0.123, 4.21, 48, 1_200, 95_000, 7_200_000, null, Number.POSITIVE_INFINITY];
  assert.deepEqual(times.map(duration), ['0 ms', '0.12 ms', '4.2 ms', '48 ms', '1.2 s', '1.6 min', '2.0 h', '–', '–']);
  assert.deepEqual([3, 0.123, 99.95, undefined].map(figure), ['3', '0.12', '100.0', '–']);
});
