/** How many may wait, who goes first when they are too many, and how waits are counted against the SLA: on a real Redis. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { NewJob } from '@batchyard/queue/operations';
import type { PriorityClass } from '@batchyard/shared/contract/job';

import { newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

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

const add = async (...jobs: NewJob[]): Promise<string[]> => {
  await under.queue.addMany(QUEUE, jobs);
  return jobs.map((job) => job.id);
};
const key = (id: string): string => `${PREFIX}:${QUEUE}:${id}`;
const rewind = (id: string, fields: Record<string, number>): Promise<number> => under.commands.hset(key(id), fields);
const redisNow = async (): Promise<number> => {
  const [seconds, micros] = (await under.commands.time()) as unknown as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
};

test('a full queue first lets expired jobs go, then refuses the newcomer', async () => {
  const [old = ''] = await add(newJob(), newJob());
  assert.deepEqual(await under.queue.addMany(QUEUE, [newJob()], { maxWaiting: 2 }), ['full']);
  await rewind(old, { dl: 1 });
  // Looked for again a tenth of a second after the last time.
  await under.commands.del(`${PREFIX}:x:${QUEUE}:expiring`);
  assert.deepEqual(await under.queue.addMany(QUEUE, [newJob(), newJob()], { maxWaiting: 2 }), ['added', 'full']);
  assert.equal((await under.queue.view(QUEUE, old))?.status, 'expired');
});

test('a flood of one class leaves room for the more urgent ones, and the sender hears how many of each wait', async () => {
  const heard: (readonly number[])[] = [];
  const options = { maxWaiting: 20, onWaiting: (byClass: readonly number[]) => void heard.push(byClass) };
  const flood = async (priority: PriorityClass): Promise<number> => {
    const jobs = Array.from({ length: 20 }, () => newJob({ priority }));
    return (await under.queue.addMany(QUEUE, jobs, options)).filter((outcome) => outcome === 'added').length;
  };
  assert.deepEqual(
    [await flood('low'), await flood('normal'), await flood('high'), await flood('critical')],
    [14, 4, 1, 1],
  );
  assert.deepEqual(heard.at(-1), [1, 1, 4, 14]);
});

test('how long each class waited is counted against its SLA when it is taken', async () => {
  const [met = '', risky = '', late = ''] = await add(
    newJob({ priority: 'low' }),
    newJob({ priority: 'low' }),
    newJob({ priority: 'low' }),
  );
  assert.ok(met);
  const now = await redisNow();
  await rewind(risky, { q: now - 405 });
  await rewind(late, { q: now - 600 });
  await under.queue.take(QUEUE, takeRequest('w:a'));
  const { sla } = await under.queue.counts(QUEUE);
  assert.deepEqual(sla.low, { met: 1, at_risk: 1, violated: 1 });
  assert.deepEqual(sla.critical, { met: 0, at_risk: 0, violated: 0 });
});

test("a model's own limits bound each class, or the queue as a whole, whatever the others hold", async () => {
  const { queue } = under;
  const limits = { total: 0, byClass: [0, 2, 1, 0] };
  const jobs = (['high', 'normal', 'high', 'normal', 'high', 'low'] as const).map((priority) => newJob({ priority }));
  const outcomes = await queue.addMany(QUEUE, jobs, { limits });
  assert.deepEqual(outcomes, ['added', 'added', 'added', 'full', 'full', 'added']);
  const whole = { limits: { total: 5, byClass: [0, 0, 0, 0] } };
  assert.deepEqual(await queue.addMany(QUEUE, [newJob({ priority: 'critical' })], whole), ['added']);
  assert.deepEqual(await queue.addMany(QUEUE, [newJob({ priority: 'critical' })], whole), ['full']);
});

test('expired jobs make room in a class that is full', async () => {
  const [old = ''] = await add(newJob());
  await under.commands.hset(`${PREFIX}:${QUEUE}:${old}`, 'dl', 1);
  const limits = { total: 0, byClass: [0, 0, 1, 0] };
  assert.deepEqual(await under.queue.addMany(QUEUE, [newJob()], { limits }), ['added']);
});

test('a delayed job goes behind all others of its class, also those that come later, and runs all the same', async () => {
  const [late = '', second = '', third = ''] = await add(newJob({ delayMs: 60_000 }), newJob(), newJob());
  const take = async (maxRows: number): Promise<string[]> => {
    const taken = await under.queue.take(QUEUE, takeRequest('w:a', maxRows));
    return taken.kind === 'jobs' ? taken.jobs.map((job) => job.id) : [];
  };
  await under.commands.hset(`${PREFIX}:${QUEUE}:${late}`, 'dy', 1);
  assert.deepEqual(await take(1), [second]);
  const [fourth = ''] = await add(newJob());
  const [low = ''] = await add(newJob({ priority: 'low' }));
  assert.deepEqual(await take(3), [third, fourth, late]);
  assert.deepEqual(await take(3), [low]);
  assert.equal(await under.commands.hexists(`${PREFIX}:${QUEUE}:${late}`, 'dy'), 0);
});

test('a delayed job that is given back stays behind, and alone in its class it runs in the same take', async () => {
  const { queue } = under;
  const [late = ''] = await add(newJob({ delayMs: 60_000 }));
  await under.commands.hset(`${PREFIX}:${QUEUE}:${late}`, 'dy', 1);
  const request = takeRequest('w:a', 4);
  const taken = await queue.take(QUEUE, request);
  assert.deepEqual(taken.kind === 'jobs' && taken.jobs.map((job) => job.id), [late]);
  await queue.giveBack(QUEUE, request);
  const [next = ''] = await add(newJob());
  const again = await queue.take(QUEUE, takeRequest('w:a', 4));
  assert.deepEqual(again.kind === 'jobs' && again.jobs.map((job) => job.id), [next, late]);
});
