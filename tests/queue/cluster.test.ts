/** The steps on a Redis Cluster of three masters: each queue in its shard, what is of all queues in shard 0. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openQueues, type QueueLink } from '@batchyard/queue/open-queues';
import { connectionName } from '@batchyard/shared/contract/heartbeat';
import { queueName, type Model } from '@batchyard/shared/contract/model';
import { shardOfModel, shardPrefix, slotOfShard } from '@batchyard/shared/contract/redis-keys';

import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { until } from '../support/system.ts';
import { finished, newJob, takeRequest } from './queue-under-test.ts';

/** One model whose shard lies on each node. */
function modelOn(cluster: TestCluster, node: number): string {
  for (let i = 0; ; i += 1) {
    const name = `m${i}`;
    const shard = shardOfModel(name, true);
    if (shard > 0 && cluster.ownerOf(slotOfShard(shard)) === node) return name;
  }
}
const modelCalled = (name: string): Model => ({
  name,
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'INPUT0', datatype: 'INT32', shape: [16] }],
  outputs: [{ name: 'OUTPUT0', datatype: 'INT32', shape: [16] }],
  signature: '0123456789abcdef',
  nan: 'pass',
});

let cluster: TestCluster;
let link: QueueLink;
let worker: QueueLink;
let models: string[];
let queues: string[];
before(async () => {
  cluster = await startCluster();
  link = openQueues({ url: cluster.urls, cluster: true });
  worker = openQueues({ url: cluster.nodes[1]?.url ?? '', cluster: true, connectionName: connectionName('w1') });
  await Promise.all([link.connect(), worker.connect()]);
  models = [0, 1, 2].map((node) => modelOn(cluster, node));
  queues = models.map((name) => queueName(name, '1'));
  for (const name of models) await worker.queue.announce(modelCalled(name));
});
after(async () => {
  link.disconnect();
  worker.disconnect();
  await cluster.stop();
});

test('each queue lies in its own shard, on three masters, and nothing of it elsewhere', async () => {
  const { queue } = link;
  for (const name of queues) assert.deepEqual(await queue.addMany(name, [newJob(), newJob()]), ['added', 'added']);
  for (const [node, name] of queues.entries()) {
    const keys = await cluster.ask(node, (redis) => redis.keys(`*${name}*`));
    assert.ok(keys.length > 0);
    assert.ok(keys.every((key) => key.startsWith(`${link.prefixOf(name)}:`)));
    assert.equal((await queue.counts(name)).depth, 2);
    for (const other of [0, 1, 2].filter((one) => one !== node))
      assert.deepEqual(await cluster.ask(other, (redis) => redis.keys(`*${name}*`)), []);
  }
  assert.deepEqual((await queue.queues()).toSorted(), queues.toSorted());
  for (const name of queues) assert.equal(await queue.drainJobs(name, 10), 2);
});

test('a job is taken, finished and told on the reply stream of its shard', async () => {
  for (const name of queues) {
    const stream = link.replyStreams[link.shardOf(name)];
    assert.ok(stream);
    const last = await stream.open('g1');
    const job = newJob({ gateway: 'g1' });
    await link.queue.addMany(name, [job]);
    const taken = await worker.queue.take(name, takeRequest('w1:a'));
    assert.deepEqual(taken.kind === 'jobs' && taken.jobs.map(({ id }) => id), [job.id]);
    assert.deepEqual(await worker.queue.finish(name, 'w1:a', [finished(job.id)]), ['finished']);
    const { replies } = await stream.read('g1', last, 1_000);
    assert.deepEqual(
      replies.map(({ id, outcome }) => [id, outcome]),
      [[job.id, 'succeeded']],
    );
    assert.equal((await link.queue.view(name, job.id))?.status, 'succeeded');
    await stream.close('g1');
  }
});

test('a claim is known in whichever shard it was made', async () => {
  const key = 'a'.repeat(32);
  await link.queue.addMany(queues[1] ?? '', [newJob({ extras: { claim: { key, record: 'first' } } })]);
  assert.equal(await link.queue.claimed(key), 'first');
  assert.equal(await link.queue.claimed('b'.repeat(32)), undefined);
  await link.queue.drainJobs(queues[1] ?? '', 10);
});

test('one wait hears of work in every shard', async () => {
  const ring = (): Promise<string | undefined> => worker.queue.waitForWork(queues, 100);
  await until('no marker is left', async () => ((await ring()) === undefined ? true : undefined));
  for (const name of [...queues, ...queues.toReversed()]) {
    const woken = worker.queue.waitForWork(queues, 5_000);
    await link.queue.addMany(name, [newJob()]);
    assert.equal(await woken, name);
    assert.equal(await link.queue.drainJobs(name, 10), 1);
  }
  assert.equal(await worker.queue.waitForWork(queues, 50), undefined);
});

test('what a dead worker held comes back in every shard, and it hears of its death', async () => {
  await worker.queue.checkIn('w1', 'w1:b', '{}');
  const held = [];
  for (const name of queues) {
    const job = newJob();
    await link.queue.addMany(name, [job]);
    const request = takeRequest('w1:b');
    await worker.queue.take(name, request);
    held.push(request.batch);
  }
  await worker.queue.markStarted('w1:b', held);
  assert.deepEqual(await link.queue.connectedWorkers(), new Set(['w1']));
  assert.equal(await link.queue.claimDead('w1', 60_000), undefined);
  await until('the beat is old', async () => ((await link.queue.claimDead('w1', 0)) === 'w1:b' ? true : undefined));
  assert.equal(await link.queue.releaseWorker('w1:b'), 3);
  for (const name of queues) {
    const [line] = (await link.queue.jobsIn(name, 'waiting', { limit: 10 })).jobs;
    assert.equal(line?.deaths, 1);
    assert.deepEqual(await worker.queue.take(name, takeRequest('w1:b')), { kind: 'dead' });
    await link.queue.drainJobs(name, 10);
  }
  assert.equal((await worker.queue.checkIn('w1', 'w1:b', '{}')).dead, true);
});

test('a worker that lives beats in each shard it serves: its jobs are left to it when a lock lapses', async () => {
  const [name = ''] = queues;
  await worker.queue.checkIn('w1', 'w1:c', '{}');
  const prefix = link.prefixOf(name);
  assert.equal(await link.commands.hget(`${prefix}:x:worker:w1`, 'token'), 'w1:c');
  const job = newJob();
  await link.queue.addMany(name, [job]);
  await worker.queue.take(name, { ...takeRequest('w1:c'), lockMs: 1 });
  await until('the lock has lapsed', async () =>
    (await link.commands.exists(`${prefix}:${name}:${job.id}:lock`)) === 0 ? true : undefined,
  );
  assert.equal(await link.queue.recoverLapsed(name), 0);
  assert.equal((await link.queue.view(name, job.id))?.status, 'running');
  await link.commands.del(`${prefix}:x:worker:w1`);
  assert.equal(await link.queue.recoverLapsed(name), 1);
});

test('what Redis tells of itself is the sum of the masters', async () => {
  const facts = await link.queue.redisFacts();
  const used = await Promise.all(
    [0, 1, 2].map(async (node) =>
      Number(/used_memory:(\d+)/.exec(await cluster.ask(node, (redis) => redis.info()))?.[1]),
    ),
  );
  const sum = used.reduce((total, bytes) => total + bytes, 0);
  assert.ok(Math.abs(facts.used_bytes - sum) < sum / 5, `${facts.used_bytes} of ${sum}`);
  assert.equal(facts.max_bytes, 3 * 256 * 1_048_576);
  assert.deepEqual([facts.append_only, facts.policy], [true, 'noeviction']);
  await cluster.ask(2, (redis) => redis.config('SET', 'maxmemory-policy', 'allkeys-lru'));
  assert.equal((await link.queue.redisState()).policy, 'allkeys-lru');
  await cluster.ask(2, (redis) => redis.config('SET', 'maxmemory-policy', 'noeviction'));
});

test('with a master away the others go on, and with it back so does its part', { timeout: 40_000 }, async () => {
  const home = cluster.ownerOf(slotOfShard(0));
  const away = (home + 1) % 3;
  const kept = queues[home] ?? '';
  const lost = queues[away] ?? '';
  await link.queue.addMany(lost, [newJob()]);
  const depth = (await link.queue.counts(lost)).depth;
  await cluster.nodes[away]?.kill9();
  const [outcome] = await link.queue.addMany(lost, [newJob()]);
  assert.ok(outcome === 'unknown' || outcome === 'refused', outcome);
  // As an operator sets it where a part is to serve on without the others.
  for (const node of [0, 1, 2].filter((one) => one !== away))
    await cluster.ask(node, (redis) => redis.config('SET', 'cluster-require-full-coverage', 'no'));
  await until('the others take jobs', async () =>
    (await link.queue.addMany(kept, [newJob()]))[0] === 'added' ? true : undefined,
  );
  assert.equal(await worker.queue.waitForWork([kept, lost], 2_000), kept);
  await cluster.nodes[away]?.restart();
  await until('it takes jobs again', async () =>
    (await link.queue.addMany(lost, [newJob()]))[0] === 'added' ? true : undefined,
  );
  assert.equal((await link.queue.counts(lost)).depth, depth + 1, 'the file kept what was there');
  await until('its part rings again', async () =>
    (await worker.queue.waitForWork([lost], 1_000)) === lost ? true : undefined,
  );
});

test('a failover is followed, by commands and by what blocks', { timeout: 60_000 }, async () => {
  const home = cluster.ownerOf(slotOfShard(0));
  const name = queues[home] ?? '';
  const replica = await cluster.addReplica(home);
  const depth = (await link.queue.counts(name)).depth;
  await until('the replica has taken over', () =>
    cluster.ask(replica, async (redis) => {
      await redis.call('CLUSTER', 'FAILOVER').catch(() => undefined);
      return (await redis.info()).includes('role:master') ? true : undefined;
    }),
  );
  await cluster.nodes[home]?.kill9();
  await until('jobs are taken in again', async () =>
    (await link.queue.addMany(name, [newJob()]))[0] === 'added' ? true : undefined,
  );
  assert.equal((await link.queue.counts(name)).depth, depth + 1);
  await until('a marker rings', async () =>
    (await worker.queue.waitForWork([name], 1_000)) === name ? true : undefined,
  );
  await until('a worker beats', async () => ((await worker.queue.checkIn('w2', 'w2:a', '{}')).dead ? undefined : true));
});

test('on a single Redis everything lies in shard 0', () => {
  const single = openQueues({ url: 'redis://127.0.0.1:1', cluster: false });
  assert.deepEqual(
    [...queues, 'simple@1'].map((name) => [single.shardOf(name), single.prefixOf(name)]),
    [...queues, 'simple@1'].map(() => [0, shardPrefix(0)]),
  );
  assert.equal(single.replyStreams.length, 1);
});
