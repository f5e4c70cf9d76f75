import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createHealthBook } from './health.ts';
import { createTrack } from './track.ts';

/** Two workers or one, looked at each second; `step` tells what each did since and how long it has been silent. */
function ward(workers: readonly string[] = ['a', 'b']) {
  const track = createTrack();
  const book = createHealthBook();
  const counts = new Map(workers.map((id) => [id, { succeeded: 0, failed: 0 }]));
  let nowMs = 0;
  const step = (did: Record<string, [number, number]>, silentMs = 200) => {
    for (const [id, [succeeded, failed]] of Object.entries(did)) {
      const own = counts.get(id) ?? { succeeded: 0, failed: 0 };
      counts.set(id, { succeeded: own.succeeded + succeeded, failed: own.failed + failed });
    }
    nowMs += 1_000;
    const beats = Array.from(counts, ([id, count]) => ({ id, token: `${id}:1`, models: [{ queue: 'm@1', ...count }] }));
    track.look(beats as unknown as Heartbeat[], nowMs);
    const silences = new Map(workers.map((id) => [id, id === 'a' ? silentMs : 200]));
    const verdict = book.judge(silences, track, nowMs).get('a');
    return [verdict?.health, verdict?.reason] as const;
  };
  step({});
  return step;
}
const NOTHING = {};

test('by silence: suspect, unhealthy, lost; back by beats, not at once', () => {
  const step = ward();
  assert.deepEqual(step(NOTHING)[0], 'healthy');
  assert.deepEqual(step(NOTHING, 2_600), ['suspect', 'has not been heard of for 2.6 s']);
  assert.equal(step(NOTHING, 4_600)[0], 'unhealthy');
  assert.equal(step(NOTHING, 10_000)[0], 'lost');
  assert.deepEqual(step(NOTHING), ['suspect', 'beats again']);
  assert.equal(step(NOTHING)[0], 'healthy');
});

test('under nine tenths of its jobs it is suspect, and healthy again only from 95 %', () => {
  const step = ward();
  assert.deepEqual(step({ a: [7, 3], b: [100, 0] }), ['suspect', "70 % of its jobs succeed, 100 % of the others'"]);
  for (let s = 0; s < 4; s += 1) assert.equal(step({ a: [5, 0], b: [10, 0] })[0], 'suspect');
  assert.equal(step({ a: [100, 0], b: [10, 0] })[0], 'healthy');
});

test('under half it is unhealthy until three probes in a row succeed, and a failed one begins anew', () => {
  const step = ward();
  assert.equal(step({ a: [1, 9], b: [100, 0] })[0], 'unhealthy');
  assert.equal(step({ a: [2, 0], b: [100, 0] })[0], 'unhealthy');
  assert.equal(step({ a: [0, 1], b: [100, 0] })[0], 'unhealthy');
  assert.equal(step({ a: [2, 0], b: [100, 0] })[0], 'unhealthy');
  assert.deepEqual(step({ a: [1, 0], b: [100, 0] }), ['suspect', '3 probes in a row succeeded']);
  assert.equal(step({ a: [3, 0], b: [100, 0] })[0], 'healthy');
});

test('jobs that fail everywhere, or on the only worker, say nothing of it', () => {
  const step = ward();
  assert.equal(step({ a: [4, 6], b: [40, 60] })[0], 'healthy');
  const alone = ward(['a']);
  assert.equal(alone({ a: [0, 100] })[0], 'healthy');
});
