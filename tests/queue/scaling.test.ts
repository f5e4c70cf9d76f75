/** What supervisors tell of themselves and what is wished of each, on a real Redis. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { scaleKey, supervisorKey, supervisorsKey } from '@batchyard/shared/contract/redis-keys';
import type { ScaleWish, SupervisorReport } from '@batchyard/shared/contract/scaling';

import { PREFIX, startQueue, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const report = (id: string, workers = 1): SupervisorReport => ({
  id,
  host: 'h',
  range: { min: 1, max: 4, auto: true },
  workers,
});
const WISH: ScaleWish = { count: 3, by: 'hand', reason: 'a test' };

test('each supervisor reads its own wish, and everybody sees the last report of each', async () => {
  const { queue } = under;
  assert.equal(await queue.reportSupervisor(report('a')), undefined);
  await queue.reportSupervisor(report('b'));
  await queue.wishWorkers('a', { ...WISH, count: 2 });
  await queue.wishWorkers('a', WISH);
  assert.deepEqual(await queue.reportSupervisor(report('a', 2)), WISH);
  assert.equal(await queue.reportSupervisor(report('b')), undefined);
  assert.deepEqual(await queue.supervisors(), [
    { report: report('a', 2), wish: WISH },
    { report: report('b'), wish: undefined },
  ]);
});

test('who says nothing any more, or went in good order, is not there; a report and a wish end by themselves', async () => {
  const { queue, commands } = under;
  await queue.reportSupervisor(report('a'));
  await queue.reportSupervisor(report('b'));
  await queue.wishWorkers('a', WISH);
  const [saidMs, wishMs] = [
    await commands.pttl(supervisorKey(PREFIX, 'a')),
    await commands.pttl(scaleKey(PREFIX, 'a')),
  ];
  assert.ok(saidMs > 1_000 && saidMs <= 5_000 && wishMs > 200_000 && wishMs <= 300_000, `${saidMs} ${wishMs}`);
  await queue.forgetSupervisor('a');
  // As if its time had run out.
  await commands.del(supervisorKey(PREFIX, 'b'));
  assert.deepEqual(await queue.supervisors(), []);
  assert.deepEqual(await commands.smembers(supervisorsKey(PREFIX)), []);
  assert.equal(await commands.exists(scaleKey(PREFIX, 'a')), 0);
  await queue.reportSupervisor(report('b'));
  assert.equal((await queue.supervisors()).length, 1);
});

test('what another version wrote counts as not there', async () => {
  const { queue, commands } = under;
  await queue.reportSupervisor(report('a'));
  await commands.set(scaleKey(PREFIX, 'a'), '{"count":0}');
  assert.equal(await queue.reportSupervisor(report('a')), undefined);
  await commands.set(supervisorKey(PREFIX, 'a'), 'no JSON');
  assert.deepEqual(await queue.supervisors(), []);
});
