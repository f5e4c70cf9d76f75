import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Post } from './crowding.ts';
import { decideRests as decide, type Demand, type Seat } from './decide-rests.ts';

const decideRests = (queue: string, seats: readonly Seat[], rowsPerMs: number, more: Partial<Demand> = {}) =>
  decide(queue, seats, { rowsPerMs, best: 0, busyCores: 16, ...more });

const WIDE: Post = { host: 'wide', cores: 64, threads: 1 };
const seats = (count: number, rowsPerMs = 1, batchMs = 16, post = WIDE): Seat[] =>
  Array.from({ length: count }, (_, i) => ({ worker: `w${i}`, rowsPerMs, batchMs, post, maxRows: 16 }));
const times = (rests: ReturnType<typeof decideRests>): number[] => rests.map(({ rule }) => rule.rest_ms);

test('one worker never rests, and while little comes nobody does', () => {
  assert.deepEqual(decideRests('m@1', seats(1), 5), []);
  assert.deepEqual(decideRests('m@1', seats(4), 0.4), []);
});

test('as many as the load fills take at once, the others after longer and longer', () => {
  assert.deepEqual(times(decideRests('m@1', seats(4), 1.2)), [32, 64, 80]);
  assert.deepEqual(times(decideRests('m@1', seats(4), 2.9)), [32, 64]);
  assert.deepEqual(times(decideRests('m@1', seats(4), 9)), []);
});

test('who rests takes at once what fills its batch after those before it; who is slow or finds no core does not', () => {
  const rows = (rests: ReturnType<typeof decideRests>) => rests.map(({ rule }) => rule.rest_rows);
  assert.deepEqual(rows(decideRests('m@1', seats(4), 1.2)), [32, 48, 64]);
  assert.deepEqual(rows(decideRests('m@1', seats(4), 2.9)), [48, 64]);
  const slow = { ...seats(1)[0], worker: 'slow', rowsPerMs: 0.2 } as Seat;
  assert.deepEqual(rows(decideRests('m@1', [...seats(1), slow], 1)), [undefined]);
  const narrow = { host: 'narrow', cores: 1, threads: 1 };
  assert.deepEqual(rows(decideRests('m@1', seats(2, 1, 16, narrow), 5)), [undefined]);
});

test('the shortest rest is 20 ms', () => {
  assert.deepEqual(times(decideRests('m@1', seats(3, 10, 2), 12)), [20, 40]);
});

test('a worker that is clearly slower than the fastest rests at any load below what the others do', () => {
  const mixed = [...seats(1, 0.2, 80), { worker: 'fast', rowsPerMs: 1, batchMs: 16, post: WIDE, maxRows: 16 }];
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
    maxRows: fc.integer({ min: 1, max: 64 }),
    rowsPerMs: rate,
    batchMs: fc.double({ min: 0, max: 500, noNaN: true }),
    post: fc.record({
      host: fc.constantFrom('a', 'b'),
      cores: fc.constantFrom(1, 2, 8),
      threads: fc.constantFrom(1, 2, 16),
    }),
  });
  const fleet = fc.uniqueArray(seat, { selector: ({ worker }) => worker, maxLength: 12 });
  fc.assert(
    fc.property(fleet, rate, (all, load) => {
      const rests = decideRests('m@1', all, load);
      assert.ok(rests.length === 0 || rests.length < all.length);
      assert.ok(
        rests.every(
          ({ rule }) => rule.rest_ms >= 20 && rule.rest_ms <= 80 && (rule.rest_while_taken_ms ?? 400) <= 4_000,
        ),
      );
    }),
  );
});

test('who is slowed down by the others does not seem to need still more of them', () => {
  assert.deepEqual(times(decideRests('m@1', seats(3, 0.3, 16), 1.2, { best: 1 })), [32, 64]);
});

test('no more of a host take than it has cores: the others would only slow them down', () => {
  const onTwo = seats(8, 1, 16, { host: 'small', cores: 2, threads: 1 });
  for (const load of [0.1, 1.2, 9]) {
    const crowded = decideRests('m@1', onTwo, load).filter(({ rule }) => rule.rest_while_taken_ms !== undefined);
    assert.equal(crowded.length, 6);
    assert.ok(crowded.every(({ rule }) => rule.rest_ms === 80 && rule.rest_while_taken_ms === 400));
    assert.match(
      crowded[0]?.reason ?? '',
      /takes when nobody has for 400 ms: others can keep the 2 cores of small busy/,
    );
  }
  assert.deepEqual(times(decideRests('m@1', onTwo, 1.2)), [32, ...Array.from({ length: 6 }, () => 80)]);
});

test('while half of the cores are idle who has none of its own takes too, unless it is slow or more than little comes', () => {
  const onTwo = (slow: boolean): Seat[] =>
    seats(8, 1, 16, { host: 'small', cores: 2, threads: 1 }).map((seat) => ({
      ...seat,
      slow: { is: slow && seat.worker === 'w0', times: 3 },
    }));
  const crowded = (load: number, busyCores: number, slow = false): number =>
    decideRests('m@1', onTwo(slow), load, { busyCores }).filter(({ rule }) => rule.rest_while_taken_ms !== undefined)
      .length;
  assert.equal(crowded(0.4, 0.9), 0);
  assert.equal(crowded(0, 0), 0);
  assert.equal(crowded(0.4, 1.1), 6);
  assert.equal(crowded(0.6, 0.9), 6);
  assert.equal(crowded(0.4, 0.9, true), 1);
});

test('a second host carries what one host has no cores for', () => {
  const both = ['a', 'b'].flatMap((host) =>
    seats(2, 1, 16, { host, cores: 1, threads: 1 }).map((seat) => ({ ...seat, worker: `${host} ${seat.worker}` })),
  );
  const rests = decideRests('m@1', both, 2);
  assert.deepEqual(times(rests), [80, 80]);
  assert.equal(new Set(rests.map(({ worker }) => worker[0])).size, 2);
});
