import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countsBetween, countsOf, hitRate, NO_COUNTS, requestsOf, sumOfCounts } from './cache-counts.ts';

const look = (memory: number, redis: number, [shared, misses, passed]: [number, number, number]) =>
  countsOf({ shared, misses, passed_by: passed, tiers: { memory: { hits: memory }, redis: { hits: redis } } });

test('a window is what lies between two looks, and requests that passed the cache by found nothing', () => {
  const counts = countsBetween(look(5, 1, [1, 10, 0]), look(65, 11, [11, 20, 10]));
  assert.deepEqual(counts, { memory: 60, redis: 10, shared: 10, computed: 10, passed: 10 });
  assert.equal(requestsOf(counts), 100);
  assert.deepEqual(sumOfCounts(NO_COUNTS, counts), counts);
  assert.equal(requestsOf(sumOfCounts(counts, counts)), 200);
  assert.equal(hitRate(counts), 0.8);
  assert.ok(Number.isNaN(hitRate(countsBetween(look(1, 1, [1, 1, 1]), look(1, 1, [1, 1, 1])))));
});
