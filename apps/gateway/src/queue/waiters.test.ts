import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Reply } from '@batchyard/queue/operations';

import { createWaiters, type Polled } from './waiters.ts';

const reply = (id: string): Reply => ({ id, outcome: 'succeeded', text: '{}', output: undefined });
const job = { queue: 'm@1', id: 'a' };

test('a reply settles everybody who waits for its job', async () => {
  const waiters = createWaiters(async () => 'open');
  const both = [waiters.wait(job, 1_000, 0), waiters.wait(job, 1_000, 0)];
  waiters.deliver([reply('b'), reply('a')]);
  for (const { outcome } of both) assert.deepEqual(await outcome, reply('a'));
  assert.equal(waiters.size(), 0);
});

test('nobody waits beyond the limit', async () => {
  const waiters = createWaiters(async () => 'open');
  const { outcome } = waiters.wait(job, 500, 0);
  waiters.tick(499);
  assert.equal(waiters.size(), 1);
  waiters.tick(500);
  assert.equal(await outcome, 'timeout');
});

test('where no reply comes the job is looked at after a second, and less often after that', async () => {
  const looks: string[] = [];
  let found: Polled = 'open';
  const waiters = createWaiters(async (_queue, id) => {
    looks.push(id);
    return found;
  });
  const { outcome } = waiters.wait(job, 60_000, 0);
  for (const now of [500, 1_000, 1_500, 2_000, 2_900]) waiters.tick(now);
  await new Promise(setImmediate);
  assert.equal(looks.length, 1);
  found = reply('a');
  waiters.tick(3_000);
  assert.deepEqual(await outcome, reply('a'));
});

test('a job that left with its reply, seen as gone before the reply is read, is answered by the reply', async () => {
  const waiters = createWaiters(async () => 'gone');
  const { outcome } = waiters.wait(job, 60_000, 0);
  waiters.tick(1_000);
  await new Promise(setImmediate);
  // The read that was under way may have begun before.
  waiters.deliver([]);
  waiters.deliver([reply('a')]);
  assert.deepEqual(await outcome, reply('a'));
});

test('a job that is on its way to the queue is not gone', async () => {
  let stored = false;
  const waiters = createWaiters(async () => 'gone');
  const { outcome } = waiters.wait({ ...job, stored: () => stored }, 60_000, 0);
  let settled = false;
  void outcome.then(() => (settled = true));
  for (const now of [1_000, 10_000]) {
    waiters.tick(now);
    await new Promise(setImmediate);
    for (let read = 0; read < 3; read += 1) waiters.deliver([]);
    await new Promise(setImmediate);
    assert.equal(settled, stored);
    stored = true;
  }
  assert.equal(await outcome, 'gone');
});

test('with several streams only reads of the one that tells of the job count', async () => {
  const waiters = createWaiters(
    async () => 'gone',
    (queue) => (queue === 'm@1' ? 3 : 0),
  );
  const { outcome } = waiters.wait(job, 60_000, 0);
  waiters.tick(1_000);
  await new Promise(setImmediate);
  for (let read = 0; read < 5; read += 1) waiters.deliver([], 0);
  assert.equal(waiters.size(), 1);
  waiters.deliver([], 3);
  waiters.deliver([], 3);
  assert.equal(await outcome, 'gone');
});

test('many who wait for one job share one look at it', async () => {
  let looks = 0;
  const waiters = createWaiters(async () => {
    looks += 1;
    return 'open';
  });
  for (let i = 0; i < 1_000; i += 1) waiters.wait(job, 60_000, 0);
  waiters.tick(1_000);
  await new Promise(setImmediate);
  assert.equal(looks, 1);
});

test('after a gap everything is looked at with the next tick', async () => {
  const waiters = createWaiters(async () => reply('a'));
  const { outcome } = waiters.wait(job, 60_000, 0);
  waiters.pollAll();
  waiters.tick(1);
  assert.deepEqual(await outcome, reply('a'));
});

test('who stops waiting is forgotten', () => {
  const waiters = createWaiters(async () => 'open');
  const { stop } = waiters.wait(job, 1_000, 0);
  stop();
  assert.equal(waiters.size(), 0);
});

test('giving up ends every wait as its limit would', async () => {
  const waiters = createWaiters(async () => 'open');
  const waits = ['a', 'b', 'b'].map((id) => waiters.wait({ queue: 'q', id }, 60_000, 0).outcome);
  waiters.giveUp();
  assert.deepEqual(await Promise.all(waits), ['timeout', 'timeout', 'timeout']);
  assert.equal(waiters.size(), 0);
});
