/** What the cache answers while nothing could be computed: without a worker, without time, without Redis; and no failure. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { createQueueOperations } from '@batchyard/queue/queue';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let models: string;
let redis: TestRedis;
let system: System;
let commands: Redis;
let blocking: Redis;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-hits-'));
  for (const name of await makeTestModels(models, ['slower', 'poison']))
    await appendFile(join(models, name, 'config.pbtxt'), 'response_cache { enable: true }\n');
  redis = await startRedis();
  commands = connectRedis(redis.url, 'commands');
  blocking = connectRedis(redis.url, 'blocking');
  await Promise.all([commands.connect(), blocking.connect()]);
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_CACHE: 'on' });
});
after(async () => {
  await system.stop();
  commands.disconnect();
  blocking.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

let fresh = 1_000;
/** @returns status and what the cache did; a number that was not given before where there is none */
async function ask(number = (fresh += 1), headers: Record<string, string> = {}): Promise<[number, string | null]> {
  const body = oneRow('INPUT0', 'FP32', [number, 0, 0, 0]);
  const answer = await post(`${system.url}/v2/models/slower/infer`, body, headers);
  await answer.arrayBuffer();
  return [answer.status, answer.headers.get('batchyard-cache')];
}
const HIT = [200, 'hit'];
/** Not for long: a job that no worker takes would be waited for. */
const SOON = { 'batchyard-timeout-ms': '2000' };
const computes = async (): Promise<true | undefined> => ((await ask(undefined, SOON))[0] === 200 ? true : undefined);

test('without a worker a hit is answered and a miss is refused', { timeout: 120_000 }, async () => {
  await ask(1);
  const queue = createQueueOperations({ commands, blocking, prefix: '{by0}' });
  const [worker] = await system.workers();
  assert.ok(worker);
  await queue.drainWorker(worker.id, { exit: false, reason: 'by hand' });
  await until('no worker serves', async () => {
    const number = (fresh += 1);
    const answer = await post(
      `${system.url}/v2/models/slower/infer`,
      oneRow('INPUT0', 'FP32', [number, 0, 0, 0]),
      SOON,
    );
    return /not at ready state/.test(await answer.text()) ? answer.status === 503 : undefined;
  });
  assert.deepEqual(await ask(1), HIT);
  await queue.undrainWorker(worker.id);
  await until('it computes again', computes);
});

test('a deadline that is shorter than a run does for a hit', async () => {
  await ask(2);
  const hurry = { 'batchyard-timeout-ms': '1' };
  assert.deepEqual(await ask(2, hurry), HIT);
  assert.deepEqual(await ask(undefined, hurry), [503, null]);
});

test('a failure is never kept, and leaves no claim', async () => {
  const counts = async (): Promise<{ entries: number; misses: number }> => {
    const { tiers } = (await (await fetch(`${system.ops}/v1/cache`)).json()) as {
      tiers: { memory: { entries: number; misses: number } };
    };
    return tiers.memory;
  };
  const bad = { inputs: [{ name: 'CODE', shape: [1, 1], datatype: 'INT32', data: [5_000] }] };
  const earlier = await counts();
  for (let i = 0; i < 3; i += 1) {
    const answer = await post(`${system.url}/v2/models/poison/infer`, bad);
    assert.equal(answer.headers.get('batchyard-cache'), null);
    assert.ok(answer.status >= 400, await answer.text());
  }
  const now = await counts();
  assert.deepEqual([now.entries, now.misses], [earlier.entries, earlier.misses + 3]);
  await until('nothing of it is in Redis', async () =>
    (await commands.keys('{by0}:x:cache:poison@*')).length === 0 ? true : undefined,
  );
});

test('without Redis a hit is answered from memory, and a miss is an ordinary 503', { timeout: 120_000 }, async () => {
  await ask(3);
  await redis.kill9();
  assert.deepEqual(await ask(3), HIT);
  const answer = await post(`${system.url}/v2/models/slower/infer`, oneRow('INPUT0', 'FP32', [999, 0, 0, 0]));
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.deepEqual(await ask(3), HIT);
  await redis.restart();
  await until('it computes again', computes, 60_000);
});
