import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createSlabPool, sizeClass, type SlabPool } from './slab-pool.ts';

const acquire = (pool: SlabPool, bytes: number): ArrayBuffer => pool.acquire(bytes).buffer as ArrayBuffer;
/** As a slab comes back from a thread: the same memory in another object. */
const transferred = (slab: ArrayBuffer): ArrayBuffer => structuredClone(slab, { transfer: [slab] });

test('size classes are powers of two with a half step', () => {
  assert.deepEqual([1, 256, 257, 384, 385, 512, 513, 1_000].map(sizeClass), [256, 256, 384, 384, 512, 512, 768, 1_024]);
});

test('what is out is never handed out again, and the pool keeps to its limit', () => {
  const limit = 16_384;
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.integer({ min: 0, max: 4_000 }),
          fc.constantFrom('release' as const, 'foreign' as const, 'clean' as const),
        ),
        { maxLength: 80 },
      ),
      (steps) => {
        const pool = createSlabPool(limit);
        const out: ArrayBuffer[] = [];
        for (const step of steps) {
          if (step === 'release') {
            const slab = out.shift();
            if (slab) pool.release(transferred(slab));
          } else if (step === 'foreign') pool.release(new ArrayBuffer(100_000));
          else if (step === 'clean') {
            pool.cleanUp();
            assert.equal(pool.stats().idleBytes, 0);
          } else {
            const { buffer, byteLength } = pool.acquire(step);
            assert.equal(byteLength, step);
            assert.ok(!out.includes(buffer as ArrayBuffer));
            out.push(buffer as ArrayBuffer);
          }
          const { idleBytes, usedBytes, outsideBytes, highWaterBytes } = pool.stats();
          assert.equal(
            usedBytes + outsideBytes,
            out.reduce((sum, slab) => sum + slab.byteLength, 0),
          );
          assert.ok(idleBytes + usedBytes <= limit);
          assert.ok(idleBytes === 0 || idleBytes + usedBytes <= 0.8 * limit || usedBytes + outsideBytes > 0);
          assert.ok(highWaterBytes >= idleBytes + usedBytes + outsideBytes);
        }
      },
    ),
  );
});

test('in steady use with batches of every size more than nine in ten are served from idle slabs', () => {
  const pool = createSlabPool(16 * 1_048_576);
  let [requests, seed] = [0, 7];
  const random = (most: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % most;
  };
  for (; requests < 2_000; requests += 2) {
    // Two batches at a time: one runs while the next is stacked.
    const batch = [1 + random(16), 1 + random(16)].map((rows) => acquire(pool, rows * 12_288));
    batch.forEach((slab) => pool.release(transferred(slab)));
  }
  const { reuseRatio, collections } = pool.stats();
  assert.ok(reuseRatio > 0.9, String(reuseRatio));
  assert.equal(collections, 0);
});

test('at four fifths of the limit the slabs that were idle for longest go first', () => {
  const pool = createSlabPool(10_240);
  const [first, second, third] = [acquire(pool, 1_024), acquire(pool, 1_536), acquire(pool, 2_048)];
  pool.release(second);
  pool.release(first);
  pool.release(third);
  // 4,608 bytes are idle: 4,096 more are too many by 512, and the 1,536 were used before all others.
  acquire(pool, 4_096);
  assert.deepEqual([pool.stats().idleBytes, pool.stats().collections], [3_072, 1]);
  assert.equal(acquire(pool, 1_024), first);
  assert.equal(acquire(pool, 2_048), third);
});

test('at its limit the pool serves from outside, counts it, and keeps nothing of it', () => {
  const pool = createSlabPool(4_096);
  const held = [acquire(pool, 2_048), acquire(pool, 2_048)];
  const beyond = acquire(pool, 1_024);
  assert.deepEqual(pool.stats(), {
    limitBytes: 4_096,
    usedBytes: 4_096,
    idleBytes: 0,
    outsideBytes: beyond.byteLength,
    highWaterBytes: 4_096 + beyond.byteLength,
    reuseRatio: 0,
    collections: 0,
    emergencies: 0,
    outside: 1,
  });
  pool.release(beyond);
  held.forEach((slab) => pool.release(slab));
  const { usedBytes, idleBytes, outsideBytes } = pool.stats();
  assert.deepEqual([usedBytes, outsideBytes], [0, 0]);
  assert.ok(idleBytes <= 0.8 * 4_096);
});

test('a single request above the limit is served', () => {
  const pool = createSlabPool(4_096);
  assert.equal(pool.acquire(100_000).byteLength, 100_000);
});

test('in an emergency everything idle goes and what is out stays', () => {
  const pool = createSlabPool(1_048_576);
  const [idle, used] = [acquire(pool, 10_000), acquire(pool, 20_000)];
  pool.release(idle);
  assert.equal(pool.cleanUp(), idle.byteLength);
  const { idleBytes, usedBytes, emergencies } = pool.stats();
  assert.deepEqual([idleBytes, usedBytes, emergencies], [0, used.byteLength, 1]);
});

test('a buffer that the pool did not hand out changes nothing', () => {
  const pool = createSlabPool(1_048_576);
  const before = pool.stats();
  pool.release(new ArrayBuffer(512));
  assert.deepEqual(pool.stats(), before);
});
