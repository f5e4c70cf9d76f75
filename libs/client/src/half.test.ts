import assert from 'node:assert/strict';
import { test } from 'node:test';

import { halfBits, halfNumbers } from './half.ts';

test('every half-precision number comes back as the same bits', () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const back = halfBits(halfNumbers(all));
  const wrong = [...all].filter((bits) => {
    const nan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    const got = back[bits] ?? 0;
    return nan ? (got & 0x7c00) !== 0x7c00 || (got & 0x3ff) === 0 : got !== bits;
  });
  assert.deepEqual(wrong, []);
});

test('numbers in between go to the nearest, ties to the even one', () => {
  assert.deepEqual(
    [...halfBits([1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, 65_504, 65_519.9, 65_520, -1e30])],
    [0x3c00, 0x3c00, 0x3c02, 0x3c01, 0x7bff, 0x7bff, 0x7c00, 0xfc00],
  );
  assert.deepEqual([...halfBits([2 ** -25, 2 ** -25 * 1.0001, 2 ** -24, 3 * 2 ** -25, -0])], [0, 1, 1, 2, 0x8000]);
});
