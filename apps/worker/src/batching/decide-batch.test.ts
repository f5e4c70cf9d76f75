import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decideRun, decideTake, payingRows, type BatchPolicy } from './decide-batch.ts';
import { createLatencyModel } from './latency-model.ts';

const table = (...points: [rows: number, ms: number][]) =>
  createLatencyModel(points.map(([rows, ms]) => ({ rows, p50_ms: ms, p99_ms: ms * 1.2 })));
const gaining = table([1, 2], [2, 2.1], [4, 2.4], [8, 3], [16, 5]);
const adaptive: BatchPolicy = { strategy: 'adaptive', maxRows: 16, maxWaitMs: 50 };
const fixed: BatchPolicy = { strategy: 'fixed', maxRows: 16, maxWaitMs: 50 };
const job = (deadlineMs: number, rows = 1, deaths = 0) => ({ rows, deadlineMs, deaths });

test('adaptive takes what is there; fixed waits for the largest size', () => {
  assert.deepEqual(decideTake(adaptive, gaining, 1), { maxRows: 16, minRows: 0, lingerMs: 0 });
  assert.deepEqual(decideTake(fixed, gaining, 1), { maxRows: 16, minRows: 16, lingerMs: 50 });
});

test('a batch grows only as far as it pays', () => {
  assert.equal(payingRows(gaining, 16), 16);
  assert.equal(payingRows(table([1, 1], [2, 1.5], [4, 3], [8, 6.5]), 8), 2);
  assert.equal(payingRows(createLatencyModel(), 8), 8);
});

test('a size that looked bad is tried again now and then, and pays once it was measured to', () => {
  const misled = table([1, 1], [2, 1.5], [4, 8], [8, 9]);
  const policy: BatchPolicy = { ...adaptive, maxRows: 8 };
  assert.equal(payingRows(misled, 8), 2);
  const sizes = Array.from({ length: 16 }, (_, batch) => decideTake(policy, misled, batch).maxRows);
  assert.deepEqual(new Set(sizes), new Set([2, 4]));
  for (let batch = 0; batch < 160; batch += 1) {
    const { maxRows } = decideTake(policy, misled, batch);
    misled.observe(maxRows, 0.5 + maxRows / 4);
  }
  assert.equal(payingRows(misled, 8), 8);
});

test('the reason tells whether it was full, or all there was', () => {
  const jobs = Array.from({ length: 16 }, () => job(10_000));
  assert.deepEqual(decideRun(jobs, adaptive, gaining, 0), { take: 16, reason: 'full' });
  assert.deepEqual(decideRun(jobs.slice(0, 3), adaptive, gaining, 0), { take: 3, reason: 'idle' });
  assert.deepEqual(decideRun(jobs.slice(0, 3), fixed, gaining, 0), { take: 3, reason: 'delay' });
  assert.deepEqual(decideRun([job(10_000, 1, 1)], adaptive, gaining, 0), { take: 1, reason: 'retry-alone' });
});

test('a tight deadline makes the batch smaller, where that helps', () => {
  const jobs = Array.from({ length: 16 }, () => job(4));
  const decision = decideRun(jobs, adaptive, gaining, 0);
  assert.equal(decision.reason, 'deadline');
  assert.ok(decision.take < 16 && gaining.p99(decision.take) <= 4);
  assert.equal(decideRun(jobs, adaptive, gaining, 3.9).reason, 'full');
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
