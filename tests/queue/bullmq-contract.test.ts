/**
 * BullMQ's own Queue, Job, QueueEvents and Worker on the queues that the batch operations work on: what an upgrade of
 * BullMQ would move is caught here.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';

import { BULLMQ_VERSION } from '@batchyard/queue/settings';
import { Queue, QueueEvents, Worker } from 'bullmq';

import { finished, newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
let bull: Queue;
const closing: (() => Promise<void>)[] = [];

before(async () => {
  under = await startQueue();
  bull = new Queue(QUEUE, { prefix: PREFIX, connection: connection() });
});
after(async () => {
  await bull.close();
  await under.close();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await bull.resume();
  await bull.obliterate({ force: true });
});

function connection(): { host: string; port: number; maxRetriesPerRequest: null } {
  return { host: '127.0.0.1', port: under.redis.port, maxRetriesPerRequest: null };
}

const taken = async (token: string, maxRows?: number): Promise<string[]> => {
  const reply = await under.queue.take(QUEUE, takeRequest(token, maxRows));
  return reply.kind === 'jobs' ? reply.jobs.map((job) => job.id) : [];
};

test('the version written to meta is that of the installed BullMQ', () => {
  const { version } = JSON.parse(readFileSync(new URL(import.meta.resolve('bullmq/package.json')), 'utf8')) as {
    version: string;
  };
  assert.equal(BULLMQ_VERSION, `bullmq:${version}`);
});

test("BullMQ's counts, states and priorities see waiting, active, completed and failed jobs", async () => {
  const jobs = (['critical', 'high', 'normal', 'low'] as const).map((priority) => newJob({ priority }));
  await under.queue.addMany(QUEUE, jobs);
  assert.deepEqual(await bull.getCountsPerPriority([1, 2, 3, 4]), { 1: 1, 2: 1, 3: 1, 4: 1 });
  assert.equal((await bull.getJobCounts()).prioritized, 4);
  const [critical, high] = await taken('w1:a', 2);
  assert.deepEqual([critical, high], [jobs[0]?.id, jobs[1]?.id]);
  const counts = await bull.getJobCounts();
  assert.deepEqual([counts['active'], counts['prioritized']], [2, 2]);
  await under.queue.finish(QUEUE, 'w1:a', [finished(critical ?? '')]);
  await under.queue.fail(QUEUE, 'w1:a', [{ id: high ?? '', code: 'model_error', message: 'no' }]);
  const [done, failed] = [await bull.getJob(critical ?? ''), await bull.getJob(high ?? '')];
  assert.equal(await done?.getState(), 'completed');
  assert.deepEqual(done?.returnvalue, { rows: 1 });
  assert.equal(await failed?.getState(), 'failed');
  assert.equal(failed?.failedReason, 'model_error: no');
  assert.equal(done?.attemptsMade, 1);
  assert.equal(await bull.getJobCountByTypes('completed'), 1);
  assert.equal(await bull.getJobCountByTypes('failed'), 1);
});

test('meta is written as BullMQ writes it', async () => {
  await under.queue.addMany('other@1', [newJob()]);
  assert.deepEqual(await under.commands.hgetall(`${PREFIX}:other@1:meta`), {
    version: BULLMQ_VERSION,
    'opts.maxLenEvents': '10000',
  });
});

test("BullMQ's pause holds back a take and resume lets it go on", async () => {
  await under.queue.addMany(QUEUE, [newJob()]);
  await bull.pause();
  assert.equal((await under.queue.take(QUEUE, takeRequest('w1:a'))).kind, 'paused');
  await under.queue.addMany(QUEUE, [newJob()]);
  assert.equal(await under.commands.exists(`${PREFIX}:${QUEUE}:marker`), 0);
  await bull.resume();
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  assert.equal((await taken('w1:a')).length, 2);
});

test("BullMQ's global concurrency bounds what is active", async () => {
  await bull.setGlobalConcurrency(3);
  await under.queue.addMany(
    QUEUE,
    Array.from({ length: 5 }, () => newJob()),
  );
  assert.equal((await taken('w1:a')).length, 3);
  assert.equal((await taken('w2:a')).length, 0);
  await bull.removeGlobalConcurrency();
});

test("a failed job that BullMQ's Job.retry brings back is taken again, with a new deadline", async () => {
  const job = newJob({ remainingMs: 5_000 });
  await under.queue.addMany(QUEUE, [job]);
  await taken('w1:a');
  await under.queue.fail(QUEUE, 'w1:a', [{ id: job.id, code: 'model_error', message: 'no' }]);
  await (await bull.getJob(job.id))?.retry();
  const again = await under.queue.take(QUEUE, takeRequest('w1:a'));
  assert.ok(again.kind === 'jobs');
  assert.equal(again.jobs[0]?.input?.toString(), Buffer.from(job.input).toString());
  assert.ok((again.jobs[0]?.deadlineMs ?? 0) - again.nowMs > 25_000);
});

test('a job that our own retry brings back is like any other to BullMQ, and its Job.retry works again', async () => {
  const job = newJob();
  await under.queue.addMany(QUEUE, [job]);
  const failOnce = async (): Promise<void> => {
    assert.equal((await taken('w1:a')).length, 1);
    await under.queue.fail(QUEUE, 'w1:a', [{ id: job.id, code: 'model_error', message: 'no' }]);
  };
  await failOnce();
  assert.equal(await under.queue.retry(QUEUE, job.id, { timeoutMs: 5_000 }), 'retried');
  const seen = await bull.getJob(job.id);
  assert.deepEqual(
    [await seen?.getState(), seen?.failedReason, seen?.finishedOn],
    ['prioritized', undefined, undefined],
  );
  await failOnce();
  await (await bull.getJob(job.id))?.retry();
  await failOnce();
  assert.equal(await (await bull.getJob(job.id))?.getState(), 'failed');
});

test("BullMQ's clean, drain and remove leave nothing behind", async () => {
  const jobs = Array.from({ length: 4 }, () => newJob());
  await under.queue.addMany(QUEUE, jobs);
  const [first = ''] = await taken('w1:a', 1);
  await under.queue.finish(QUEUE, 'w1:a', [finished(first)]);
  assert.deepEqual(await bull.clean(-1_000, 100, 'completed'), [first]);
  await (await bull.getJob(jobs[1]?.id ?? ''))?.remove();
  await bull.drain();
  assert.equal((await bull.getJobCounts())['prioritized'], 0);
  assert.deepEqual(await under.commands.keys(`${PREFIX}:${QUEUE}:aaaaaaa-*`), []);
  assert.deepEqual(await taken('w1:a'), []);
});

test('what our own drain and clean take out is gone for BullMQ too, and it goes on after them', async () => {
  const kept = newJob();
  await under.queue.addMany(QUEUE, [kept, newJob(), newJob()]);
  await taken('w1:a', 1);
  await bull.add('infer', {}, { delay: 60_000, priority: 1 });
  assert.equal(await under.queue.drainJobs(QUEUE, 100), 3);
  assert.deepEqual(await bull.getJobCounts('prioritized', 'delayed', 'active', 'failed'), {
    prioritized: 0,
    delayed: 0,
    active: 1,
    failed: 3,
  });
  const [drained] = await bull.getFailed();
  assert.match(drained?.failedReason ?? '', /removed/);
  await under.queue.finish(QUEUE, 'w1:a', [finished(kept.id)]);
  assert.equal(await under.queue.cleanJobs(QUEUE, 'failed', 0, 100), 3);
  assert.equal(await under.queue.cleanJobs(QUEUE, 'completed', 0, 100), 1);
  assert.deepEqual(await under.commands.keys(`${PREFIX}:${QUEUE}:aaaaaaa-*`), []);
  const added = await bull.add('infer', {});
  assert.deepEqual(await taken('w1:a'), [added.id]);
});

test("a job added by BullMQ's queue.add is taken as normal, with its data", async () => {
  await under.queue.addMany(QUEUE, [newJob({ priority: 'low' })]);
  const added = await bull.add('infer', { inputs: [] });
  const reply = await under.queue.take(QUEUE, takeRequest('w1:a'));
  assert.ok(reply.kind === 'jobs');
  const job = reply.jobs[0];
  assert.deepEqual([job?.id, job?.priority, job?.input, job?.data], [added.id, 'normal', undefined, '{"inputs":[]}']);
  await under.queue.finish(QUEUE, 'w1:a', [finished(added.id ?? '')]);
  assert.equal(await (await bull.getJob(added.id ?? ''))?.getState(), 'completed');
});

test("a delayed job of BullMQ's is promoted when it is due", async () => {
  const added = await bull.add('infer', {}, { delay: 60, priority: 1 });
  const early = await under.queue.take(QUEUE, takeRequest('w1:a'));
  assert.ok(early.kind === 'later' && early.inMs <= 61);
  const limit = Date.now() + 5_000;
  let ids: string[] = [];
  while (ids.length === 0 && Date.now() < limit) ids = await taken('w1:a');
  assert.deepEqual(ids, [added.id]);
});

test("BullMQ's Worker finishes jobs that the operations added", async () => {
  const jobs = Array.from({ length: 5 }, () => newJob());
  await under.queue.addMany(QUEUE, jobs);
  const events = new QueueEvents(QUEUE, { prefix: PREFIX, connection: connection(), lastEventId: '0-0' });
  closing.push(() => events.close());
  const worker = new Worker(QUEUE, async (job) => ({ seen: job.id }), { prefix: PREFIX, connection: connection() });
  closing.push(() => worker.close());
  for (const job of jobs) {
    const seen = await (await bull.getJob(job.id))?.waitUntilFinished(events, 10_000);
    assert.deepEqual(seen, { seen: job.id });
    assert.equal((await under.queue.view(QUEUE, job.id))?.status, 'succeeded');
  }
});

test("BullMQ's stalled check leaves a job alone while our lock lives", async () => {
  const job = newJob();
  await under.queue.addMany(QUEUE, [job]);
  await taken('w1:a');
  const worker = new Worker(QUEUE, async () => 'stolen', {
    prefix: PREFIX,
    connection: connection(),
    stalledInterval: 50,
  });
  closing.push(() => worker.close());
  await worker.waitUntilReady();
  const key = `${PREFIX}:${QUEUE}:stalled`;
  const limit = Date.now() + 5_000;
  for (let passes = 0; passes < 3 && Date.now() < limit;) {
    if ((await under.commands.del(key)) > 0 || (await under.commands.del(`${key}-check`)) > 0) passes += 1;
    if (passes === 1) await under.commands.sadd(key, job.id);
  }
  assert.equal((await under.queue.view(QUEUE, job.id))?.worker, 'w1');
  assert.deepEqual(await under.queue.finish(QUEUE, 'w1:a', [finished(job.id)]), ['finished']);
});

test('QueueEvents hears every step of a durable job where all events are told', async () => {
  const events = new QueueEvents(QUEUE, { prefix: PREFIX, connection: connection(), lastEventId: '0-0' });
  closing.push(() => events.close());
  const heard: string[] = [];
  const completed = new Promise<void>((resolve) => {
    for (const name of ['added', 'waiting', 'active', 'completed'] as const) {
      events.on(name, ({ jobId }: { jobId: string }) => {
        if (jobId === job.id) heard.push(name);
        if (name === 'completed' && jobId === job.id) resolve();
      });
    }
  });
  const loud = under.with({ events: 'all' });
  const job = newJob();
  await loud.addMany(QUEUE, [job]);
  await loud.take(QUEUE, takeRequest('w1:a'));
  await loud.finish(QUEUE, 'w1:a', [finished(job.id)]);
  await completed;
  assert.deepEqual(heard, ['added', 'waiting', 'active', 'completed']);
});
