import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decideRestart } from './restart-policy.ts';

test('the first restart is immediate', () => {
  assert.deepEqual(decideRestart([{ endedMs: 0, wasReady: true }], 0), { kind: 'restart', inMs: 0 });
  assert.deepEqual(decideRestart([{ endedMs: 0, wasReady: false }], 0), { kind: 'restart', inMs: 0 });
});

test('a child that had served always comes back', () => {
  const lives = Array.from({ length: 50 }, (_, i) => ({ endedMs: i * 10, wasReady: true }));
  assert.deepEqual(decideRestart(lives, 500), { kind: 'restart', inMs: 0 });
});

test('one that dies before it was ready waits longer each time and is given up', () => {
  const lives = Array.from({ length: 4 }, (_, i) => ({ endedMs: i, wasReady: false }));
  assert.deepEqual(decideRestart(lives.slice(0, 2), 2), { kind: 'restart', inMs: 250 });
  assert.deepEqual(decideRestart(lives.slice(0, 3), 3), { kind: 'restart', inMs: 500 });
  assert.deepEqual(decideRestart([...lives, { endedMs: 4, wasReady: false }], 4), { kind: 'give-up', deaths: 5 });
});

test('deaths of long ago do not count', () => {
  const lives = Array.from({ length: 9 }, (_, i) => ({ endedMs: i, wasReady: false }));
  assert.deepEqual(decideRestart([...lives, { endedMs: 100_000, wasReady: false }], 100_000), {
    kind: 'restart',
    inMs: 0,
  });
});
