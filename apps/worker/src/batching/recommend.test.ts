import assert from 'node:assert/strict';
import { test } from 'node:test';

import { configLines, recommend, type Measured } from './recommend.ts';

const measured = (
  threads: number,
  instances: number,
  runs: readonly (readonly [number, number, number])[],
): Measured => ({
  threads,
  instances,
  points: runs.map(([rows, ms]) => ({ rows, p50_ms: ms, p99_ms: 2 * ms })),
  ratesTogether: new Map(runs.map(([rows, , rate]) => [rows, rate])),
});
const ONE = measured(1, 2, [
  [1, 2, 900],
  [4, 4, 1_960],
  [8, 8, 2_000],
]);
const TWO = measured(2, 1, [
  [1, 1, 950],
  [4, 3, 1_300],
  [8, 5, 1_600],
]);

test('the most rows a second, by the smallest batch that is as good', () => {
  const found = recommend([ONE, TWO]);
  assert.deepEqual([found?.threads, found?.instances, found?.rows, found?.meetsTarget], [1, 2, 4, true]);
  assert.equal(recommend([]), undefined);
});

test('within a target only runs count that meet it; where none does the fastest comes closest', () => {
  const found = recommend([ONE, TWO], 2.5);
  assert.deepEqual([found?.threads, found?.rows, found?.meetsTarget], [2, 1, true]);
  const closest = recommend([ONE, TWO], 1);
  assert.deepEqual([closest?.threads, closest?.rows, closest?.meetsTarget], [2, 1, false]);
});

test('the lines are those of a configuration', () => {
  const found = recommend([ONE]);
  assert.ok(found);
  assert.deepEqual(configLines(found, true), [
    'max_batch_size: 4',
    'instance_group [ { count: 2 kind: KIND_CPU } ]',
    'parameters { key: "intra_op_thread_count" value { string_value: "1" } }',
  ]);
  assert.equal(configLines(found, false).length, 2);
});
