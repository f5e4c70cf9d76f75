import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AddOutcome, NewJob } from '@batchyard/queue/operations';

import { createAddSurely } from './add-surely.ts';

const JOB = { id: 'a' } as NewJob;

/** @param outcomes of each add in turn; the last one stays */
function puppet(outcomes: readonly (AddOutcome | Error)[], settled: () => boolean = () => false, takesMs = 0) {
  const pauses: number[] = [];
  let adds = 0;
  let nowMs = 0;
  let calls = 0;
  const add = createAddSurely({
    async add(queue, job) {
      assert.deepEqual([queue, job], ['M@1', JOB]);
      const outcome = outcomes[Math.min(adds, outcomes.length - 1)];
      adds += 1;
      nowMs += takesMs;
      if (outcome === undefined || outcome instanceof Error) throw outcome;
      return outcome;
    },
    async pause(ms) {
      // Every other one is raced against an add, and none of those is as long as that.
      calls += 1;
      if (calls % 2 === 0) return new Promise(() => undefined);
      pauses.push(ms);
      nowMs += ms;
      return undefined;
    },
    now: () => nowMs,
  });
  return { outcome: add('M@1', JOB, settled), pauses, adds: () => adds };
}

test('what Redis answered is passed on at once', async () => {
  for (const outcome of ['added', 'exists', 'full', 'known', 'claims_full', 'stale', 'refused'] as const) {
    const { outcome: told, adds } = puppet([outcome, 'added']);
    assert.deepEqual([await told, adds()], [outcome, 1]);
  }
});

test('an add whose answer was lost is told again until it is known', async () => {
  for (const known of ['added', 'exists', 'full', 'known'] as const) {
    const { outcome, adds } = puppet(['unknown', 'refused', new Error('away'), 'stale', known]);
    assert.deepEqual([await outcome, adds()], [known, 5]);
  }
});

test('it is given up within a second, however long each add takes to fail', async () => {
  const { outcome, adds, pauses } = puppet([new Error('away')]);
  assert.deepEqual([await outcome, adds()], ['unknown', 5]);
  assert.deepEqual(pauses, [50, 100, 200, 400]);
  const slow = puppet([new Error('away')], () => false, 450);
  assert.deepEqual([await slow.outcome, slow.adds(), slow.pauses], ['unknown', 2, [50, 100]]);
});

test('an add that does not answer is waited for until the second is over', async () => {
  let adds = 0;
  const add = createAddSurely({
    async add() {
      adds += 1;
      if (adds === 1) throw new Error('away');
      return new Promise<AddOutcome>(() => undefined);
    },
    pause: async () => undefined,
    now: () => 0,
  });
  assert.deepEqual([await add('M@1', JOB, () => false), adds], ['unknown', 5]);
});

test('a job that is settled meanwhile is not told again', async () => {
  const { outcome, adds } = puppet(['unknown', 'added'], () => true);
  assert.deepEqual([await outcome, adds()], ['exists', 1]);
});
