import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leftBehind, type Vitals } from './vitals.ts';

const MIB = 2 ** 20;
const before: Vitals = { memoryBytes: 200 * MIB, descriptors: 100, redisBytes: 10 * MIB, goodput: 100 };
const kept = (change: Partial<Vitals>): string[] =>
  leftBehind(before, { ...before, ...change }).map(({ kind, what }) => `${kind} ${what.split(':')[0]}`);

test('a tenth more and a little is as before, and so is less', () => {
  assert.deepEqual(kept({}), []);
  assert.deepEqual(kept({ memoryBytes: 280 * MIB, descriptors: 119, redisBytes: 12 * MIB, goodput: 91 }), []);
  assert.deepEqual(kept({ memoryBytes: MIB, descriptors: 1, redisBytes: MIB, goodput: 900 }), []);
});

test('whatever is beyond that is told', () => {
  assert.deepEqual(kept({ memoryBytes: 285 * MIB }), ['left behind memoryBytes']);
  assert.deepEqual(kept({ descriptors: 121 }), ['left behind descriptors']);
  assert.deepEqual(kept({ redisBytes: 14 * MIB }), ['left behind redisBytes']);
  assert.deepEqual(kept({ goodput: 89 }), ['left behind goodput']);
});

test('a goodput that was not measured is not judged', () => {
  const { goodput: _goodput, ...without } = before;
  assert.deepEqual(leftBehind(before, without), []);
  assert.deepEqual(leftBehind(without, { ...before, goodput: 0 }), []);
});
