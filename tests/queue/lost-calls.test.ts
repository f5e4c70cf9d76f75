/** Calls that are refused, lie in a socket, or whose answer is lost, through a network that fails on command. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { NewJob } from '@batchyard/queue/operations';
import { createQueueOperations, type QueueOperations } from '@batchyard/queue/queue';
import { SCRIPTS } from '@batchyard/queue/scripts';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { startFaultProxy, type FaultProxy } from '../chaos/fault-proxy.ts';
import { until } from '../support/system.ts';
import { newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
let proxy: FaultProxy;
let commands: Redis;
let blocking: Redis;
/** The operations through the network; `under.queue` goes past it. */
let queue: QueueOperations;
before(async () => {
  under = await startQueue();
  proxy = await startFaultProxy(under.redis.port, SCRIPTS);
  commands = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'commands');
  blocking = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'blocking');
  await Promise.all([commands.connect(), blocking.connect()]);
  queue = createQueueOperations({ commands, blocking, prefix: PREFIX });
});
after(async () => {
  commands.disconnect();
  blocking.disconnect();
  await proxy.stop();
  await under.close();
});
afterEach(async () => {
  await under.commands.flushall();
  await until('the connection is there', () => commands.ping());
});

/** As many as fill so many calls. */
const calls = (count: number): NewJob[] => Array.from({ length: 64 * count }, () => newJob());
const waiting = (): Promise<number> => under.commands.zcard(`${PREFIX}:${QUEUE}:prioritized`);

test('a refused call says so of its own jobs and leaves the other calls alone', async () => {
  for (const refusal of ['READONLY', 'OOM', 'LOADING', 'MISCONF', 'NOREPLICAS', 'BUSY']) {
    await under.commands.flushall();
    proxy.failNext('addMany', `${refusal} as Redis says it`);
    const outcomes = await queue.addMany(QUEUE, calls(3));
    assert.deepEqual(
      outcomes,
      Array.from({ length: 192 }, (_, i) => (i < 64 ? 'refused' : 'added')),
    );
    assert.equal(await waiting(), 128);
  }
});

test('a Redis that is full refuses, and has stored nothing', async () => {
  await queue.addMany(QUEUE, [newJob()]);
  await under.commands.config('SET', 'maxmemory', '1');
  try {
    assert.deepEqual(await queue.addMany(QUEUE, [newJob()]), ['refused']);
  } finally {
    await under.commands.config('SET', 'maxmemory', '0');
  }
  assert.equal(await waiting(), 1);
});

test('of a call whose answer is lost nothing is known, and a second one tells what became of it', async () => {
  const job = newJob();
  proxy.dropNext('addMany');
  assert.deepEqual(await queue.addMany(QUEUE, [job]), ['unknown']);
  assert.deepEqual(await queue.addMany(QUEUE, [newJob()]), ['refused'], 'not sent while there is no connection');
  await until('it is connected again', () => commands.ping());
  assert.deepEqual(await queue.addMany(QUEUE, [job]), ['exists']);
});

test('of a claim whose answer is lost the next submit with the key finds the job', async () => {
  const claiming = (record: string): NewJob => newJob({ extras: { claim: { key: 'k', record } } });
  proxy.dropNext('addMany');
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('first')]), ['unknown']);
  await until('it is connected again', () => commands.ping());
  assert.deepEqual(await queue.addMany(QUEUE, [claiming('second')]), ['known']);
  assert.deepEqual([await queue.claimed('k'), await waiting()], ['first', 1]);
});

test('a take that lay in a socket for over a second takes nothing', async () => {
  await under.queue.addMany(QUEUE, [newJob()]);
  await under.commands.client('PAUSE', 1_300, 'ALL');
  const taken = await under.queue.take(QUEUE, takeRequest('w1:a'));
  assert.ok(taken.kind === 'later' && taken.inMs === 0, taken.kind);
  assert.equal(await waiting(), 1);
  assert.equal((await under.queue.take(QUEUE, takeRequest('w1:a'))).kind, 'jobs');
});

test('a take that comes after its batch was given back takes nothing, and the next one does', async () => {
  await under.queue.addMany(QUEUE, [newJob()]);
  const late = takeRequest('w1:a');
  assert.equal(await under.queue.giveBack(QUEUE, late), 0);
  assert.equal((await under.queue.take(QUEUE, late)).kind, 'later');
  assert.equal(await waiting(), 1);
  assert.equal((await under.queue.take(QUEUE, takeRequest('w1:a'))).kind, 'jobs');
});

test('giving back may be told twice when its answer is lost', async () => {
  await under.queue.addMany(QUEUE, [newJob(), newJob()]);
  const request = takeRequest('w1:a');
  await under.queue.take(QUEUE, request);
  proxy.dropNext('giveBack');
  await assert.rejects(queue.giveBack(QUEUE, request));
  assert.equal(await waiting(), 2);
  await until('it is connected again', () => commands.ping());
  assert.equal(await queue.giveBack(QUEUE, request), 0);
  assert.equal(await waiting(), 2);
});

test('what a dead worker holds comes back although nobody heard that it is dead', async () => {
  await under.queue.addMany(QUEUE, [newJob()]);
  await under.queue.checkIn('w1', 'w1:a', '{}');
  const request = takeRequest('w1:a');
  await under.queue.take(QUEUE, request);
  await under.queue.markStarted('w1:a', [request.batch]);
  assert.equal(await under.queue.recoverLapsed(QUEUE), 0);
  await under.commands.hset(`${PREFIX}:x:worker:w1`, 'beat', 1);
  // Redis knows the script: otherwise the answer that gets lost would only say that it does not.
  await under.queue.claimDead('nobody', 5_000);
  proxy.dropNext('claimDead');
  await assert.rejects(queue.claimDead('w1', 5_000));
  assert.equal(await under.queue.claimDead('w1', 5_000), undefined);
  assert.equal(await under.queue.recoverLapsed(QUEUE), 1);
  const again = await under.queue.take(QUEUE, takeRequest('w2:a'));
  assert.ok(again.kind === 'jobs');
  assert.equal(again.jobs[0]?.deaths, 1, 'its batch had started');
  assert.equal(await under.queue.recoverLapsed(QUEUE), 0);
});
