import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createRandom } from './random.ts';
import { createReplay, createSchedule, durationMs, expectedCount, type NextTime, type Stretch } from './schedule.ts';

function all(next: NextTime): number[] {
  const times: number[] = [];
  for (let at = next(); at !== undefined; at = next()) times.push(at);
  return times;
}
const steady = (rate: number, seconds: number): Stretch => ({ from: rate, to: rate, seconds });
const none = (): number => {
  throw new Error('constant gaps need no chance');
};

test('a constant rate has equal gaps, the first request at once', () => {
  assert.deepEqual(all(createSchedule([steady(4, 1)], 'constant', none)), [0, 250, 500, 750]);
});

test('stretches follow one another', () => {
  const times = all(createSchedule([steady(2, 1), steady(4, 1)], 'constant', none));
  assert.deepEqual(times, [0, 500, 1000, 1250, 1500, 1750]);
});

test('a ramp from 10 to 30 in 10 s has 200 requests, a quarter and a bit of them in the first half', () => {
  const times = all(createSchedule([{ from: 10, to: 30, seconds: 10 }], 'constant', none));
  assert.equal(times.length, 200);
  // The integral up to 5 s: 10·5 + 20·25/20 = 75.
  assert.equal(times.filter((at) => at < 5_000).length, 75);
});

test('a Poisson process has the mean rate, and gaps that vary as much as they are long', () => {
  const times = all(createSchedule([steady(1_000, 20)], 'poisson', createRandom(7)));
  assert.ok(Math.abs(times.length - 20_000) < 4 * Math.sqrt(20_000), `${times.length}`);
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.05);
});

test('times never fall and stay within the stretches, whatever these are', () => {
  const stretch = fc.record({
    from: fc.double({ min: 1, max: 500, noNaN: true }),
    to: fc.double({ min: 1, max: 500, noNaN: true }),
    seconds: fc.double({ min: 0.1, max: 3, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(stretch, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('constant' as const, 'poisson' as const),
      fc.integer(),
      (stretches, arrivals, seed) => {
        const times = all(createSchedule(stretches, arrivals, createRandom(seed)));
        for (const [i, at] of times.entries())
          assert.ok(at >= (times[i - 1] ?? 0) && at <= durationMs(stretches) + 1e-6);
        if (arrivals === 'constant') assert.ok(Math.abs(times.length - expectedCount(stretches)) <= 1);
      },
    ),
    { numRuns: 60 },
  );
});

test('a trace is played as fast as asked', () => {
  assert.deepEqual(all(createReplay([0, 100, 300], 2)), [0, 50, 150]);
});
