import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Batching } from '@batchyard/shared/contract/batching';
import fc from 'fast-check';

import { createRandom } from '../plan/random.ts';
import { createReplay, createSchedule } from '../plan/schedule.ts';
import { meets, planWorkers, predict, withoutRun, type Demand } from './plan-workers.ts';
import { percentileOf, simulate, type Cluster } from './simulate.ts';

const BATCHING: Batching = { strategy: 'adaptive', max_rows: 1, max_wait_ms: 0, preferred_rows: [] };
const NONE = { p50_ms: 0, p99_ms: 0 };
/** A run takes 10 ms, whatever happens. */
const FIXED: Cluster = {
  workers: 1,
  sessions: 1,
  batching: BATCHING,
  table: [{ rows: 1, p50_ms: 10, p99_ms: 10 }],
  overhead: NONE,
  gapMs: 0,
};
const poisson = (rate: number, seconds: number, seed = 1): Demand => ({
  arrivals: () => createSchedule([{ from: rate, to: rate, seconds }], 'poisson', createRandom(seed)),
  rows: 1,
  timeoutMs: 60_000,
  seed: 1,
});

test('a single request takes its run and the way to it', () => {
  const seen = simulate(
    { ...FIXED, overhead: { p50_ms: 3, p99_ms: 3 } },
    { next: createReplay([0], 1), rows: 1, timeoutMs: 1_000 },
    createRandom(1),
  );
  assert.deepEqual([seen.requests, seen.latencies.length], [1, 1]);
  assert.ok(Math.abs((seen.latencies[0] ?? 0) - 13) < 1e-9);
});

test('requests one after another wait as M/D/1 says', () => {
  // Pollaczek and Khinchine: mean wait = ρ·s / (2·(1 − ρ)); at ρ = 0.7 and s = 10 ms that is 11.67 ms.
  const { arrivals } = poisson(70, 4_000);
  const seen = simulate(FIXED, { next: arrivals(), rows: 1, timeoutMs: 1e9 }, createRandom(2));
  const mean = seen.latencies.reduce((sum, ms) => sum + ms, 0) / seen.latencies.length;
  assert.ok(Math.abs(mean - 21.67) < 1.2, `${mean}`);
  assert.ok(Math.abs(seen.busy - 0.7) < 0.02);
});

test('a batch takes what waits, up to its size, and a full one goes on without a pause', () => {
  const table = [1, 2, 4].map((rows) => ({ rows, p50_ms: 10 + rows, p99_ms: 10 + rows }));
  const cluster = { ...FIXED, table, batching: { ...BATCHING, max_rows: 4 } };
  const seen = simulate(
    cluster,
    { next: createReplay([0, 1, 2, 3, 4, 5], 1), rows: 1, timeoutMs: 1e6 },
    createRandom(1),
  );
  // The first alone: 11 ms. The next four together: from 11 to 25. The last: to 36.
  assert.deepEqual(
    seen.latencies.map((ms) => Math.round(ms)),
    [11, 21, 22, 23, 24, 31],
  );
  assert.equal(seen.rowsPerRun, 2);
});

test('a session that needs a moment between two runs is slower by it, and an answer does not wait for it', () => {
  const run = (gapMs: number): readonly number[] =>
    simulate({ ...FIXED, gapMs }, { next: createReplay([0, 0, 0], 1), rows: 1, timeoutMs: 1e6 }, createRandom(1))
      .latencies;
  assert.deepEqual(
    run(5).map((ms) => Math.round(ms)),
    [10, 25, 40],
  );
});

test('fixed waits for a full batch or its oldest, dynamic for a preferred size', () => {
  const table = [1, 2, 4].map((rows) => ({ rows, p50_ms: 10, p99_ms: 10 }));
  const run = (batching: Partial<Batching>, times: readonly number[]): number[] =>
    simulate(
      { ...FIXED, table, batching: { ...BATCHING, max_rows: 4, max_wait_ms: 30, ...batching } },
      { next: createReplay(times, 1), rows: 1, timeoutMs: 1e6 },
      createRandom(1),
    ).latencies.map((ms) => Math.round(ms));
  assert.deepEqual(run({ strategy: 'fixed' }, [0, 5]), [35, 40]);
  assert.deepEqual(run({ strategy: 'fixed' }, [0, 1, 2, 3]), [10, 11, 12, 13]);
  assert.deepEqual(run({ strategy: 'dynamic', preferred_rows: [2] }, [0, 5]), [10, 15]);
});

test('every request is answered or has expired, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(2_000), { maxLength: 60 }),
      fc.record({
        workers: fc.integer({ min: 1, max: 3 }),
        sessions: fc.integer({ min: 1, max: 2 }),
        strategy: fc.constantFrom(
          'adaptive' as const,
          'fixed' as const,
          'dynamic' as const,
          'latency-optimized' as const,
        ),
        timeoutMs: fc.integer({ min: 1, max: 500 }),
        rows: fc.integer({ min: 1, max: 3 }),
      }),
      (times, { workers, sessions, strategy, timeoutMs, rows }) => {
        const table = [1, 2, 4, 8].map((n) => ({ rows: n, p50_ms: 5 + n, p99_ms: 20 + n }));
        const batching: Batching = { ...BATCHING, strategy, max_rows: 8, max_wait_ms: 20 };
        const next = createReplay(
          times.toSorted((a, b) => a - b),
          1,
        );
        const seen = simulate(
          { ...FIXED, workers, sessions, table, batching },
          { next, rows, timeoutMs },
          createRandom(3),
        );
        assert.equal(seen.requests, times.length);
        assert.equal(seen.latencies.length + seen.expired, times.length);
        assert.ok(seen.busy <= 1 + 1e-9);
      },
    ),
    { numRuns: 100 },
  );
});

test('times have the median and the p99 of the table', () => {
  const cluster = { ...FIXED, workers: 50, table: [{ rows: 1, p50_ms: 10, p99_ms: 30 }] };
  const { arrivals } = poisson(100, 200);
  const seen = simulate(cluster, { next: arrivals(), rows: 1, timeoutMs: 1e9 }, createRandom(5));
  assert.ok(Math.abs((percentileOf(seen, 50) ?? 0) - 10) < 0.3);
  assert.ok(Math.abs((percentileOf(seen, 99) ?? 0) - 30) < 2.5);
});

test('one slow run of a small size is not taken for what all sizes do', () => {
  const sizes = [1, 2, 4, 8, 16];
  const quiet = sizes.map((rows) => ({ rows, p50_ms: 5 * rows, p99_ms: 6 * rows }));
  // As a table tells it: no size has a smaller p99 than one below it.
  const slow = quiet.map((point) => ({ ...point, p99_ms: Math.max(60, point.p99_ms) }));
  const p99 = (table: Cluster['table']): number => {
    const cluster = { ...FIXED, table, batching: { ...BATCHING, max_rows: 16 } };
    const { arrivals } = poisson(80, 100);
    const seen = simulate(cluster, { next: arrivals(), rows: 1, timeoutMs: 1e9 }, createRandom(7));
    return percentileOf(seen, 99) ?? Number.NaN;
  };
  assert.ok(p99(slow) < 1.5 * p99(quiet), `${p99(slow)} against ${p99(quiet)} ms`);
});

test('so many workers are planned as are needed, and no more than help', () => {
  const tried = planWorkers(FIXED, poisson(250, 60), { p99Ms: 60, expired: 0.001 });
  const last = tried.at(-1);
  assert.ok(last && last.workers >= 3 && last.workers <= 4 && meets(last, { p99Ms: 60, expired: 0.001 }));
  assert.ok(tried.slice(0, -1).every((one) => !meets(one, { p99Ms: 60, expired: 0.001 })));
  const never = planWorkers(FIXED, poisson(50, 20), { p99Ms: 5, expired: 0 });
  assert.ok(never.length < 10 && !meets(never.at(-1) ?? predict(FIXED, poisson(1, 1)), { p99Ms: 5, expired: 0 }));
});

test('what single requests take without their runs, put together with them again, is what they take', () => {
  const [whole, run] = [
    { p50_ms: 8, p99_ms: 18 },
    { p50_ms: 5, p99_ms: 11 },
  ];
  const overhead = withoutRun(whole, run);
  assert.deepEqual(overhead, { p50_ms: 3, p99_ms: 11 });
  const cluster = { ...FIXED, workers: 50, table: [{ rows: 1, ...run }], overhead };
  const seen = simulate(cluster, { next: poisson(100, 200).arrivals(), rows: 1, timeoutMs: 1e9 }, createRandom(6));
  assert.ok(Math.abs((percentileOf(seen, 99) ?? 0) - 18) < 2.5, `${percentileOf(seen, 99)}`);
  // Runs that spread more than the whole leave no spread to the rest.
  assert.deepEqual(withoutRun({ p50_ms: 5, p99_ms: 6 }, { p50_ms: 6, p99_ms: 9 }), { p50_ms: 0.05, p99_ms: 0.05 });
});
