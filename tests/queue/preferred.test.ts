/** How a take waits for a batch to fill, and for preferred sizes: on a real Redis. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { NewJob, Taken, TakeRequest } from '@batchyard/queue/operations';

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

const LONG_MS = 60_000;
const add = (...jobs: NewJob[]): Promise<unknown> => under.queue.addMany(QUEUE, jobs);
const addSome = (count: number): Promise<unknown> => add(...Array.from({ length: count }, () => newJob()));
const take = (wish: Partial<TakeRequest>): Promise<Taken> =>
  under.queue.take(QUEUE, { ...takeRequest('w:a', 16), ...wish });
const rows = (taken: Taken): number | string =>
  taken.kind === 'jobs' ? taken.jobs.reduce((sum, job) => sum + job.rows, 0) : taken.kind;
const marker = (): Promise<number> => under.commands.exists(`${PREFIX}:${QUEUE}:marker`);

test('the largest preferred size that waits is taken at once, and the rest waits on', async () => {
  await addSome(11);
  const wish = { preferredRows: [4, 8], lingerMs: LONG_MS };
  assert.deepEqual([rows(await take(wish)), rows(await take(wish))], [8, 'later']);
  await addSome(1);
  assert.equal(rows(await take(wish)), 4);
});

test('without a wait what is there below every preferred size is taken as it is', async () => {
  await addSome(11);
  const wish = { preferredRows: [4, 8] };
  assert.deepEqual([rows(await take(wish)), rows(await take(wish))], [8, 3]);
});

test('once the oldest has waited long enough, all that is there is taken up to the maximum', async () => {
  await addSome(11);
  await add(newJob({ id: 'aaaaaaa-oldest', priority: 'high' }));
  await under.commands.hset(`${PREFIX}:${QUEUE}:aaaaaaa-oldest`, 'q', 1);
  assert.equal(rows(await take({ preferredRows: [4, 8], lingerMs: LONG_MS })), 12);
});

test('sizes count rows, and a batch that stepped over all of them goes without its last', async () => {
  await add(newJob({ rows: 3 }), newJob({ rows: 3 }), newJob({ rows: 3 }));
  assert.equal(rows(await take({ preferredRows: [4, 8], lingerMs: LONG_MS })), 6);
});

test('a batch that cannot grow does not wait', async () => {
  await add(newJob({ rows: 3 }), newJob({ rows: 14 }));
  assert.equal(rows(await take({ preferredRows: [16], lingerMs: LONG_MS })), 3);
  await add(newJob({ rows: 1, group: 'other' }));
  assert.equal(rows(await take({ preferredRows: [16], lingerMs: LONG_MS })), 14);
});

test('a batch does not wait to grow while more urgent jobs of another group wait behind it', async () => {
  // The credit of the crowded-out class settles the group before the urgent job is looked at again.
  await under.commands.hset(`${PREFIX}:x:${QUEUE}:credit`, '3', '2');
  await add(newJob({ priority: 'critical', group: 'other' }), newJob({ rows: 3 }));
  assert.equal(rows(await take({ preferredRows: [16], lingerMs: LONG_MS })), 3);
});

test('enough rows are enough, however few jobs they are in', async () => {
  await add(newJob({ rows: 3 }), newJob({ rows: 3 }));
  assert.equal(rows(await take({ minRows: 7, lingerMs: LONG_MS })), 'later');
  assert.equal(rows(await take({ minRows: 6, lingerMs: LONG_MS })), 6);
});

test('what is left waiting puts no marker back, so that the next job wakes and nothing before', async () => {
  await addSome(2);
  await under.commands.del(`${PREFIX}:${QUEUE}:marker`);
  const later = await take({ minRows: 4, lingerMs: LONG_MS });
  assert.ok(later.kind === 'later' && later.filling && later.inMs <= LONG_MS);
  assert.equal(await marker(), 0);
  await addSome(1);
  assert.equal(await marker(), 1);
  await addSome(1);
  assert.equal(rows(await take({ minRows: 4, lingerMs: LONG_MS })), 4);
});

test('while more waits than fits, who will be gone before a full batch ends makes room for who will not', async () => {
  const short = { remainingMs: 5_000, kind: 'attached' } as const;
  const doomed = newJob({ ...short, priority: 'critical' });
  const kept = newJob({ remainingMs: 5_000, priority: 'critical' });
  await add(doomed, kept, newJob(), newJob());
  const wish = { maxRows: 2, fullMs: 10_000 };
  const first = await take(wish);
  assert.ok(first.kind === 'jobs');
  // A durable job's result is kept, whether it comes before or after its deadline.
  assert.equal(first.jobs[0]?.id, kept.id);
  assert.equal(first.jobs.length, 2);
  assert.equal(await under.commands.exists(`${PREFIX}:${QUEUE}:${doomed.id}`), 0);
  await add(newJob(short));
  assert.equal(rows(await take(wish)), 2, 'all of them fit: a batch that is not full may end in time');
});

test('no wait comes closer to a deadline than what the run needs', async () => {
  await add(newJob({ remainingMs: 5_000 }));
  const later = await take({ minRows: 4, lingerMs: LONG_MS, spareMs: 1_000 });
  assert.ok(later.kind === 'later' && later.inMs <= 4_000);
  assert.equal(rows(await take({ minRows: 4, lingerMs: LONG_MS, spareMs: 5_000 })), 1);
});

test('credit that a batch did not use is not spent', async () => {
  const credit = (): Promise<string | null> => under.commands.hget(`${PREFIX}:x:${QUEUE}:credit`, '3');
  await addSome(3);
  await add(newJob({ priority: 'critical' }));
  for (let i = 0; i < 3; i += 1) assert.equal(rows(await take({ preferredRows: [16], lingerMs: LONG_MS })), 'later');
  assert.equal(await credit(), null);
});
