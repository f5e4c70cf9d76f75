/** What the rules have done, on a real Redis: settings laid over, wishes of people, and what workers hear of a clean-up. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { tuningKey } from '@batchyard/shared/contract/redis-keys';
import type { TuningState } from '@batchyard/shared/contract/tuning';

import { PREFIX, startQueue, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const STATE: TuningState = {
  runs: [
    {
      id: 'high_memory_cleanup-1',
      rule: 'high_memory_cleanup',
      by: 'hand',
      at_ms: 1,
      action: { kind: 'clean_up' },
      reason: 'a test',
      metric: 'memory_budget_share',
      before: { samples: 3, mean: 0.9, deviation: 0 },
      outcome: 'measuring',
    },
  ],
  rules: { high_memory_cleanup: { again_ms: 60_001, worse: 0 } },
};

test('a successor finds what was begun; what another version wrote counts as not there', async () => {
  const { queue, commands } = under;
  assert.equal(await queue.tuningState(), undefined);
  await queue.keepTuningState(STATE);
  assert.deepEqual(await queue.tuningState(), STATE);
  await commands.hset(tuningKey(PREFIX), { state: '{"runs":1}', cache: 'no JSON' });
  assert.equal(await queue.tuningState(), undefined);
  assert.equal((await queue.tuningWishes()).cache, undefined);
});

test('limits are laid over and taken back, and what is asked for is taken once', async () => {
  const { queue } = under;
  await queue.tuneCache({ bytes: 100_000, ttl_s: 60 });
  assert.deepEqual((await queue.tuningWishes()).cache, { bytes: 100_000, ttl_s: 60 });
  await queue.tuneCache(undefined);
  assert.deepEqual(await queue.tuningWishes(), { cache: undefined, cleanUp: '' });
  await queue.askTuning('queue_management');
  await queue.askTuning('queue_management');
  assert.deepEqual(await queue.takeTuningAsked(), ['queue_management']);
  assert.deepEqual(await queue.takeTuningAsked(), []);
});

test('a clean-up is heard of by gateways and, with their check-in, by workers', async () => {
  const { queue } = under;
  assert.equal((await queue.checkIn('w', 'w:1', '{}')).cleanUp, '');
  await queue.askCleanUp(5);
  assert.equal((await queue.checkIn('w', 'w:1', '{}')).cleanUp, '5');
  assert.equal((await queue.tuningWishes()).cleanUp, '5');
});
