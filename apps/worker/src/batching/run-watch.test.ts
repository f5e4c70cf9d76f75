import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createRunWatch, runLimitMs } from './run-watch.ts';

const RUN = {};
const tickEvery = (watch: ReturnType<typeof createRunWatch>, fromMs: number, toMs: number): unknown => {
  for (let now = fromMs; now <= toMs; now += 500) {
    const hung = watch.tick(now);
    if (hung) return { ...hung, atMs: now };
  }
  return undefined;
};

test('the limit is the configured one, or twenty times the p99 where that is more', () => {
  assert.equal(runLimitMs(30_000, 5), 30_000);
  assert.equal(runLimitMs(30_000, 4_000), 80_000);
});

test('a run is hung once it has taken longer than its limit, and not before', () => {
  const watch = createRunWatch(30_000);
  watch.begin('m@1', 5, 0, RUN);
  assert.deepEqual(tickEvery(watch, 500, 40_000), { queue: 'm@1', limitMs: 30_000, atMs: 30_500 });
});

test('a run that ended is forgotten, and the next one has its own time', () => {
  const watch = createRunWatch(1_000);
  watch.begin('m@1', 5, 0, RUN);
  watch.end(RUN);
  assert.equal(tickEvery(watch, 500, 5_000), undefined);
  watch.begin('m@1', 5, 5_000, RUN);
  assert.equal(watch.tick(5_900), undefined);
});

test('the time in which the process stood still does not count', () => {
  const watch = createRunWatch(30_000);
  watch.begin('m@1', 5, 0, RUN);
  assert.equal(tickEvery(watch, 500, 5_000), undefined);
  assert.equal(watch.tick(600_000), undefined);
  assert.equal(tickEvery(watch, 600_500, 610_000), undefined);
});

test('several runs of one queue are watched, each by itself', () => {
  const watch = createRunWatch(1_000);
  const other = {};
  watch.begin('m@1', 5, 0, RUN);
  watch.begin('m@1', 5, 0, other);
  watch.end(RUN);
  assert.deepEqual(tickEvery(watch, 500, 5_000), { queue: 'm@1', limitMs: 1_000, atMs: 1_500 });
  assert.equal(tickEvery(watch, 5_500, 9_000), undefined);
});
