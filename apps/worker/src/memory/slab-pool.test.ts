import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createSlabPool, sizeClass } from './slab-pool.ts';

test('size classes are powers of two with a half step', () => {
  assert.deepEqual([1, 256, 257, 384, 385, 512, 513, 1_000].map(sizeClass), [256, 256, 384, 384, 512, 512, 768, 1_024]);
});

test('what is out is never handed out again, and the idle stay within the limit', () => {
  const limit = 16_384;
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 1, max: 4_000 }), fc.constant('release' as const)), { maxLength: 60 }),
      (steps) => {
        const pool = createSlabPool(limit);
        const out: ArrayBufferLike[] = [];
        for (const step of steps) {
          if (step === 'release') {
            const slab = out.shift();
            if (slab) pool.release(slab as ArrayBuffer);
          } else {
            const { buffer, byteLength } = pool.acquire(step);
            assert.equal(byteLength, step);
            assert.ok(!out.includes(buffer));
            out.push(buffer);
          }
          const { idleBytes, usedBytes } = pool.stats();
          assert.equal(
            usedBytes,
            out.reduce((sum, slab) => sum + slab.byteLength, 0),
          );
          assert.ok(idleBytes === 0 || idleBytes + usedBytes <= limit);
        }
      },
    ),
  );
});

test('steady use is served from idle slabs', () => {
  const pool = createSlabPool(1_048_576);
  for (let i = 0; i < 100; i += 1) pool.release(pool.acquire(3_000).buffer as ArrayBuffer);
  assert.ok(pool.stats().reuseRatio > 0.9);
});
