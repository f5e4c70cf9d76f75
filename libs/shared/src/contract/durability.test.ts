import assert from 'node:assert/strict';
import { test } from 'node:test';

import { durabilityProblem, keepsJobs, shownUrl } from './durability.ts';

const GOOD = { appendOnly: true, policy: 'noeviction' };
const FORGETS = { appendOnly: false, policy: 'noeviction' };
const EVICTS = { appendOnly: true, policy: 'allkeys-lru' };

test('durable takes only a Redis that keeps what it has', () => {
  assert.equal(durabilityProblem(GOOD, 'durable', 'r'), undefined);
  assert.match(durabilityProblem(FORGETS, 'durable', 'r')?.sentence ?? '', /keeps no append-only file/);
  assert.match(durabilityProblem(EVICTS, 'durable', 'r')?.next ?? '', /^redis-cli -u r config set maxmemory-policy/);
});

test('auto takes one without a file, but none that evicts; ephemeral takes any', () => {
  assert.equal(durabilityProblem(FORGETS, 'auto', 'r'), undefined);
  assert.match(durabilityProblem(EVICTS, 'auto', 'r')?.sentence ?? '', /evicts keys/);
  assert.equal(durabilityProblem({ ...EVICTS, appendOnly: false }, 'ephemeral', 'r'), undefined);
});

test('jobs are kept only with a file and without eviction', () => {
  assert.deepEqual([GOOD, FORGETS, EVICTS].map(keepsJobs), [true, false, false]);
  assert.equal(keepsJobs({ appendOnly: true, policy: '' }), true);
});

test('a password is not shown', () => {
  assert.equal(shownUrl('redis://u:secret@h:1/2'), 'redis://u:***@h:1/2');
  assert.equal(shownUrl('redis://:secret@h:1, redis://u:secret@h:2'), 'redis://:***@h:1,redis://u:***@h:2');
  assert.equal(shownUrl('no address'), 'no address');
});
