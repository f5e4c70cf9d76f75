/** The atomic steps one by one on a real Redis: order, fairness, groups, fences, deaths, deadlines, retention, replies. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { NewJob, Taken } from '@batchyard/queue/operations';
import { countedBytes } from '@batchyard/queue/replies';
import { connectionName } from '@batchyard/shared/contract/heartbeat';

import { finished, newJob, PREFIX, QUEUE, startQueue, takeRequest, type QueueUnderTest } from './queue-under-test.ts';

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
const ids = (taken: Taken): string[] => (taken.kind === 'jobs' ? taken.jobs.map((job) => job.id) : []);
const take = async (token: string, maxRows?: number): Promise<string[]> =>
  ids(await under.queue.take(QUEUE, takeRequest(token, maxRows)));
const key = (id: string): string => `${PREFIX}:${QUEUE}:${id}`;
const rewind = (id: string, fields: Record<string, number>): Promise<number> => under.commands.hset(key(id), fields);
const redisNow = async (): Promise<number> => {
  const [seconds, micros] = (await under.commands.time()) as unknown as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
};

test('classes come in order of urgency and first in, first out within a class', async () => {
  const low = await add(newJob({ priority: 'low' }), newJob({ priority: 'low' }));
  const normal = await add(newJob(), newJob());
  const critical = await add(newJob({ priority: 'critical' }));
  assert.deepEqual(await take('w:a', 10), [...critical, ...normal, ...low]);
});

test('normal and low go by the earlier of deadline and SLA, whichever class it is in', async () => {
  const [normal = ''] = await add(newJob());
  const [low = ''] = await add(newJob({ priority: 'low' }));
  await rewind(low, { q: (await redisNow()) - 1_000 });
  assert.deepEqual(await take('w:a'), [low, normal]);
});

test('critical does not wait for high, however long that has waited', async () => {
  const [high = ''] = await add(newJob({ priority: 'high' }));
  const [critical = ''] = await add(newJob({ priority: 'critical' }));
  await rewind(high, { q: (await redisNow()) - 1_000 });
  assert.deepEqual(await take('w:a', 2), [critical, high]);
});

test('a tenth of the rows goes to high, a sixteenth each to normal and low while critical jobs never end', async () => {
  await add(...Array.from({ length: 60 }, () => newJob({ priority: 'high' })));
  await add(...Array.from({ length: 60 }, () => newJob({ priority: 'low' })));
  await add(...Array.from({ length: 60 }, () => newJob({ priority: 'normal' })));
  const got = { critical: 0, high: 0, normal: 0, low: 0 };
  for (let round = 0; round < 40; round += 1) {
    await add(...Array.from({ length: 10 }, () => newJob({ priority: 'critical' })));
    const taken = await under.queue.take(QUEUE, takeRequest('w:a', 10));
    assert.ok(taken.kind === 'jobs');
    for (const job of taken.jobs) got[job.priority] += 1;
    await under.queue.finish(
      QUEUE,
      'w:a',
      ids(taken).map((id) => finished(id)),
    );
  }
  assert.deepEqual(got, { critical: 310, high: 40, normal: 25, low: 25 });
});

test('a take serves one shape group, that of its most urgent job', async () => {
  const [a1 = '', b1 = '', a2 = '', b2 = ''] = await add(...['a', 'b', 'a', 'b'].map((group) => newJob({ group })));
  assert.deepEqual(await take('w:a'), [a1, a2]);
  assert.deepEqual(await take('w:a'), [b1, b2]);
});

test('rows are counted, not jobs, and a job is never split', async () => {
  const [one = '', two = '', three = ''] = await add(newJob({ rows: 3 }), newJob({ rows: 4 }), newJob({ rows: 2 }));
  assert.deepEqual(await take('w:a', 8), [one, two]);
  assert.deepEqual(await take('w:a', 1), [three]);
});

test('one call carries at most 1 MiB of tensors, and a larger job goes alone', async () => {
  const big = Array.from({ length: 3 }, () => newJob({ input: Buffer.alloc(400_000) }));
  const [first = '', second = '', third = ''] = await add(...big);
  assert.deepEqual([await take('w:a'), await take('w:a'), await take('w:a')], [[first, second], [third], []]);
  const [huge = ''] = await add(newJob({ input: Buffer.alloc(3_000_000) }), newJob());
  assert.deepEqual(await take('w:a'), [huge]);
});

test('the same id is stored once', async () => {
  const job = newJob();
  assert.deepEqual(await under.queue.addMany(QUEUE, [job, job]), ['added', 'exists']);
  assert.deepEqual(await take('w:a'), [job.id]);
});

test('a call that lay in a socket for over a second stores nothing', async () => {
  const { commands } = under;
  await add(newJob());
  const slow = under.queue.addMany;
  await commands.client('PAUSE', 1_300, 'ALL');
  assert.deepEqual(await slow(QUEUE, [newJob()]), ['stale']);
});

test('what expired is never delivered: durable is told as expired, attached is gone', async () => {
  const [durable = '', attached = ''] = await add(newJob(), newJob({ kind: 'attached' }));
  await rewind(durable, { dl: 1 });
  await rewind(attached, { dl: 1 });
  assert.deepEqual(await take('w:a'), []);
  const view = await under.queue.view(QUEUE, durable);
  assert.deepEqual([view?.status, view?.failure?.code], ['expired', 'expired']);
  assert.equal(await under.commands.exists(key(attached)), 0);
  assert.equal(await under.commands.hexists(key(durable), 'in'), 1);
});

test('the sweep expires durable jobs in a paused queue without workers, and puts a lost marker back', async () => {
  const [id = '', waiting = ''] = await add(newJob(), newJob());
  await under.commands.zadd(`${PREFIX}:x:${QUEUE}:deadlines`, 1, id);
  await under.commands.hset(`${PREFIX}:${QUEUE}:meta`, 'paused', 1);
  await under.commands.del(`${PREFIX}:${QUEUE}:marker`);
  assert.equal((await under.queue.sweep(QUEUE)).expired, 1);
  assert.equal((await under.queue.view(QUEUE, id))?.status, 'expired');
  assert.equal(await under.commands.exists(`${PREFIX}:${QUEUE}:marker`), 0);
  await under.commands.hdel(`${PREFIX}:${QUEUE}:meta`, 'paused');
  await under.queue.sweep(QUEUE);
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  assert.deepEqual(await take('w:a'), [waiting]);
});

test("only the owner's result counts, and a terminal state never changes", async () => {
  const [id = ''] = await add(newJob());
  await take('w1:a');
  assert.equal(await under.queue.releaseWorker('w1:a'), 1);
  assert.deepEqual(await take('w2:a'), [id]);
  assert.deepEqual(await under.queue.finish(QUEUE, 'w1:a', [finished(id, 'late')]), ['lost']);
  assert.deepEqual(await under.queue.finish(QUEUE, 'w2:a', [finished(id, 'right')]), ['finished']);
  assert.deepEqual(await under.queue.finish(QUEUE, 'w2:a', [finished(id, 'again')]), ['lost']);
  assert.deepEqual(await under.queue.fail(QUEUE, 'w2:a', [{ id, code: 'model_error', message: 'no' }]), ['lost']);
  assert.equal((await under.queue.output(QUEUE, id))?.toString(), 'right');
  assert.equal(await under.queue.cancel(QUEUE, id), 'terminal');
});

test('a released incarnation takes nothing more and its check-in says so', async () => {
  await add(newJob());
  await under.queue.releaseWorker('w1:a');
  assert.equal((await under.queue.take(QUEUE, takeRequest('w1:a'))).kind, 'dead');
  assert.equal((await under.queue.checkIn('w1', 'w1:a', '{}')).dead, true);
  assert.equal((await under.queue.checkIn('w1', 'w1:b', '{}')).dead, false);
});

test('jobs given back keep their places and their count of deliveries', async () => {
  const [first = '', second = ''] = await add(newJob(), newJob());
  const request = { ...takeRequest('w1:a'), maxRows: 2 };
  await under.queue.take(QUEUE, request);
  const [third = ''] = await add(newJob());
  assert.equal(await under.queue.giveBack(QUEUE, request, [second, first]), 2);
  assert.equal((await under.queue.view(QUEUE, first))?.deliveries, 0);
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  assert.deepEqual(await take('w2:a'), [first, second, third]);
});

test('a batch whose take was never heard of goes back whole, and only that delivery of it', async () => {
  const [first = '', second = ''] = await add(newJob(), newJob());
  const unheard = { ...takeRequest('w1:a'), maxRows: 1 };
  const heard = takeRequest('w1:a');
  await under.queue.take(QUEUE, unheard);
  assert.deepEqual(ids(await under.queue.take(QUEUE, heard)), [second]);
  assert.equal(await under.queue.giveBack(QUEUE, unheard), 1);
  assert.equal((await under.queue.view(QUEUE, first))?.deliveries, 0);
  assert.equal((await under.queue.view(QUEUE, second))?.status, 'running');
  assert.deepEqual(await take('w1:a'), [first]);
  assert.equal(await under.queue.giveBack(QUEUE, unheard), 0);
  assert.equal(await under.queue.giveBack(QUEUE, unheard, [first]), 0);
});

test('after a death in a started batch a job is delivered alone, and three deaths set it aside', async () => {
  const [poison = '', mate = ''] = await add(newJob(), newJob());
  const die = async (token: string, started: boolean): Promise<string[]> => {
    const request = takeRequest(token);
    const got = ids(await under.queue.take(QUEUE, request));
    if (started) await under.queue.markStarted(token, [request.batch]);
    await under.queue.releaseWorker(token);
    return got;
  };
  assert.deepEqual(await die('w:1', false), [poison, mate]);
  assert.deepEqual(await die('w:2', true), [poison, mate]);
  assert.deepEqual(await die('w:3', true), [poison]);
  assert.deepEqual(await die('w:4', true), [poison]);
  const view = await under.queue.view(QUEUE, poison);
  assert.deepEqual([view?.status, view?.failure?.code], ['failed', 'poison']);
  assert.deepEqual(await take('w:5'), [mate]);
  assert.deepEqual(await under.queue.finish(QUEUE, 'w:5', [finished(mate)]), ['finished']);
});

test('a lapsed lock brings the job back unless its owner still beats', async () => {
  const [id = ''] = await add(newJob());
  await under.queue.checkIn('w1', 'w1:a', '{}');
  await take('w1:a');
  assert.equal(await under.queue.recoverLapsed(QUEUE), 0);
  await under.commands.del(`${key(id)}:lock`);
  assert.equal(await under.queue.recoverLapsed(QUEUE), 0);
  await under.commands.hset(`${PREFIX}:x:worker:w1`, 'beat', (await redisNow()) - 6_000);
  assert.equal(await under.queue.recoverLapsed(QUEUE), 1);
  assert.deepEqual(await take('w2:a'), [id]);
});

test('renewing keeps what is ours and tells what is not', async () => {
  const [mine = '', other = ''] = await add(newJob(), newJob());
  await take('w1:a', 1);
  await take('w2:a', 1);
  await under.commands.del(`${key(mine)}:lock`);
  assert.deepEqual(await under.queue.renew(QUEUE, 'w1:a', [mine, other], 30_000), [other]);
  assert.equal(await under.commands.get(`${key(mine)}:lock`), 'w1:a');
});

test('a silent worker is dead by the time of Redis, a beating one is not', async () => {
  await under.queue.checkIn('w1', 'w1:a', '{}');
  assert.equal(await under.queue.claimDead('w1', 5_000), undefined);
  await under.commands.hset(`${PREFIX}:x:worker:w1`, 'beat', (await redisNow()) - 6_000);
  assert.equal(await under.queue.claimDead('w1', 5_000), 'w1:a');
  assert.equal((await under.queue.checkIn('w1', 'w1:a', '{}')).dead, true);
});

test('workers are known by the names of their connections, where CLIENT LIST is permitted', async () => {
  const named = under.commands.duplicate({ connectionName: connectionName('a b:1') });
  await named.connect();
  assert.deepEqual(await under.queue.connectedWorkers(), new Set(['a b:1']));
  named.disconnect();
  await under.commands.acl('SETUSER', 'default', '-client|list');
  assert.equal(await under.queue.connectedWorkers(), undefined);
  await under.commands.acl('SETUSER', 'default', '+client|list');
});

test('cancel: waiting durable is kept as cancelled, waiting attached is gone, running is dropped at its end', async () => {
  const [durable = '', attached = '', running = ''] = await add(
    newJob(),
    newJob({ kind: 'attached' }),
    newJob({ priority: 'critical' }),
  );
  assert.deepEqual(await take('w:a', 1), [running]);
  assert.equal(await under.queue.cancel(QUEUE, durable), 'cancelled');
  assert.equal(await under.queue.cancel(QUEUE, durable), 'cancelled');
  assert.equal(await under.queue.cancel(QUEUE, attached), 'cancelled');
  assert.equal(await under.queue.cancel(QUEUE, attached), 'unknown');
  assert.equal(await under.queue.cancel(QUEUE, running), 'running');
  assert.equal(await under.queue.cancel(QUEUE, running), 'running');
  assert.deepEqual(await under.queue.finish(QUEUE, 'w:a', [finished(running)]), ['cancelled']);
  assert.equal((await under.queue.view(QUEUE, running))?.status, 'cancelled');
  assert.deepEqual(await take('w:a'), []);
});

test('a retry with attempts left waits its back-off and keeps its input', async () => {
  const [id = ''] = await add(newJob());
  await under.commands.hset(key(id), 'opts', '{"attempts":2,"priority":3}');
  await take('w:a');
  assert.deepEqual(await under.queue.fail(QUEUE, 'w:a', [{ id, code: 'worker_error', message: 'x', retryInMs: 1 }]), [
    'retried',
  ]);
  const limit = Date.now() + 5_000;
  while ((await take('w:a')).length === 0) assert.ok(Date.now() < limit);
  assert.deepEqual(await under.queue.fail(QUEUE, 'w:a', [{ id, code: 'worker_error', message: 'x', retryInMs: 1 }]), [
    'failed',
  ]);
  assert.equal((await under.queue.view(QUEUE, id))?.attempts, 2);
});

test('an attached job leaves nothing, and its result travels in the reply of its gateway', async () => {
  const last = await under.queue.replies.open('g1');
  const [id = '', large = ''] = await add(
    newJob({ kind: 'attached', gateway: 'g1' }),
    newJob({ kind: 'attached', gateway: 'g1' }),
  );
  await take('w:a');
  const outputs = [finished(id), { ...finished(large), output: Buffer.alloc(300_000, 1) }];
  await under.queue.finish(QUEUE, 'w:a', outputs);
  const read = await under.queue.replies.read('g1', last, 1_000);
  assert.deepEqual(
    read.replies.map((reply) => [reply.id, reply.outcome, reply.output?.toString()]),
    [
      [id, 'succeeded', `output of ${id}`],
      [large, 'succeeded', undefined],
    ],
  );
  assert.equal((await under.queue.output(QUEUE, large))?.byteLength, 300_000);
  assert.ok((await under.commands.pttl(key(large))) > 0);
  assert.equal(await under.commands.exists(key(id)), 0);
  await under.queue.replies.trim('g1', read.lastId, countedBytes(read.replies));
  assert.equal(await under.commands.xlen(`${PREFIX}:x:reply:g1`), 0);
  assert.ok(Number(await under.commands.get(`${PREFIX}:x:reply:g1:bytes`)) <= 0);
});

test('no stream is made for a gateway that has gone', async () => {
  const [id = ''] = await add(newJob({ kind: 'attached', gateway: 'gone' }));
  await take('w:a');
  await under.queue.finish(QUEUE, 'w:a', [finished(id)]);
  assert.equal(await under.commands.exists(`${PREFIX}:x:reply:gone`), 0);
});

test('two gateways may watch one durable job, and both are told', async () => {
  const [one, two] = [await under.queue.replies.open('g1'), await under.queue.replies.open('g2')];
  const [id = ''] = await add(newJob());
  for (const gateway of ['g1', 'g2', 'g1']) assert.equal(await under.queue.watch(QUEUE, id, gateway), true);
  await take('w:a');
  await under.queue.finish(QUEUE, 'w:a', [finished(id)]);
  assert.equal((await under.queue.replies.read('g1', one, 1_000)).replies.length, 1);
  assert.equal((await under.queue.replies.read('g2', two, 1_000)).replies.length, 1);
  assert.equal(await under.queue.watch(QUEUE, id, 'g1'), false);
});

test('results go after their time, leave a tombstone, and that goes too', async () => {
  const brief = under.with({ resultTtlMs: 1 });
  const [id = ''] = await add(newJob());
  await take('w:a');
  await under.queue.finish(QUEUE, 'w:a', [finished(id)]);
  const limit = Date.now() + 5_000;
  while ((await brief.sweep(QUEUE)).dropped === 0) assert.ok(Date.now() < limit);
  assert.equal(await under.queue.view(QUEUE, id), undefined);
  while (await under.queue.wasRemoved(QUEUE, id)) {
    await brief.sweep(QUEUE);
    assert.ok(Date.now() < limit);
  }
});

test('results are bounded by bytes: the oldest go first, and leave a tombstone', async () => {
  const small = under.with({ maxResultBytes: 250 });
  const jobs = await add(newJob(), newJob(), newJob());
  for (const id of jobs) {
    await take('w:a', 1);
    await small.finish(QUEUE, 'w:a', [{ ...finished(id), output: Buffer.alloc(100) }]);
  }
  const [first = '', second = '', third = ''] = jobs;
  assert.equal(await under.queue.view(QUEUE, first), undefined);
  assert.equal(await under.queue.wasRemoved(QUEUE, first), true);
  assert.deepEqual(
    [(await under.queue.output(QUEUE, second))?.length, (await under.queue.output(QUEUE, third))?.length],
    [100, 100],
  );
});

test('lingering waits for rows, but not past its time', async () => {
  const [id = ''] = await add(newJob());
  const wait = await under.queue.take(QUEUE, { ...takeRequest('w:a'), minRows: 2, lingerMs: 5_000 });
  assert.ok(wait.kind === 'later' && wait.inMs <= 5_000);
  await rewind(id, { q: (await redisNow()) - 6_000 });
  assert.deepEqual(ids(await under.queue.take(QUEUE, { ...takeRequest('w:a'), minRows: 2, lingerMs: 5_000 })), [id]);
});

test('the marker that one worker popped wakes the next while jobs remain', async () => {
  await add(newJob(), newJob());
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  await take('w1:a', 1);
  assert.equal(await under.queue.waitForWork([QUEUE], 1_000), QUEUE);
  await take('w2:a', 1);
  assert.equal(await under.queue.waitForWork([QUEUE], 20), undefined);
});

test("BullMQ's counter starts again only when nothing waits, is delayed or active", async () => {
  const [id = ''] = await add(newJob());
  await take('w:a');
  await take('w:a');
  assert.equal(await under.commands.exists(`${PREFIX}:${QUEUE}:pc`), 1);
  await under.queue.finish(QUEUE, 'w:a', [finished(id)]);
  await take('w:a');
  assert.equal(await under.commands.exists(`${PREFIX}:${QUEUE}:pc`), 0);
});

test('scripts survive SCRIPT FLUSH', async () => {
  await under.commands.script('FLUSH');
  const [id = ''] = await add(newJob());
  assert.deepEqual(await take('w:a'), [id]);
});
