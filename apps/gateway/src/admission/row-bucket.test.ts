import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createRowBucket } from './row-bucket.ts';

test('a full bucket gives its burst at once, then its rate, and says when there will be enough', () => {
  const bucket = createRowBucket(10, 20);
  assert.equal(bucket.take(20, 0), undefined);
  assert.equal(bucket.take(1, 0), 0.1);
  assert.notEqual(bucket.take(1, 99), undefined);
  assert.equal(bucket.take(1, 100), undefined);
  assert.equal(bucket.take(5, 100), 0.5);
  assert.equal(bucket.take(5, 600), undefined);
  assert.equal(bucket.level(60_000), 20);
});

test('with no rows it is only asked, and more than the burst is let through by a full one, and paid off', () => {
  const bucket = createRowBucket(10, 20);
  assert.equal(bucket.take(0, 0), undefined);
  assert.equal(bucket.level(0), 20);
  assert.equal(bucket.take(50, 0), undefined);
  assert.equal(bucket.level(0), -30);
  assert.equal(bucket.take(0, 0), 3.1);
  assert.notEqual(bucket.take(50, 4_900), undefined);
  assert.equal(bucket.take(50, 5_000), undefined);
});

test('what is settled counts from then on, less what was taken meanwhile', () => {
  const bucket = createRowBucket(10, 20);
  bucket.take(3, 0);
  assert.equal(bucket.spent(), 3);
  bucket.take(4, 0);
  // Others have used 15.
  bucket.settle(2, 0);
  assert.equal(bucket.level(0), -2);
  assert.equal(bucket.spent(), 4);
  bucket.untold(4);
  assert.equal(bucket.spent(), 4);
  assert.equal(bucket.spent(), 0);
});

test('over any time no more rows come through than the burst, the rate, and one request above it', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 30 })), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (taken, rate, burst) => {
      const bucket = createRowBucket(rate, burst);
      let [now, through] = [0, 0];
      for (const [pause, rows] of taken) {
        now += pause;
        if (bucket.take(rows, now) === undefined) through += rows;
        assert.ok(through <= burst + (rate * now) / 1_000 + 30 + 1);
      }
      assert.equal(bucket.spent(), through);
    }),
  );
});
