import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decideCleanUp, memoryLimits } from './limits.ts';

const MIB = 1_048_576;
const GIB = 1_024 * MIB;
const unasked = { slabBytes: undefined, budgetBytes: undefined };

test('a large machine gives each worker a pool of 400 MiB and three quarters of its share', () => {
  assert.deepEqual(memoryLimits(unasked, 16 * GIB, 2), { slabBytes: 400 * MIB, budgetBytes: 6 * GIB });
});

test('a small machine gives a smaller pool, and a tiny one still a pool', () => {
  assert.equal(memoryLimits(unasked, 2 * GIB, 1).slabBytes, 128 * MIB);
  assert.equal(memoryLimits(unasked, 64 * MIB, 4).slabBytes, 16 * MIB);
});

test('what the settings say wins over the machine', () => {
  const asked = { slabBytes: 5 * MIB, budgetBytes: 7 * MIB };
  assert.deepEqual(memoryLimits(asked, 16 * GIB, 8), asked);
});

test('beyond its budget a process cleans up while the pool holds something idle, and not at once again', () => {
  const over = { rssBytes: 101, budgetBytes: 100 };
  assert.equal(decideCleanUp(over, { idleBytes: 1 }, Infinity), true);
  assert.equal(decideCleanUp(over, { idleBytes: 0 }, Infinity), false);
  assert.equal(decideCleanUp(over, { idleBytes: 1 }, 4_999), false);
  assert.equal(decideCleanUp({ rssBytes: 100, budgetBytes: 100 }, { idleBytes: 1 }, Infinity), false);
});
