import assert from 'node:assert/strict';
import { test } from 'node:test';

import { modelStatistics } from './statistics.ts';

const BLOCKS = [
  'success',
  'fail',
  'queue',
  'compute_input',
  'compute_infer',
  'compute_output',
  'cache_hit',
  'cache_miss',
];

test('a model that nobody has asked has all eight blocks, with zeros', () => {
  const { inference_stats: blocks, ...rest } = modelStatistics({ name: 'm', version: '2' }, {});
  assert.deepEqual(Object.keys(blocks), BLOCKS);
  for (const block of Object.values(blocks)) assert.deepEqual(block, { count: 0, ns: 0 });
  assert.deepEqual(rest, {
    name: 'm',
    version: '2',
    last_inference: 0,
    inference_count: 0,
    execution_count: 0,
    response_stats: {},
    batch_stats: [],
    memory_usage: [],
  });
});

test('success and queue include what the cache answered, counts and computing do not', () => {
  const counted = { success: 3, rows: 5, runs: 2, queue_ns: 30, input_ns: 1, infer_ns: 200, output_ns: 2, last: 7 };
  const sizes = { b1: 1, b1_infer_ns: 50, b4: 1, b4_infer_ns: 50, b4_input_ns: 4, b4_output_ns: 5, b10: 2 };
  const hits = { hits: 4, hit_ns: 8, misses: 3, miss_ns: 9, last_hit: 11 };
  const failed = { fail: 1, fail_ns: 100, exp: 2, refused: 3, refused_ns: 6 };
  const told = modelStatistics({ name: 'm', version: '1' }, { ...counted, ...sizes, ...hits, ...failed, ob: 999 });
  assert.deepEqual([told.inference_count, told.execution_count, told.last_inference], [5, 2, 11]);
  assert.deepEqual(told.inference_stats, {
    success: { count: 7, ns: 241 },
    fail: { count: 6, ns: 106 },
    queue: { count: 7, ns: 30 },
    compute_input: { count: 3, ns: 1 },
    compute_infer: { count: 3, ns: 200 },
    compute_output: { count: 3, ns: 2 },
    cache_hit: { count: 4, ns: 8 },
    cache_miss: { count: 3, ns: 9 },
  });
  assert.deepEqual(
    told.batch_stats.map((one) => [
      one.batch_size,
      one.compute_infer.count,
      one.compute_input.ns,
      one.compute_output.ns,
    ]),
    [
      [1, 1, 0, 0],
      [4, 1, 4, 5],
      [10, 2, 0, 0],
    ],
  );
});

test('every figure is a whole number that is not negative', () => {
  const odd = { success: -1, infer_ns: 1.5, queue_ns: Number.NaN, b2: 1, b2_infer_ns: 2.5 };
  const text = JSON.stringify(modelStatistics({ name: 'm', version: '1' }, odd));
  assert.doesNotMatch(text, /-|\d\.\d|null|e\+/);
});
