import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JobView } from '@batchyard/queue/operations';

import { statesAfter } from './job-states.ts';

const view = (changes: Partial<JobView>): JobView => ({
  id: 'a',
  status: 'queued',
  kind: 'durable',
  priority: 'normal',
  rows: 1,
  tenant: '-',
  tags: undefined,
  submittedMs: 100,
  queuedMs: 100,
  deadlineMs: 30_100,
  startedMs: undefined,
  finishedMs: undefined,
  deliveries: 0,
  attempts: 0,
  worker: undefined,
  batch: undefined,
  deaths: 0,
  receipt: undefined,
  failure: undefined,
  ...changes,
});
const ids = (one: JobView, seen?: string): string[] => statesAfter(one, seen).map(({ id }) => id);

test('who has seen nothing gets all that is known, who has seen a state what came after it', () => {
  const done = view({ status: 'succeeded', startedMs: 105, finishedMs: 109 });
  assert.deepEqual(ids(done), ['100-queued', '105-running', '109-succeeded']);
  assert.deepEqual(ids(done, '100-queued'), ['105-running', '109-succeeded']);
  assert.deepEqual(ids(done, '105-running'), ['109-succeeded']);
  assert.deepEqual(ids(done, '109-succeeded'), []);
  assert.deepEqual(ids(done, 'nonsense'), ids(done));
  assert.deepEqual(ids(view({}), '100-queued'), []);
});

test('states of one millisecond are told in their order', () => {
  const quick = view({ status: 'succeeded', startedMs: 100, finishedMs: 100 });
  assert.deepEqual(ids(quick, '100-queued'), ['100-running', '100-succeeded']);
  assert.deepEqual(ids(quick, '100-running'), ['100-succeeded']);
});

test('a job that never ran ends without a run, and one that comes back waits again', () => {
  assert.deepEqual(ids(view({ status: 'expired', finishedMs: 200 }), '100-queued'), ['200-expired']);
  assert.deepEqual(ids(view({}), '105-running'), ['100-queued']);
  assert.deepEqual(ids(view({ status: 'running', startedMs: 300 }), '100-queued'), ['300-running']);
  // Tried again after it had failed.
  assert.deepEqual(ids(view({ queuedMs: 500 }), '109-failed'), ['500-queued']);
});
