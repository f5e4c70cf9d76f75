import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { decideRests as decide, type Seat } from './decide-rests.ts';

const decideRests = (queue: string, seats: readonly Seat[], load: number, best = 0) => decide(queue, seats, load, best);

const seats = (count: number, rowsPerMs = 1, batchMs = 16): Seat[] =>
  Array.from({ length: count }, (_, i) => ({ worker: `w${i}`, rowsPerMs, batchMs }));
const times = (rests: ReturnType<typeof decideRests>): number[] => rests.map(({ restMs }) => restMs);

test('one worker never rests, and while little comes nobody does', () => {
  assert.deepEqual(decideRests('m@1', seats(1), 5), []);
  assert.deepEqual(decideRests('m@1', seats(4), 0.4), []);
});

test('as many as the load fills take at once, the others after longer and longer', () => {
  assert.deepEqual(times(decideRests('m@1', seats(4), 1.2)), [32, 64, 80]);
  assert.deepEqual(times(decideRests('m@1', seats(4), 2.9)), [32, 64]);
  assert.deepEqual(times(decideRests('m@1', seats(4), 9)), []);
});

test('the shortest rest is 20 ms', () => {
  assert.deepEqual(times(decideRests('m@1', seats(3, 10, 2), 12)), [20, 40]);
});

test('a worker that is clearly slower than the fastest rests at any load below what the others do', () => {
  const mixed = [...seats(1, 0.2, 80), { worker: 'fast', rowsPerMs: 1, batchMs: 16 }];
  for (const load of [0, 0.1, 0.9]) {
    const [rest, ...none] = decideRests('m@1', mixed, load);
    assert.equal(rest?.worker, 'w0');
    assert.match(rest.reason, /5\.0 times as slow/);
    assert.deepEqual(none, []);
  }
});

test('another queue has another order', () => {
  const first = (queue: string) => decideRests(queue, seats(2), 1)[0]?.worker;
  const queues = Array.from({ length: 32 }, (_, i) => `model-${i}@1`);
  assert.equal(new Set(queues.map(first)).size, 2);
});

test('somebody always takes at once, and no rest is out of bounds', () => {
  const rate = fc.double({ min: 0, max: 10, noNaN: true });
  const seat = fc.record({
    worker: fc.string(),
    rowsPerMs: rate,
    batchMs: fc.double({ min: 0, max: 500, noNaN: true }),
  });
  const fleet = fc.uniqueArray(seat, { selector: ({ worker }) => worker, maxLength: 12 });
  fc.assert(
    fc.property(fleet, rate, (all, load) => {
      const rests = decideRests('m@1', all, load);
      assert.ok(rests.length === 0 || rests.length < all.length);
      assert.ok(rests.every(({ restMs }) => restMs >= 20 && restMs <= 80));
    }),
  );
});

test('who is slowed down by the others does not seem to need still more of them', () => {
  assert.deepEqual(times(decideRests('m@1', seats(3, 0.3, 16), 1.2, 1)), [32, 64]);
});
