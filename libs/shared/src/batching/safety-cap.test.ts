import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createSafetyCap, type Run } from './safety-cap.ts';

const MAX = 64;
const kept = (rows: number): Run => ({ rows, promisedMs: 5, tookMs: 5, slackMs: 10 });
const missed = (rows: number): Run => ({ rows, promisedMs: 5, tookMs: 20, slackMs: 10 });
const create = () => createSafetyCap(() => MAX);

test('nothing is capped until a promise was broken twice in sixteen runs, and then half the size that broke it', () => {
  const cap = create();
  for (let i = 0; i < 100; i += 1) cap.ran(kept(MAX), i);
  assert.equal(cap.rows(), Number.POSITIVE_INFINITY);
  cap.ran(missed(40), 100);
  for (let i = 101; i < 116; i += 1) cap.ran(kept(MAX), i);
  assert.equal(cap.rows(), Number.POSITIVE_INFINITY, 'one run in a hundred may');
  cap.ran(missed(40), 116);
  assert.equal(cap.rows(), 20);
  assert.deepEqual(cap.history(), [
    { at_ms: 116, from: 64, to: 20, reason: '40 rows took 20.0 ms, 5.0 ms were promised' },
  ]);
});

test('a deadline that the model did not promise to meet is not its fault', () => {
  const cap = create();
  cap.ran({ rows: 8, promisedMs: 50, tookMs: 60, slackMs: 10 }, 0);
  assert.equal(cap.rows(), Number.POSITIVE_INFINITY);
});

test('misses in quick succession count once', () => {
  const cap = create();
  for (let ms = 0; ms < 1_000; ms += 10) cap.ran(missed(MAX), ms);
  assert.equal(cap.rows(), 32);
  cap.ran(missed(32), 1_010);
  cap.ran(missed(32), 1_020);
  assert.equal(cap.rows(), 16);
});

test('misses that lie further apart are chance', () => {
  const cap = create();
  for (let ms = 0; ms < 10_000; ms += 1) cap.ran(ms % 17 === 0 ? missed(MAX) : kept(MAX), ms);
  assert.equal(cap.rows(), Number.POSITIVE_INFINITY);
});

test('the cap comes back in steps, and goes when it reaches the largest batch', () => {
  const cap = create();
  cap.ran(missed(MAX), 0);
  cap.ran(missed(MAX), 0);
  let runs = 0;
  for (let ms = 1_000; cap.rows() !== Number.POSITIVE_INFINITY; ms += 5) {
    cap.ran(kept(8), ms);
    runs += 1;
  }
  assert.equal(runs, 8 * 16);
  assert.deepEqual(
    cap.history().map((change) => change.to),
    [32, 36, 40, 44, 48, 52, 56, 60, 64],
  );
});

test('whatever happens the cap allows a row, and the history keeps 32 changes', () => {
  const run = fc.record({
    rows: fc.integer({ min: 1, max: MAX }),
    promisedMs: fc.nat({ max: 20 }),
    tookMs: fc.nat({ max: 40 }),
    slackMs: fc.integer({ min: -5, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 300 }), (runs) => {
      const cap = create();
      runs.forEach((one, i) => cap.ran(one, i * 300));
      assert.ok(cap.rows() >= 1);
      assert.ok(cap.history().length <= 32);
      for (const change of cap.history()) assert.ok(change.to >= 1 && change.to <= MAX);
    }),
  );
});
