import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLoopLag } from './loop-lag.ts';

function after(...gapsMs: number[]): number {
  const lag = createLoopLag(100);
  let nowMs = 1_000;
  lag.tick(nowMs);
  for (const gap of gapsMs) lag.tick((nowMs += gap));
  return lag.behindMs();
}

test('a loop whose ticks come in time, or early, is not behind', () => {
  assert.equal(after(), 0);
  assert.equal(after(100, 101, 99, 100), 0);
  assert.equal(after(108, 115, 110), 0);
});

test('one long pause is no reason, and neither are two', () => {
  assert.equal(after(100, 100, 5_000), 0);
  assert.equal(after(100, 2_000, 5_000), 0);
});

test('turns that stay long tell how long the shortest of them was', () => {
  assert.equal(after(100, 700, 400, 600), 300);
});

test('it is over with the first tick in time', () => {
  assert.equal(after(700, 700, 700, 100), 0);
});
