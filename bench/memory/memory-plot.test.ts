import assert from 'node:assert/strict';
import { test } from 'node:test';

import { memoryPlot, ticksUpTo } from './memory-plot.ts';

test('ticks are round and reach beyond the largest value', () => {
  assert.deepEqual(ticksUpTo(10), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticksUpTo(61), [0, 20, 40, 60, 80, 100]);
  assert.ok((ticksUpTo(0.21).at(-1) ?? 0) >= 0.21);
});

test('each process is a line of its own, in minutes', () => {
  const series = new Map([
    ['gateway.pss', [[0, 100] as const, [600, 120] as const]],
    ['gateway.heap', [[0, 40] as const]],
    ['redis.used', [[0, 5] as const]],
    ['worker.external', [[0, 1] as const]],
  ]);
  const svg = memoryPlot(series, 600);
  assert.equal(svg.match(/<polyline/g)?.length, 3);
  assert.match(svg, /gateway\.pss/);
  assert.doesNotMatch(svg, /external|NaN/);
});
