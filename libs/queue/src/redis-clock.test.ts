import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createRedisClock } from './redis-clock.ts';

/** A clock on which it is always 0 here. */
const at = (): ReturnType<typeof createRedisClock> => createRedisClock(() => 0);

test('before the first answer the time is not known, and no call is late', () => {
  const clock = at();
  assert.ok(Number.isNaN(clock.nowMs()));
  assert.equal(clock.sentMs(), Number.MAX_SAFE_INTEGER);
});

test('the quickest of the recent answers tells the time', () => {
  const clock = at();
  clock.observe(1_000, 0, 10);
  clock.observe(1_003, 0, 2);
  assert.equal(clock.nowMs(), 1_002.5);
  clock.observe(1_010, 0, 40);
  assert.equal(clock.nowMs(), 1_002.5);
});

test('an answer that came late does not tell that the clock was changed', () => {
  const clock = at();
  clock.observe(1_000, 0, 2);
  clock.observe(6_000, 0, 5_000);
  assert.equal(clock.nowMs(), 999.5);
});

test("a change of Redis' clock is noticed with the next answer that can only mean that", () => {
  const clock = at();
  clock.observe(1_000, 0, 2);
  clock.observe(8_000, 0, 4);
  assert.equal(clock.nowMs(), 7_998.5);
  clock.observe(1_000, 0, 6);
  assert.equal(clock.nowMs(), 997.5);
});
