/** The steps of webhooks on a real Redis: an end becomes one delivery, a lease is one's own, and what lapses is given again. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { HookRoom } from '@batchyard/queue/hooks';
import { WEBHOOKS } from '@batchyard/shared/contract/webhook';

import { finished, newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(async () => {
  await under.commands.flushall();
});

const RECORD = { url: 'https://receiver.example/', queue: QUEUE, tenant: '-', submittedMs: 1 };
const DUE = `${PREFIX}:x:hooks`;

async function withHook(url = RECORD.url): Promise<string> {
  const job = newJob({ gateway: WEBHOOKS, extras: { webhook: { ...RECORD, url } } });
  assert.deepEqual(await under.queue.addMany(QUEUE, [job]), ['added']);
  return job.id;
}
async function endAll(token = 'w:a'): Promise<void> {
  const taken = await under.queue.take(QUEUE, takeRequest(token));
  const jobs = taken.kind === 'jobs' ? taken.jobs : [];
  await under.queue.finish(
    QUEUE,
    token,
    jobs.map(({ id }) => finished(id)),
  );
}
const ROOM = { most: 10, perHost: 8, hosts: [] };
const take = async (room: HookRoom = ROOM) => (await under.queue.takeHooks(room)).hooks;
const given = async () => (await take()).map(({ id, number }) => `${id} ${number}`);

test('the end of a job with a webhook is given to one of those that ask, and to no other while its lease runs', async () => {
  const id = await withHook();
  await under.queue.addMany(QUEUE, [newJob()]);
  assert.deepEqual(await given(), []);
  await endAll();
  const asked = await Promise.all(Array.from({ length: 8 }, () => take()));
  const [due, ...rest] = asked.flat();
  assert.deepEqual([rest.length, due?.id, due?.record, due?.delivery.outcome], [0, id, RECORD, 's']);
  assert.equal(await under.queue.pendingHooks(), 1);
  const stream = `${PREFIX}:x:reply:${WEBHOOKS}`;
  assert.deepEqual([await under.commands.xlen(stream), await under.commands.get(`${stream}:bytes`)], [0, '0']);
});

test('a lease that lapsed is given again, and its first holder may settle nothing', async () => {
  const id = await withHook();
  await endAll();
  const [first] = await take();
  assert.ok(first);
  await under.commands.zadd(DUE, 1, `${id} 1`);
  const [second] = await take();
  assert.ok(second);
  const attempts = [{ atMs: 1, status: 200, tookMs: 1 }];
  const delivered = { ...first.delivery, attempts, state: 'delivered' } as const;
  if (second.lease !== first.lease) assert.equal(await under.queue.settleHook(first, delivered, undefined), false);
  assert.equal(await under.queue.settleHook(second, delivered, undefined), true);
  assert.equal(await under.queue.settleHook(second, delivered, 1), false);
  assert.deepEqual([await under.queue.pendingHooks(), await given()], [0, []]);
  const log = await under.queue.hookLog(id);
  assert.deepEqual([log?.record, log?.deliveries], [RECORD, [{ number: 1, delivery: delivered }]]);
  const ttl = await under.commands.pttl(`${PREFIX}:x:hook:${id}`);
  assert.ok(ttl > 3_500_000 && ttl <= 3_600_000, String(ttl));
});

test('what is to be tried again is given when it is due, and a retried job has a second delivery', async () => {
  const id = await withHook();
  const taken = await under.queue.take(QUEUE, takeRequest('w:a'));
  assert.equal(taken.kind, 'jobs');
  await under.queue.fail(QUEUE, 'w:a', [{ id, code: 'model_error', message: 'no' }]);
  const [due] = await take();
  assert.ok(due);
  assert.equal(due.delivery.text, 'model_error: no');
  await under.queue.settleHook(due, { ...due.delivery, state: 'pending' }, 60_000);
  assert.deepEqual(await given(), []);
  await under.queue.settleHook(due, due.delivery, 0);
  assert.equal(await under.queue.retry(QUEUE, id, { timeoutMs: 5_000 }), 'retried');
  await endAll();
  assert.deepEqual((await given()).toSorted(), [`${id} 2`]);
  await under.commands.zadd(DUE, 1, `${id} 1`);
  assert.deepEqual(await given(), [`${id} 1`]);
});

test('a delivery outlives its job, and one whose record has gone is let go', async () => {
  const [kept, lost] = [await withHook(), await withHook()];
  await endAll();
  await under.commands.del(`${PREFIX}:${QUEUE}:${kept}`, `${PREFIX}:x:hook:${lost}`);
  assert.deepEqual(await given(), [`${kept} 1`]);
  assert.equal(await under.queue.pendingHooks(), 1);
});

test('a host is given no more than it has room for, and a slow one does not stand before the others', async () => {
  const [slow, quick] = ['https://slow.example/', 'https://quick.example/'];
  for (let i = 0; i < 5; i += 1) await withHook(slow);
  const other = await withHook(quick);
  await endAll();
  const hosts = [{ host: 'slow.example', room: 2, putOffMs: 0 }];
  const first = await under.queue.takeHooks({ ...ROOM, hosts });
  assert.deepEqual([first.left, first.hooks.length], [true, 3]);
  assert.ok(first.hooks.some(({ id }) => id === other));
  const none = await under.queue.takeHooks({ ...ROOM, hosts: [{ host: 'slow.example', room: 0, putOffMs: 60_000 }] });
  assert.deepEqual([none.left, none.hooks.length, await under.queue.pendingHooks()], [false, 0, 6]);
  assert.deepEqual(await take(), [], 'they were put off');
});

test('a gateway that waits for the same job is told as well', async () => {
  await under.queue.replies.open('g');
  const id = await withHook();
  assert.equal(await under.queue.watch(QUEUE, id, 'g'), true);
  await endAll();
  assert.deepEqual(await given(), [`${id} 1`]);
  const { replies } = await under.queue.replies.read('g', '0-0', 1_000);
  assert.deepEqual(
    replies.map((reply) => reply.id),
    [id],
  );
});

test('the first secret is everybody’s', async () => {
  assert.equal(await under.queue.hookSecret('whsec_a'), 'whsec_a');
  assert.equal(await under.queue.hookSecret('whsec_b'), 'whsec_a');
});
