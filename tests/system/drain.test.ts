/** A worker is drained by a wish in Redis: it finishes, takes nothing more, stays so without steering, and serves again. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { createQueueOperations, type QueueOperations } from '@batchyard/queue/queue';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let commands: Redis;
let blocking: Redis;
let queue: QueueOperations;
let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-drain-'));
  await makeTestModels(models, ['slow']);
  redis = await startRedis();
  commands = connectRedis(redis.url, 'commands');
  blocking = connectRedis(redis.url, 'blocking');
  await Promise.all([commands.connect(), blocking.connect()]);
  queue = createQueueOperations({ commands, blocking, prefix: '{by0}' });
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_WORKERS: '2' });
});
after(async () => {
  await system.stop();
  commands.disconnect();
  blocking.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const stateOf = async (id: string): Promise<string | undefined> =>
  (await system.workers()).find((worker) => worker.id === id)?.state;

/** @returns the workers that ran `count` jobs, one after the other */
async function runners(count: number): Promise<Set<string | undefined>> {
  const found = new Set<string | undefined>();
  for (let i = 0; i < count; i += 1) {
    const job = await ended(system.url, await submitJob(system.url, 'slow', oneRow('INPUT0', 'FP32', [i, 0, 0, 0])));
    assert.equal(job.status, 'succeeded');
    found.add(job.worker);
  }
  return found;
}

test('a drained worker takes nothing, and is back when the wish is taken back', { timeout: 90_000 }, async () => {
  const [one, other] = await until('two workers', async () => {
    const lines = (await system.workers()).filter((line) => line.state === 'serving');
    return lines.length === 2 ? lines : undefined;
  });
  assert.ok(one && other);
  await queue.drainWorker(one.id, { exit: false, reason: 'by hand' });
  await until('it drains', async () => ((await stateOf(one.id)) === 'draining' ? true : undefined));
  assert.deepEqual(await runners(6), new Set([other.id]));
  await queue.undrainWorker(one.id);
  await until('it serves', async () => ((await stateOf(one.id)) === 'serving' ? true : undefined));
  await until('it runs jobs', async () => ((await runners(2)).has(one.id) ? true : undefined));
});

test(
  'drained by the operations route, told back by it, and an unknown worker is none',
  { timeout: 90_000 },
  async () => {
    const one = await until('a worker', async () => (await system.workers()).find(({ state }) => state === 'serving'));
    const ask = async (method: string, id: string, body?: string): Promise<number> =>
      (await fetch(`${system.ops}/v1/workers/${id}/drain`, { method, ...(body === undefined ? {} : { body }) })).status;
    assert.equal(await ask('POST', one.id), 202);
    await until('it drains', async () => ((await stateOf(one.id)) === 'draining' ? true : undefined));
    assert.equal(await ask('DELETE', one.id), 202);
    await until('it serves', async () => ((await stateOf(one.id)) === 'serving' ? true : undefined));
    assert.deepEqual(
      [await ask('POST', 'nobody'), await ask('DELETE', 'nobody'), await ask('POST', one.id, '{"exit":1}')],
      [404, 404, 400],
    );
  },
);

test('told to end it ends, and another takes its place', { timeout: 90_000 }, async () => {
  const earlier = new Set((await system.workers()).map(({ pid }) => pid));
  const [one] = await system.workers();
  assert.ok(one);
  await queue.drainWorker(one.id, { exit: true, reason: 'by hand' });
  await until('a new process serves', async () =>
    (await system.workers()).some(({ pid, state }) => state === 'serving' && !earlier.has(pid)) ? true : undefined,
  );
  assert.equal((await runners(4)).has(one.id), false);
  const answer = await fetch(`${system.ops}/v1/events`, { headers: { accept: 'application/json' } });
  const { events } = (await answer.json()) as {
    events: { kind: string; detail: { worker?: string; sentence: string } }[];
  };
  assert.ok(
    events.some(({ kind, detail }) => kind === 'drain' && detail.sentence === `worker ${one.id} has drained and ended`),
    JSON.stringify(events),
  );
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'kill'),
    [],
  );
});
