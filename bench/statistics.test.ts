import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { mean, median, quantile, threeDigits } from './statistics.ts';

test('the median is the middle value, or the mean of the two middle ones, in any order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 1, 2, 100]), 6);
  assert.ok(Number.isNaN(median([])));
});

test('a quantile is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(quantile(hundred, 0.5), 50);
  assert.equal(quantile(hundred, 0.99), 99);
  assert.equal(quantile(hundred, 1), 100);
  assert.equal(quantile(hundred, 0), 1);
  assert.equal(quantile([7], 0.99), 7);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('a quantile is one of the values, and enough of them do not exceed it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { minLength: 1, maxLength: 50 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const found = quantile(values, q);
        assert.ok(values.includes(found));
        assert.ok(values.filter((value) => value <= found).length >= q * values.length);
      },
    ),
  );
});

test('the mean, and three significant digits', () => {
  assert.equal(mean([1, 2, 6]), 3);
  assert.equal(threeDigits(12_345), 12_300);
  assert.equal(threeDigits(0.012_345), 0.0123);
  assert.ok(Number.isNaN(threeDigits(Number.NaN)));
});
