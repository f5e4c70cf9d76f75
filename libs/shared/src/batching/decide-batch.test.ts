import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STRATEGIES } from '../contract/batching.ts';
import fc from 'fast-check';

import { decideRun, decideTake, payingRows, rowsWorthWaiting, type BatchPolicy } from './decide-batch.ts';
import { createLatencyModel } from './latency-model.ts';

const table = (...points: [rows: number, ms: number][]) =>
  createLatencyModel(points.map(([rows, ms]) => ({ rows, p50_ms: ms, p99_ms: ms * 1.2 })));
const gaining = table([1, 2], [2, 2.1], [4, 2.4], [8, 3], [16, 5]);
const adaptive: BatchPolicy = {
  strategy: 'adaptive',
  maxRows: 16,
  maxWaitMs: 50,
  preferredRows: [],
  targetMs: undefined,
};
const fixed: BatchPolicy = { ...adaptive, strategy: 'fixed' };
const dynamic: BatchPolicy = { ...adaptive, strategy: 'dynamic', preferredRows: [4, 8] };
const quick: BatchPolicy = { ...adaptive, strategy: 'latency-optimized' };
const FIRST = { batch: 1, leadMs: 0 };
const AT = (nowMs: number, left = 0) => ({ nowMs, waiting: left });
const job = (deadlineMs: number, rows = 1, deaths = 0) => ({ rows, deadlineMs, queuedMs: 0, deaths });
const jobs = (count: number, deadlineMs = 10_000) => Array.from({ length: count }, () => job(deadlineMs));
const reason = (policy: BatchPolicy, count: number): string => decideRun(jobs(count), policy, gaining, AT(0)).reason;

test('each strategy asks its own question of the queue', () => {
  const atOnce = { maxRows: 16, minRows: 0, lingerMs: 0, preferredRows: [], spareMs: 0, fullMs: 6 };
  assert.deepEqual(decideTake(adaptive, gaining, FIRST, 0), atOnce);
  assert.deepEqual(decideTake(quick, gaining, FIRST, 0), atOnce);
  assert.deepEqual(decideTake(fixed, gaining, FIRST, 0), { ...atOnce, minRows: 16, lingerMs: 50 });
  assert.deepEqual(decideTake(dynamic, gaining, FIRST, 0), { ...atOnce, lingerMs: 50, preferredRows: [4, 8] });
});

test('a full batch ends, as far as a take asks, after its lead and its run, at most a quarter beyond the median', () => {
  assert.equal(decideTake(adaptive, gaining, { batch: 1, leadMs: 3 }, 0).fullMs, 3 + 6);
  const wild = createLatencyModel([{ rows: 16, p50_ms: 8, p99_ms: 80 }]);
  assert.equal(decideTake(adaptive, wild, FIRST, 0).fullMs, 10);
});

test('dynamic without a preferred size that fits prefers the largest batch', () => {
  assert.deepEqual(decideTake({ ...dynamic, preferredRows: [] }, gaining, FIRST, 0).preferredRows, [16]);
  assert.deepEqual(decideTake({ ...dynamic, maxRows: 3 }, gaining, FIRST, 0).preferredRows, [3]);
});

test('a target keeps batches so small that their run alone meets it', () => {
  const target: BatchPolicy = { ...adaptive, targetMs: 4 };
  assert.equal(decideTake(target, gaining, FIRST, 0).maxRows, 8);
  assert.equal(decideTake({ ...target, targetMs: 0.1 }, gaining, FIRST, 0).maxRows, 1);
  assert.equal(decideTake({ ...quick, targetMs: 4 }, gaining, FIRST, 0).maxRows, 8);
});

const policy = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  maxRows: fc.integer({ min: 1, max: 64 }),
  maxWaitMs: fc.integer({ min: 0, max: 100 }),
  preferredRows: fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 4 }),
  targetMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
});
const waiting = fc.array(
  fc.record({
    rows: fc.integer({ min: 1, max: 8 }),
    deadlineMs: fc.integer({ min: -100, max: 1000 }),
    queuedMs: fc.integer({ min: -1000, max: 0 }),
    deaths: fc.constantFrom(0, 0, 0, 1),
  }),
  { minLength: 1, maxLength: 64 },
);

test('whatever the settings, a take stays within them and only fixed and dynamic wait longer than a run', () => {
  fc.assert(
    fc.property(policy, fc.nat(), fc.double({ min: 0, max: 100, noNaN: true }), (any, batch, rowsPerMs) => {
      const asked = decideTake(any, gaining, { batch, leadMs: 0 }, rowsPerMs);
      assert.ok(asked.maxRows >= 1 && asked.maxRows <= any.maxRows);
      assert.ok(asked.lingerMs <= any.maxWaitMs);
      assert.ok(asked.preferredRows.every((rows) => rows <= any.maxRows));
      if (any.strategy === 'latency-optimized') assert.equal(asked.lingerMs, 0);
      if (any.strategy === 'adaptive') assert.ok(asked.lingerMs <= gaining.p50(1));
    }),
  );
});

test('adaptive waits for what shortens the mean, and asks for nothing where it may not wait', () => {
  assert.equal(rowsWorthWaiting(gaining, 10, 16), 7);
  assert.equal(rowsWorthWaiting(gaining, 2, 16), 3);
  assert.equal(rowsWorthWaiting(table([1, 1], [2, 2], [4, 4]), 100, 4), 0);
  const asked = decideTake(adaptive, gaining, FIRST, 10);
  assert.deepEqual([asked.minRows, asked.lingerMs, asked.spareMs], [7, 2, gaining.p99(16)]);
  assert.deepEqual([decideTake({ ...adaptive, maxWaitMs: 0 }, gaining, FIRST, 10).lingerMs], [0]);
});

test('at low load a single request pays no delay, whatever the run times', () => {
  const runTimes = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(runTimes, fc.double({ min: 0, max: 1, noNaN: true }), (steps, share) => {
      let ms = 0;
      const measured = table(...steps.map((step, i): [number, number] => [2 ** i, (ms += step)]));
      const rowsPerMs = (share * 2) / measured.p50(1);
      assert.equal(decideTake(adaptive, measured, FIRST, rowsPerMs).lingerMs, 0);
    }),
  );
});

test('whatever was taken, at least its first job runs, and nothing is left out that could have met the deadline too', () => {
  fc.assert(
    fc.property(policy, waiting, (any, taken) => {
      const { take, reason: why, slackMs } = decideRun(taken, any, gaining, AT(0));
      assert.ok(take >= 1 && take <= taken.length);
      assert.equal(why === 'deadline', take < taken.length);
      if (why !== 'deadline') return;
      const rows = (count: number): number => taken.slice(0, count).reduce((sum, one) => sum + one.rows, 0);
      const deadlineMs = Math.min(...taken.map((one) => one.deadlineMs));
      assert.ok(take === 1 || gaining.p50(rows(take)) <= deadlineMs);
      assert.ok(gaining.p99(rows(take + 1)) > slackMs);
    }),
  );
});

test('a batch grows only as far as it pays', () => {
  assert.equal(payingRows(gaining, 16), 16);
  assert.equal(payingRows(table([1, 1], [2, 1.5], [4, 3], [8, 6.5]), 8), 2);
  assert.equal(payingRows(createLatencyModel(), 8), 8);
});

test('a size that looked bad is tried again now and then, and pays once it was measured to', () => {
  const misled = table([1, 1], [2, 1.5], [4, 8], [8, 9]);
  const small: BatchPolicy = { ...adaptive, maxRows: 8 };
  assert.equal(payingRows(misled, 8), 2);
  const sizes = Array.from({ length: 16 }, (_, batch) => decideTake(small, misled, { batch, leadMs: 0 }, 0).maxRows);
  assert.deepEqual(new Set(sizes), new Set([2, 4]));
  for (let batch = 0; batch < 160; batch += 1) {
    const { maxRows } = decideTake(small, misled, { batch, leadMs: 0 }, 0);
    misled.observe(maxRows, 0.5 + maxRows / 4);
  }
  assert.equal(payingRows(misled, 8), 8);
});

test('the reason tells why the batch ran as it is', () => {
  assert.deepEqual(decideRun(jobs(16), adaptive, gaining, AT(0)), { take: 16, reason: 'full', slackMs: 10_000 });
  assert.deepEqual([reason(adaptive, 3), reason(fixed, 3), reason(quick, 3)], ['idle', 'delay', 'idle']);
  assert.deepEqual([reason(dynamic, 4), reason(dynamic, 5), reason(dynamic, 16)], ['preferred', 'delay', 'full']);
  assert.equal(reason({ ...dynamic, maxWaitMs: 0 }, 5), 'idle');
  assert.equal(decideRun([job(10_000, 1, 1)], adaptive, gaining, AT(0)).reason, 'retry-alone');
});

test('a tight deadline makes the batch smaller, where that helps', () => {
  const decision = decideRun(jobs(16, 4), adaptive, gaining, AT(0));
  assert.equal(decision.reason, 'deadline');
  assert.ok(decision.take < 16 && gaining.p99(decision.take) <= 4);
  assert.equal(decideRun(jobs(16, 4), adaptive, gaining, AT(3.9)).reason, 'full');
  assert.equal(decideRun(jobs(16, 4), dynamic, gaining, AT(0)).reason, 'full');
});

test('latency-optimized cuts by its target where deadlines are far', () => {
  const late = { ...quick, targetMs: 4 };
  const cut = decideRun(jobs(16), late, gaining, AT(0));
  assert.deepEqual([cut.reason, cut.take >= 8 && gaining.p50(cut.take) <= 4], ['deadline', true]);
  assert.equal(decideRun(jobs(16), late, gaining, AT(1.9)).reason, 'full', 'less than half would stay');
  assert.equal(decideRun(jobs(16), quick, gaining, AT(0)).reason, 'full');
});

test('behind a backlog a target cuts nothing, and deadlines only where they are worth the rows that are not done meanwhile', () => {
  const late = { ...quick, targetMs: 4 };
  assert.equal(decideRun(jobs(16), late, gaining, AT(0, 1)).reason, 'full');
  assert.equal(decideRun(jobs(16, 4), late, gaining, AT(0, 1)).reason, 'deadline');
  const one = [job(4), ...jobs(15)];
  assert.equal(decideRun(one, adaptive, gaining, AT(0)).reason, 'deadline');
  assert.equal(decideRun(one, adaptive, gaining, AT(0, 1)).reason, 'full');
});

test('one slow run shuts no size out of a target for good', () => {
  const latency = table([1, 2], [8, 3], [16, 5]);
  const small: BatchPolicy = { ...quick, targetMs: 10 };
  latency.observe(16, 50);
  assert.equal(decideTake(small, latency, FIRST, 0).maxRows, 16);
  for (let i = 0; i < 64; i += 1) latency.observe(16, 50);
  assert.equal(decideTake(small, latency, FIRST, 0).maxRows, 8);
  for (let batch = 0; batch < 64 * 16; batch += 1)
    latency.observe(decideTake(small, latency, { batch, leadMs: 0 }, 0).maxRows, 3);
  assert.equal(decideTake(small, latency, FIRST, 0).maxRows, 16);
});

test('estimates never fall with size and follow what was measured', () => {
  const latency = table([1, 2], [8, 4]);
  assert.equal(latency.p50(1), 2);
  assert.ok(latency.p50(4) > 2 && latency.p50(4) < 4);
  assert.equal(latency.p50(16), 8);
  for (let i = 0; i < 64; i += 1) latency.observe(1, 6);
  assert.equal(latency.p50(1), 6);
  assert.equal(latency.p50(8), 6);
  assert.ok(latency.bestRate() > 1);
});

test('every size is measured as the nearest of the grid', () => {
  const latency = table([1, 1], [8, 8], [64, 64]);
  for (let i = 0; i < 64; i += 1) latency.observe(60, 30);
  assert.deepEqual(
    latency.points().map((point) => point.rows),
    [1, 8, 64],
  );
  assert.ok(Math.abs(latency.p50(64) - 32) < 1);
});
