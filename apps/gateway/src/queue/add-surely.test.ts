import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AddOutcome, NewJob } from '@batchyard/queue/operations';

import { createAddSurely } from './add-surely.ts';

const JOB = { id: 'a' } as NewJob;

/** @param outcomes of each add in turn; the last one stays */
function puppet(outcomes: readonly (AddOutcome | Error)[], settled: () => boolean = () => false) {
  const pauses: number[] = [];
  let adds = 0;
  const add = createAddSurely({
    async add(queue, job) {
      assert.deepEqual([queue, job], ['M@1', JOB]);
      const outcome = outcomes[Math.min(adds, outcomes.length - 1)];
      adds += 1;
      if (outcome === undefined || outcome instanceof Error) throw outcome;
      return outcome;
    },
    async pause(ms) {
      pauses.push(ms);
    },
  });
  return { outcome: add('M@1', JOB, settled), pauses, adds: () => adds };
}

test('what Redis answered is passed on at once', async () => {
  for (const outcome of ['added', 'exists', 'full', 'stale', 'refused'] as const) {
    const { outcome: told, adds } = puppet([outcome, 'added']);
    assert.deepEqual([await told, adds()], [outcome, 1]);
  }
});

test('an add whose answer was lost is told again until it is known', async () => {
  for (const known of ['added', 'exists', 'full'] as const) {
    const { outcome, adds } = puppet(['unknown', 'refused', new Error('away'), 'stale', known]);
    assert.deepEqual([await outcome, adds()], [known, 5]);
  }
});

test('it is given up after less than two seconds of pauses', async () => {
  const { outcome, adds, pauses } = puppet([new Error('away')]);
  assert.deepEqual([await outcome, adds()], ['unknown', 6]);
  assert.ok(pauses.reduce((sum, ms) => sum + ms, 0) < 2_000);
});

test('a job that is settled meanwhile is not told again', async () => {
  const { outcome, adds } = puppet(['unknown', 'added'], () => true);
  assert.deepEqual([await outcome, adds()], ['exists', 1]);
});
