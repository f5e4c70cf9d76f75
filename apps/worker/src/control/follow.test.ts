import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createFollower } from './follow.ts';

test('without a directive everything may be taken', () => {
  const follow = createFollower('w');
  assert.deepEqual(follow.permit('m@1', 0), {});
  assert.equal(follow.rests('m@1', 0), false);
  assert.equal(follow.reason(), undefined);
});

test('a rule bounds what a take asks for, in its queue', () => {
  const follow = createFollower('w');
  const rule = { rest_ms: 20, max_jobs: 4, turn: { weight: 2, wait_ms: 40 }, share_of: 3 };
  follow.hear({ kind: 'serve', takes: { 'm@1': rule }, reason: 'why' });
  const turn = { worker: 'w', weight: 2, waitMs: 40 };
  assert.deepEqual(follow.permit('m@1', 0), { restMs: 20, maxJobs: 4, turn, shareOf: 3 });
  assert.deepEqual(follow.permit('n@1', 0), {});
  assert.deepEqual([follow.rests('m@1', 0), follow.rests('n@1', 0)], [true, false]);
});

test('a rest may last while others take', () => {
  const follow = createFollower('w');
  follow.hear({ kind: 'serve', takes: { 'm@1': { rest_ms: 80, rest_while_taken_ms: 400 } }, reason: 'crowded' });
  assert.deepEqual(follow.permit('m@1', 0), { restMs: 80, restWhileTakenMs: 400 });
});

test('who rests takes one job at once now and then, where it is told to', () => {
  const follow = createFollower('w');
  follow.hear({ kind: 'serve', takes: { 'm@1': { rest_ms: 20, probe_ms: 1_000 } }, reason: 'slow' });
  assert.deepEqual(follow.permit('m@1', 0), { restMs: 20 });
  assert.deepEqual(follow.permit('m@1', 1_000), { maxJobs: 1 });
  assert.equal(follow.rests('m@1', 1_000), false);
  follow.took('m@1', 1_100);
  assert.deepEqual(follow.permit('m@1', 1_200), { restMs: 20 });
});

test('half open: a few jobs now and then, and nothing else', () => {
  const follow = createFollower('w');
  follow.hear({ kind: 'probe', every_ms: 500, max_jobs: 2, reason: 'it fails' });
  assert.equal(follow.permit('m@1', 0), undefined);
  assert.equal(follow.rests('m@1', 0), true);
  assert.deepEqual(follow.permit('m@1', 500), { maxJobs: 2 });
  follow.took('m@1', 500);
  assert.equal(follow.permit('m@1', 600), undefined);
  // A directive that is gone leaves the worker to its defaults.
  follow.hear(undefined);
  assert.deepEqual(follow.permit('m@1', 700), {});
});

test('who was drained stays drained when nobody steers any more, until it is told to serve', () => {
  const follow = createFollower('w');
  follow.hear({ kind: 'drain', exit: false, reason: 'by hand' });
  follow.hear(undefined);
  assert.ok(follow.drains());
  assert.equal(follow.permit('m@1', 0), undefined);
  follow.hear({ kind: 'serve', takes: {}, reason: '' });
  assert.deepEqual(follow.permit('m@1', 0), {});
});

test('a queue that was left to others is not listened to meanwhile', () => {
  const follow = createFollower('w');
  follow.leave('m@1', 30);
  assert.deepEqual([follow.rests('m@1', 29), follow.rests('n@1', 29), follow.rests('m@1', 30)], [true, false, false]);
});
