import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MOST_BY_HAND, parseWorkers } from './scaling.ts';

test('a number stands for itself, a range begins with the least', () => {
  assert.deepEqual(parseWorkers('3'), { start: 3, min: 1, max: MOST_BY_HAND, auto: false });
  assert.deepEqual(parseWorkers('40'), { start: 40, min: 1, max: 40, auto: false });
  assert.deepEqual(parseWorkers('2:8'), { start: 2, min: 2, max: 8, auto: true });
});

test('everything else is refused', () => {
  for (const text of ['', '0', '0:3', '8:2', '1:257', '257', '1:', ':4', '1-4', '1.5', 'many', '1:2:3'])
    assert.equal(parseWorkers(text), undefined, text);
});
