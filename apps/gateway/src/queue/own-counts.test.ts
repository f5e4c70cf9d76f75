import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOwnCounts, type Increments } from './own-counts.ts';

test('only what has changed is told, and what was not confirmed is told again', async () => {
  const cache = new Map([['m@1', { hits: 2, misses: 1, hitMs: 0.5, missMs: 3 }]]);
  const told: [string, Increments][][] = [];
  let away = true;
  const counts = createOwnCounts({
    lookups: () => cache,
    async add(increments) {
      if (away) throw new Error('away');
      told.push([...increments]);
    },
  });
  counts.refused('n@1', 2);
  await assert.rejects(counts.flush(), /away/);
  away = false;
  counts.refused('n@1', 1);
  await counts.flush();
  cache.set('m@1', { hits: 5, misses: 1, hitMs: 1, missMs: 3 });
  await counts.flush();
  await counts.flush();
  assert.deepEqual(told, [
    [
      ['m@1', { hits: 2, hit_ns: 500_000, misses: 1, miss_ns: 3_000_000 }],
      ['n@1', { refused: 2, refused_ns: 3_000_000 }],
    ],
    [['m@1', { hits: 3, hit_ns: 500_000 }]],
  ]);
});

test('a turn that begins while one is under way does nothing', async () => {
  let release = (): void => undefined;
  let calls = 0;
  const counts = createOwnCounts({
    lookups: () => new Map(),
    add() {
      calls += 1;
      return new Promise((resolve) => (release = resolve));
    },
  });
  counts.refused('m@1', 1);
  const first = counts.flush();
  counts.refused('m@1', 1);
  await counts.flush();
  release();
  await first;
  assert.equal(calls, 1);
  const second = counts.flush();
  release();
  await second;
  assert.equal(calls, 2);
});
