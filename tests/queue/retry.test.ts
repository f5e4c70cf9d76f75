/** The step `retry` on a real Redis: which jobs it takes up, what it keeps of them, and its bounds. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { finished, newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

const AGAIN = { timeoutMs: 5_000 };

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(async () => {
  const registry = await under.commands.hgetall(`${PREFIX}:x:queues`);
  await under.commands.flushall();
  await under.commands.hset(`${PREFIX}:x:queues`, registry);
});

const take = async (token: string): Promise<readonly { id: string; deaths: number; signature: string }[]> => {
  const taken = await under.queue.take(QUEUE, takeRequest(token));
  return taken.kind === 'jobs' ? taken.jobs : [];
};
const added = async (job = newJob()): Promise<string> => {
  await under.queue.addMany(QUEUE, [job]);
  return job.id;
};
async function failed(job = newJob()): Promise<string> {
  const id = await added(job);
  await take('w:a');
  await under.queue.fail(QUEUE, 'w:a', [{ id, code: 'model_error', message: 'no' }]);
  return id;
}

test('a failed job waits again behind the others, with its input and a new deadline, and can then succeed', async () => {
  const id = await failed();
  const other = await added();
  assert.equal(await under.queue.retry(QUEUE, id, AGAIN), 'retried');
  const view = await under.queue.view(QUEUE, id);
  assert.deepEqual([view?.status, view?.failure], ['queued', undefined]);
  assert.ok((view?.deadlineMs ?? 0) - (view?.queuedMs ?? 0) === 5_000);
  assert.deepEqual(
    (await take('w:a')).map((job) => job.id),
    [other, id],
  );
  assert.deepEqual(await under.queue.finish(QUEUE, 'w:a', [finished(id)]), ['finished']);
  const [done] = [await under.queue.view(QUEUE, id)];
  assert.deepEqual([done?.status, done?.attempts], ['succeeded', 2]);
});

test('only what failed or expired is taken up', async () => {
  const waiting = await added();
  assert.equal(await under.queue.retry(QUEUE, waiting, AGAIN), 'conflict');
  await take('w:a');
  assert.equal(await under.queue.retry(QUEUE, waiting, AGAIN), 'conflict');
  await under.queue.finish(QUEUE, 'w:a', [finished(waiting)]);
  assert.equal(await under.queue.retry(QUEUE, waiting, AGAIN), 'conflict');
  const cancelled = await added();
  await under.queue.cancel(QUEUE, cancelled);
  assert.equal(await under.queue.retry(QUEUE, cancelled, AGAIN), 'conflict');
  const expired = await added();
  await under.commands.zadd(`${PREFIX}:x:${QUEUE}:deadlines`, 1, expired);
  await under.queue.sweep(QUEUE);
  assert.equal(await under.queue.retry(QUEUE, expired, AGAIN), 'retried');
  assert.equal(await under.queue.retry(QUEUE, 'aaaaaaa-nobody', AGAIN), 'unknown');
});

test('a job whose input has gone, and one more than may wait, are told apart', async () => {
  const id = await failed();
  await added();
  assert.equal(await under.queue.retry(QUEUE, id, { ...AGAIN, maxWaiting: 1 }), 'full');
  await under.commands.hdel(`${PREFIX}:${QUEUE}:${id}`, 'in');
  assert.equal(await under.queue.retry(QUEUE, id, AGAIN), 'gone');
  assert.equal((await under.queue.view(QUEUE, id))?.status, 'failed');
});

test('poison that is tried again is delivered alone, and two further deaths set it aside once more', async () => {
  const id = await added();
  const die = async (token: string): Promise<void> => {
    const request = takeRequest(token);
    await under.queue.take(QUEUE, request);
    await under.queue.markStarted(token, [request.batch]);
    await under.queue.releaseWorker(token);
  };
  for (const token of ['w:1', 'w:2', 'w:3']) await die(token);
  assert.equal((await under.queue.view(QUEUE, id))?.failure?.code, 'poison');
  assert.equal(await under.queue.retry(QUEUE, id, { ...AGAIN, signature: 'fedcba9876543210' }), 'retried');
  await die('w:4');
  const mate = await added();
  const [again] = await take('w:5');
  assert.deepEqual([again?.id, again?.deaths, again?.signature], [id, 2, 'fedcba9876543210']);
  await under.queue.giveBack(QUEUE, { token: 'w:5', batch: takeRequest('w:5').batch - 1 }, [id]);
  await die('w:6');
  assert.equal((await under.queue.view(QUEUE, id))?.failure?.code, 'poison');
  assert.deepEqual(
    (await take('w:7')).map((job) => job.id),
    [mate],
  );
});
