import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createRandom } from './random.ts';
import { createArrivals } from './arrivals.ts';

test('each class comes at its own rate, with gaps of a Poisson process', () => {
  const next = createArrivals([10, 0, 30], createRandom(7));
  const arrivals = Array.from({ length: 8_000 }, next);
  const seconds = (arrivals.at(-1)?.atMs ?? 0) / 1000;
  assert.ok(Math.abs(8_000 / seconds / 40 - 1) < 0.05);
  assert.ok(Math.abs(arrivals.filter(({ index }) => index === 0).length / seconds / 10 - 1) < 0.05);
  assert.equal(arrivals.filter(({ index }) => index === 1).length, 0);
  const gaps = arrivals.slice(1).map(({ atMs }, i) => atMs - (arrivals[i]?.atMs ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.1, 'the gaps of a Poisson process vary as much as their mean');
});

test('the same seed gives the same arrivals', () => {
  const [one, two] = [createArrivals([1, 2], createRandom(3)), createArrivals([1, 2], createRandom(3))];
  assert.deepEqual(Array.from({ length: 20 }, one), Array.from({ length: 20 }, two));
});
