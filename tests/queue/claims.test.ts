/** Idempotency keys in the step that stores jobs: one job for a claim, kept for a day, and so many of them. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { newJob, PREFIX, QUEUE, startQueue, type QueueUnderTest } from './queue-under-test.ts';

const HOUR_MS = 3_600_000;
const COUNTS = `${PREFIX}:x:idem-counts`;

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(async () => {
  await under.commands.flushall();
});

const claiming = (key: string, record = `record of ${key}`) => newJob({ extras: { claim: { key, record } } });

test('one job is stored for a claim, in whichever call and queue, and its record is what the first one wrote', async () => {
  const { queue } = under;
  const [first, second, other] = [claiming('a', 'first'), claiming('a', 'second'), claiming('b')];
  assert.deepEqual(await queue.addMany(QUEUE, [first, second, other]), ['added', 'known', 'added']);
  assert.deepEqual(await queue.addMany('another@1', [claiming('a', 'third')]), ['known']);
  assert.equal(await queue.claimed('a'), 'first');
  assert.equal(await queue.claimed('nobody'), undefined);
  // The same job told again, because its answer was lost, is itself.
  assert.deepEqual(await queue.addMany(QUEUE, [first]), ['exists']);
});

test('of many at once one is stored, and of one that is refused the claim is not taken', async () => {
  const { queue } = under;
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => queue.addMany(QUEUE, [claiming('race')])));
  assert.equal(outcomes.flat().filter((outcome) => outcome === 'added').length, 1);
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('late')], { maxWaiting: 1 }), ['full']);
  assert.equal(await queue.claimed('late'), undefined);
  // What is known is known, however full it is.
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('race')], { maxWaiting: 1 }), ['known']);
});

test('a million are kept at most, and those that began over a day ago do not count', async () => {
  const { queue, commands } = under;
  const hour = Math.floor(Number((await commands.time())[0]) / 3_600);
  await commands.hset(COUNTS, { [hour - 2]: 600_000, [hour - 1]: 399_999, [hour - 25]: 500_000 });
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('last'), claiming('beyond')]), ['added', 'claims_full']);
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('last'), newJob()]), ['known', 'added']);
  assert.equal(await commands.hexists(COUNTS, String(hour - 25)), 0);
  const ttl = await commands.pttl(`${PREFIX}:x:idem:last`);
  assert.ok(ttl > 23 * HOUR_MS && ttl <= 24 * HOUR_MS, String(ttl));
});
