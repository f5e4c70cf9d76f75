/** Who takes at once and who rests, on a real Redis: the take of a resting worker, and the lease of the gateway that says so. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { NewJob, Taken } from '@batchyard/queue/operations';

import { newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const add = async (...jobs: NewJob[]): Promise<string[]> => {
  await under.queue.addMany(QUEUE, jobs);
  return jobs.map((job) => job.id);
};
const ids = (taken: Taken): string[] => (taken.kind === 'jobs' ? taken.jobs.map((job) => job.id) : []);
const rewind = (id: string, fields: Record<string, number>): Promise<number> =>
  under.commands.hset(`${PREFIX}:${QUEUE}:${id}`, fields);
const redisNow = async (): Promise<number> => {
  const [seconds, micros] = (await under.commands.time()) as unknown as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
};

test('who rests leaves young jobs to others, says when to come back, and puts the marker back', async () => {
  const [id = ''] = await add(newJob());
  const early = await under.queue.take(QUEUE, { ...takeRequest('w:a'), restMs: 60 });
  assert.ok(early.kind === 'later' && early.inMs <= 60 && !early.filling);
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  await rewind(id, { q: (await redisNow()) - 61 });
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a'), restMs: 60 })), [id]);
});

test('once the first has waited long enough who rests takes all that fits, and never waits past four fifths of an SLA', async () => {
  const jobs = [...(await add(newJob())), ...(await add(newJob()))];
  const early = await under.queue.take(QUEUE, { ...takeRequest('w:a'), restMs: 60_000 });
  assert.ok(early.kind === 'later' && early.inMs <= 80);
  await rewind(jobs[0] ?? '', { q: (await redisNow()) - 81 });
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a'), restMs: 60_000 })), jobs);
});

test('one gateway steers at a time: another does when it has let go, and its directives reach the workers', async () => {
  const says = (reason: string) => new Map([['w', { kind: 'serve', rests: { [QUEUE]: 20 }, reason } as const]]);
  assert.equal(await under.queue.steer('g1', says('first')), 'g1');
  assert.equal(await under.queue.steer('g2', says('second')), 'g1');
  const heard = async () => (await under.queue.checkIn('w', 'w:1', '{}')).directive?.reason;
  assert.equal(await heard(), 'first');
  await under.queue.stopSteering('g2');
  assert.equal(await under.queue.steer('g2', new Map()), 'g1');
  await under.queue.stopSteering('g1');
  assert.equal(await under.queue.steer('g2', says('second')), 'g2');
  assert.equal(await heard(), 'second');
});
