import assert from 'node:assert/strict';
import { test } from 'node:test';

import { courseOf, slope, thinned, type Point } from './series.ts';

const every = (seconds: number, value: (at: number) => number): Point[] =>
  Array.from({ length: seconds / 5 + 1 }, (_, i) => [5 * i, value(5 * i)] as const);

test('the slope is that of the nearest line, and one point has none', () => {
  assert.equal(slope(every(600, (at) => 7 + 2 * at)), 2);
  assert.ok(Math.abs(slope(every(600, (at) => 100 + 8 * (at % 2)))) < 0.01);
  assert.equal(slope([[1, 1]]), Number.NaN);
});

test('a saw-tooth is flat', () => {
  const { start, middle, end, gain, trend } = courseOf(
    every(600, (at) => 100 + (at % 30)),
    600,
  );
  for (const level of [start, middle, end]) assert.ok(level >= 105 && level <= 120, `${level}`);
  assert.ok(Math.abs(gain) < 1 && Math.abs(trend) < 1);
});

test('what grew a fifth until half of the time and then stayed has no trend, but gained too much', () => {
  const { gain, trend, slopePerHour } = courseOf(
    every(600, (at) => 200 + Math.min(40, at / 7)),
    600,
  );
  assert.ok(gain > 1.5 && gain < 2.1);
  assert.equal(Math.round(slopePerHour), 0);
  assert.ok(Math.abs(trend) < 0.1);
});

test('a small process may gain 10 MB, a large one a tenth', () => {
  const rising = (from: number) =>
    courseOf(
      every(3600, (at) => from + (9 * at) / 3600),
      3600,
    );
  assert.ok(rising(20).gain < 1 && rising(20).gain > 0.7);
  assert.ok(rising(900).gain < 0.1);
  assert.equal(rising(20).slopePerHour.toFixed(6), '9.000000');
  assert.equal(rising(20).trend.toFixed(6), '0.900000');
});

test('thinned points stand for their neighbours', () => {
  assert.deepEqual(
    thinned(
      every(25, (at) => at),
      3,
    ),
    [
      [2.5, 2.5],
      [12.5, 12.5],
      [22.5, 22.5],
    ],
  );
  assert.deepEqual(thinned([[0, 1]], 60), [[0, 1]]);
});
