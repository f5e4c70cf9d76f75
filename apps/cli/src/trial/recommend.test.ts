import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recommend } from './recommend.ts';

const point = (rows: number, ms: number): { rows: number; p50_ms: number; p99_ms: number } => ({
  rows,
  p50_ms: ms,
  p99_ms: ms * 1.2,
});

test('the smallest size that is within a twentieth of the best rate', () => {
  const points = [point(1, 1), point(4, 2), point(8, 3), point(16, 5.9)];
  const choice = recommend([{ threads: 1, points }], 1);
  assert.deepEqual([choice?.rows, choice?.threads, Math.round(choice?.rows_per_s ?? 0)], [8, 1, 2667]);
});

test('threads count for what the whole machine gains by them', () => {
  const tables = [
    { threads: 1, points: [point(8, 8)] },
    { threads: 4, points: [point(8, 2.5)] },
  ];
  // Four times one thread are 4,000 rows a second, four threads together 3,200.
  assert.deepEqual(recommend(tables, 4), { threads: 1, rows: 8, workers: 4, p99_ms: 9.6, rows_per_s: 4_000 });
  assert.equal(recommend(tables, 4, 5)?.threads, 4);
});

test('a target that no run meets has no answer', () => {
  assert.equal(recommend([{ threads: 1, points: [point(1, 9)] }], 4, 5), undefined);
  assert.equal(recommend([], 4), undefined);
});
