import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { CLASS_PRIORITY } from './job.ts';
import { modelSchema } from './model.ts';
import { classOfLevel, levelOfClass, queueLimits, type QueuePolicy, type Queueing } from './queueing.ts';

const policy = (max_queue_size: number): QueuePolicy => ({
  timeout_action: 'REJECT',
  default_timeout_ms: 0,
  allow_timeout_override: false,
  max_queue_size,
});
const queueing = (levels: number, sizes: Record<string, number>, standard?: number): Queueing => ({
  priority_levels: levels,
  default_priority_level: 1,
  ...(standard === undefined ? {} : { default_policy: policy(standard) }),
  policies: Object.fromEntries(Object.entries(sizes).map(([level, size]) => [level, policy(size)])),
});

test('up to four levels are classes; more are spread over them evenly and in order', () => {
  assert.deepEqual(
    [1, 2, 3].map((level) => classOfLevel(level, 3)),
    ['critical', 'high', 'normal'],
  );
  const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((level) => classOfLevel(level, 8));
  assert.deepEqual(eight, ['critical', 'critical', 'high', 'high', 'normal', 'normal', 'low', 'low']);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(), (levels, pick) => {
      const level = 1 + (pick % levels);
      const rank = CLASS_PRIORITY[classOfLevel(level, levels)];
      assert.ok(level === levels || CLASS_PRIORITY[classOfLevel(level + 1, levels)] >= rank);
      const first = levelOfClass(classOfLevel(level, levels), levels) ?? Number.POSITIVE_INFINITY;
      assert.ok(first <= level && classOfLevel(first, levels) === classOfLevel(level, levels));
    }),
  );
});

test('places are those of the levels of a class together, and of the whole queue where there are no levels', () => {
  assert.equal(queueLimits(undefined), undefined);
  assert.equal(queueLimits(queueing(4, {})), undefined);
  assert.deepEqual(queueLimits(queueing(0, {}, 7)), { total: 7, byClass: [0, 0, 0, 0] });
  assert.deepEqual(queueLimits(queueing(2, { '1': 5 }, 9)), { total: 0, byClass: [5, 9, 0, 0] });
  assert.deepEqual(queueLimits(queueing(8, { '1': 5, '2': 6, '3': 4 })), { total: 0, byClass: [11, 0, 0, 0] });
});

test('a model that an older worker announces is still one', () => {
  const old = {
    name: 'm',
    version: '1',
    platform: 'onnxruntime_onnx',
    maxBatchSize: 8,
    inputs: [],
    outputs: [{ name: 'o', datatype: 'FP32', shape: [1] }],
    signature: '0123456789',
    nan: 'pass',
  };
  assert.deepEqual(modelSchema.parse(old), old);
});
