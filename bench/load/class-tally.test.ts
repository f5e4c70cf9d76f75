import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createClassTally } from './class-tally.ts';
import { timeToNormal } from './probe.ts';

test('every outcome is counted once, and a refusal is told from a deadline that passed', () => {
  const tally = createClassTally({ name: 'high', timeoutMs: 100 }, 1_000);
  const outcome = (dueAt: number, ms: number, status: number, text = ''): void => {
    tally.offer();
    tally.add({ dueAt, ms, status, text });
  };
  outcome(0, 50, 200);
  outcome(980, 50, 200);
  outcome(0, 150, 200);
  outcome(0, 101, 503, '{"error":"Request timeout expired"}');
  outcome(0, 2, 503, '{"error":"the predicted wait is 900 ms"}');
  outcome(0, 10, 500, '{"error":"x"}');
  outcome(0, 10, 0, 'given up');
  const { admitted, refusals, ...counts } = tally.result();
  assert.deepEqual(counts, {
    name: 'high',
    offered: 7,
    inTime: 2,
    inTimeDuringLoad: 1,
    late: 1,
    refused: 1,
    expired: 1,
    failures: { 500: 1, 'given up': 1 },
  });
  assert.ok(Math.abs(admitted.p99 - 150) < 1);
  assert.ok(Math.abs(refusals.p50 - 2) < 0.1);
});

test('it is normal again with the first of so many fast answers in a row', () => {
  const probes = [5, 90, 5, 5, Number.POSITIVE_INFINITY, 5, 6, 5].map((ms, i) => ({ at: 10 * i, ms }));
  assert.equal(timeToNormal(probes, 3, 20), 50);
  assert.equal(timeToNormal(probes, 4, 20), Number.POSITIVE_INFINITY);
  assert.equal(timeToNormal(probes, 1, 20), 0);
});
