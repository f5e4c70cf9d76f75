/** Load tests on a real Redis: one at a time in the cluster, and the last ones kept. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { KEPT_LOAD_TESTS, type LoadRun } from '@batchyard/shared/contract/load-test';
import { loadTestsKey } from '@batchyard/shared/contract/redis-keys';

import { until } from '../support/system.ts';
import { PREFIX, startQueue, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const run = (id: string): LoadRun => ({
  id,
  state: 'done',
  started_at: '2026-01-01T00:00:00.000Z',
  asked: { model: 'simple', priority: 'normal', rate: 50, clients: null, seconds: 5 },
  error: null,
  steps: [],
  knee: null,
  notes: [],
  now: null,
});

test('one runs at a time: another begins when it was released, or its claim was not renewed', async () => {
  const { queue } = under;
  assert.equal(await queue.claimLoadTest('a', 60_000), true);
  assert.equal(await queue.claimLoadTest('b', 60_000), false);
  await queue.releaseLoadTest('b');
  assert.equal(await queue.claimLoadTest('b', 60_000), false);
  await queue.releaseLoadTest('a');
  assert.equal(await queue.claimLoadTest('b', 50), true);
  await queue.renewLoadTest('a', 60_000);
  await until('the claim lapses', async () => ((await queue.claimLoadTest('c', 60_000)) ? true : undefined));
  await queue.renewLoadTest('c', 60_000);
  assert.equal(await queue.claimLoadTest('d', 60_000), false);
});

test('the last ones are kept, the newest first; what another version wrote is left out', async () => {
  const { queue, commands } = under;
  for (let i = 0; i <= KEPT_LOAD_TESTS; i += 1) await queue.keepLoadTest(run(String(i)));
  const kept = await queue.loadTests();
  assert.deepEqual([kept.length, kept[0]?.id, kept.at(-1)?.id], [KEPT_LOAD_TESTS, String(KEPT_LOAD_TESTS), '1']);
  await commands.lpush(loadTestsKey(PREFIX), 'no JSON', '{"id":1}');
  assert.equal((await queue.loadTests()).length, KEPT_LOAD_TESTS - 2);
  assert.ok((await commands.ttl(loadTestsKey(PREFIX))) > 86_400);
});
