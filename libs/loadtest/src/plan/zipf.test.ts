import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createZipf, expectedDistinct, zipfShares, type Zipf } from './zipf.ts';

const anyZipf = fc.record({
  exponent: fc.double({ min: 0, max: 3, noNaN: true }),
  inputs: fc.integer({ min: 1, max: 500 }),
  seed: fc.integer(),
});
const drawn = (zipf: Zipf, count: number): number[] => {
  const next = createZipf(zipf);
  return Array.from({ length: count }, next);
};

test('shares add up to one, and the k-th has k^-exponent of the first', () => {
  fc.assert(
    fc.property(anyZipf, (zipf) => {
      const shares = zipfShares(zipf);
      assert.ok(Math.abs(shares.reduce((sum, one) => sum + one, 0) - 1) < 1e-9);
      for (const [i, share] of shares.entries())
        assert.ok(Math.abs(share / (shares[0] ?? 0) - (i + 1) ** -zipf.exponent) < 1e-9);
    }),
  );
});

test('what is drawn is one of the inputs, and the same for the same seed', () => {
  fc.assert(
    fc.property(anyZipf, (zipf) => {
      const found = drawn(zipf, 100);
      assert.ok(found.every((one) => Number.isInteger(one) && one >= 0 && one < zipf.inputs));
      assert.deepEqual(drawn(zipf, 100), found);
    }),
  );
});

test('each is drawn by its share, within five standard deviations', () => {
  const count = 4_000;
  fc.assert(
    fc.property(anyZipf, (zipf) => {
      const found = drawn(zipf, count);
      for (const [i, share] of zipfShares(zipf).slice(0, 10).entries()) {
        const off = found.filter((one) => one === i).length - count * share;
        assert.ok(Math.abs(off) <= 5 * Math.sqrt(count * share * (1 - share)) + 1, `${i}: ${off}`);
      }
    }),
    { numRuns: 50, seed: 1 },
  );
});

test('as many distinct ones are drawn as are expected', () => {
  fc.assert(
    fc.property(anyZipf, fc.integer({ min: 1, max: 2_000 }), (zipf, count) => {
      const distinct = new Set(drawn(zipf, count)).size;
      const expected = expectedDistinct(zipf, count);
      assert.ok(expected <= Math.min(count, zipf.inputs) + 1e-6);
      // The variance is below the mean: seeing one never makes another more likely.
      assert.ok(Math.abs(distinct - expected) <= 5 * Math.sqrt(expected) + 1, `${distinct} instead of ${expected}`);
    }),
    { numRuns: 50, seed: 1 },
  );
});
