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

test('who rests takes at once where enough rows wait, and looks again soon where half of them do', async () => {
  const rest = { restMs: 60_000, restRows: 4, fullMs: 40 };
  const [one = ''] = await add(newJob());
  const few = await under.queue.take(QUEUE, { ...takeRequest('w:a'), ...rest });
  assert.ok(few.kind === 'later' && few.inMs > 10 && few.inMs <= 80);
  const more = await add(newJob(), newJob());
  const half = await under.queue.take(QUEUE, { ...takeRequest('w:a'), ...rest });
  assert.ok(half.kind === 'later' && half.inMs <= 10);
  const last = await add(newJob());
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a'), ...rest })), [one, ...more, ...last]);
});

const turnOf = (worker: string, weight = 1) => ({ turn: { worker, weight, waitMs: 60 } });

test('in turns who is ahead leaves young jobs to the one that has least, by weight, and hands the marker on', async () => {
  assert.equal((await under.queue.take(QUEUE, { ...takeRequest('w:b'), ...turnOf('w') })).kind, 'nothing');
  assert.equal((await under.queue.take(QUEUE, { ...takeRequest('v:b'), ...turnOf('v', 3) })).kind, 'nothing');
  const four = await add(newJob(), newJob(), newJob(), newJob());
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a', 1), ...turnOf('w') })), four.slice(0, 1));
  // One for the light one is level with three for the heavy one, and a slack of one.
  for (const id of four.slice(1))
    assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('v:a', 1), ...turnOf('v', 3) })), [id]);
  await add(newJob(), newJob(), newJob(), newJob(), newJob(), newJob());
  await under.queue.take(QUEUE, { ...takeRequest('v:a', 4), ...turnOf('v', 3) });
  const ahead = await under.queue.take(QUEUE, { ...takeRequest('v:a', 1), ...turnOf('v', 3) });
  assert.ok(ahead.kind === 'later' && ahead.inMs <= 60);
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  assert.equal(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a', 1), ...turnOf('w') })).length, 1);
});

test('a turn that nobody takes is waited for once, not again and again', async () => {
  await under.queue.take(QUEUE, { ...takeRequest('gone:a'), ...turnOf('gone') });
  const [first = '', second = '', third = ''] = await add(newJob(), newJob(), newJob());
  const take = () => under.queue.take(QUEUE, { ...takeRequest('w:a', 1), ...turnOf('w') });
  assert.deepEqual(ids(await take()), [first]);
  assert.deepEqual(ids(await take()), [second]);
  assert.equal((await take()).kind, 'later');
  await rewind(third, { q: (await redisNow()) - 61 });
  assert.deepEqual(ids(await take()), [third]);
  const [fourth] = await add(newJob());
  assert.deepEqual(ids(await take()), [fourth]);
});

test('by equal shares nobody holds more than its part of what waits and runs', async () => {
  const jobs = await add(...Array.from({ length: 9 }, () => newJob()));
  const take = (held: number) => under.queue.take(QUEUE, { ...takeRequest('w:a'), share: { workers: 3, held } });
  assert.deepEqual(ids(await take(0)), jobs.slice(0, 3));
  assert.equal((await take(3)).kind, 'later');
  assert.deepEqual(ids(await take(2)), jobs.slice(3, 4));
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a'), maxJobs: 2 })), jobs.slice(4, 6));
  // Where nothing waits there is nothing to look for again.
  await under.commands.flushall();
  assert.equal((await take(0)).kind, 'nothing');
});

test('what people wish of the steering is kept, and can be taken back', async () => {
  const none = { balancer: undefined, drains: new Map() };
  assert.deepEqual(await under.queue.steeringWishes(), none);
  await under.queue.changeBalancer({ strategy: 'round_robin', weights: { load: 0.5 } });
  await under.queue.drainWorker('w', { exit: false, reason: 'by hand' });
  assert.deepEqual(await under.queue.steeringWishes(), {
    balancer: { strategy: 'round_robin', weights: { load: 0.5 } },
    drains: new Map([['w', { exit: false, reason: 'by hand' }]]),
  });
  await under.queue.changeBalancer({});
  await under.queue.undrainWorker('w');
  assert.deepEqual(await under.queue.steeringWishes(), none);
});

test('who rests while others take does so however old the jobs are, until nobody has taken for so long', async () => {
  const rest = { restMs: 20, restWhileTakenMs: 400 };
  const [first = '', second = ''] = [...(await add(newJob())), ...(await add(newJob()))];
  assert.deepEqual(ids(await under.queue.take(QUEUE, takeRequest('w:a', 1))), [first]);
  await rewind(second, { q: (await redisNow()) - 5_000 });
  const early = await under.queue.take(QUEUE, { ...takeRequest('w:b'), ...rest });
  assert.ok(early.kind === 'later' && early.inMs <= 400);
  await rewind(first, { processedOn: (await redisNow()) - 401 });
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:b'), ...rest })), [second]);
  // And where nothing runs at all an ordinary rest is all there is.
  await under.commands.del(`${PREFIX}:${QUEUE}:active`);
  const [third = ''] = await add(newJob());
  const young = await under.queue.take(QUEUE, { ...takeRequest('w:b'), ...rest });
  assert.ok(young.kind === 'later' && young.inMs <= 20);
  await rewind(third, { q: (await redisNow()) - 21 });
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:b'), ...rest })), [third]);
});

test('one gateway steers at a time: another does when it has let go, and its directives reach the workers', async () => {
  const says = (reason: string) =>
    new Map([['w', { kind: 'serve', takes: { [QUEUE]: { rest_ms: 20 } }, reason } as const]]);
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
