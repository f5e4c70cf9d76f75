import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createBacklog, type ClassCounts } from './backlog.ts';
import { capacity, predictWait } from './predict-wait.ts';

const job = (over: Partial<{ class: number; rows: number; bytes: number }> = {}) => ({
  class: 2,
  rows: 1,
  bytes: 1_000,
  ...over,
});
const idle: ClassCounts = [0, 0, 0, 0];

test('what was admitted counts until the call that carried it has told what waits', () => {
  const backlog = createBacklog();
  backlog.admitted(job(), 0);
  backlog.admitted(job({ class: 0 }), 0);
  assert.deepEqual(backlog.rows(0, 0), [1, 0, 1, 0]);
  backlog.told(1, [0, 0, 7, 3], 0);
  assert.deepEqual(backlog.rows(0, 0), [1, 0, 7, 3]);
});

test('between two calls the workers take off what they can run, the more urgent first', () => {
  const backlog = createBacklog();
  backlog.told(0, [2, 0, 10, 10], 0);
  assert.deepEqual(backlog.rows(5, 1), [0, 0, 7, 10]);
  assert.deepEqual(backlog.rows(100, 1), [0, 0, 0, 0]);
});

test('the arrival rate is that of about the last second', () => {
  const backlog = createBacklog();
  for (let at = 0; at < 5_000; at += 10) backlog.admitted(job(), at);
  assert.ok(Math.abs(backlog.arrivals(5_000)[2] - 0.1) < 0.01);
  assert.ok(backlog.arrivals(10_000)[2] < 0.001);
});

test('bytes that wait follow the mean size of an input', () => {
  const backlog = createBacklog();
  for (let i = 0; i < 200; i += 1) backlog.admitted(job({ rows: 4 }), 0);
  backlog.told(200, [0, 0, 100, 0], 0);
  assert.ok(Math.abs(backlog.bytes(backlog.rows(0, 0)) - 100_000) < 1_000);
});

test('predictions that prove too short are made longer, within bounds', () => {
  const backlog = createBacklog();
  assert.equal(backlog.correction(2), 1);
  for (let i = 0; i < 200; i += 1) backlog.waited(2, 100 * backlog.correction(2), 200);
  assert.ok(Math.abs(backlog.correction(2) - 2) < 0.05);
  for (let i = 0; i < 1_000; i += 1) backlog.waited(2, 100, 100_000);
  assert.equal(backlog.correction(2), 8);
  for (let i = 0; i < 1_000; i += 1) backlog.waited(2, 100, 0);
  assert.equal(backlog.correction(2), 0.5);
  backlog.waited(2, 1, 1_000);
  assert.equal(backlog.correction(2), 0.5);
  assert.equal(backlog.correction(0), 1);
});

test('the capacity is what all workers run at their best sizes', () => {
  const table = [
    { rows: 1, p50_ms: 1, p99_ms: 2 },
    { rows: 8, p50_ms: 2, p99_ms: 3 },
  ];
  assert.equal(capacity([table, table]), 8);
  assert.equal(capacity([]), 0);
});

test('a class waits for what is as urgent or more, and for what will overtake it', () => {
  assert.equal(predictWait(0, [4, 40, 100, 0], idle, 1), 4 / (1 - 0.1 - 1 / 16));
  assert.equal(predictWait(1, [4, 4, 100, 0], idle, 1), 8 / (15 / 16));
  assert.equal(predictWait(2, [4, 4, 2, 100], idle, 1), 10 / (15 / 16));
  assert.equal(predictWait(3, [0, 0, 0, 10], [0.2, 0.2, 0.1, 5], 1), 20);
  assert.equal(predictWait(3, [50, 50, 50, 1], [1, 1, 1, 0], 1), 16);
  assert.equal(predictWait(0, [10, 0, 0, 0], idle, 0), 0);
});

test('the more is ahead, the longer the wait, and nobody is predicted to starve', () => {
  const rows = fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), fc.nat(1_000));
  fc.assert(
    fc.property(rows, rows, fc.nat(3), (waiting, arrivals, priority) => {
      const wait = predictWait(priority, waiting, arrivals, 1);
      const more = waiting.map((n, i) => (i <= priority ? n + 1 : n)) as unknown as ClassCounts;
      assert.ok(wait >= 0 && wait <= predictWait(priority, more, arrivals, 1));
      if (priority > 0) assert.ok(wait <= (waiting[priority] ?? 0) / (priority === 1 ? 0.1 : 1 / 16));
    }),
  );
});
