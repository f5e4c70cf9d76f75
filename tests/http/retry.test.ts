/** POST /v1/jobs/{id}/retry against a running system: a failed job runs once more from the input it kept. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow, resultOf, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let admin: Redis;
let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-retry-'));
  await makeTestModels(models, ['poison']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_RESULT_TTL: '60' });
});
after(async () => {
  await system.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const retry = (id: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${system.url}/v1/jobs/${id}/retry`, { method: 'POST', headers });
const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code: unknown }).code;

/** A job that expired, because no worker took it in its time. */
async function expiredJob(code: number): Promise<string> {
  await admin.hset('{by0}:poison@1:meta', 'paused', 1);
  const answer = await fetch(`${system.url}/v1/models/poison/jobs`, {
    method: 'POST',
    body: JSON.stringify(oneRow('CODE', 'INT32', [code])),
    headers: { 'batchyard-timeout-ms': '50' },
  });
  const { id } = (await answer.json()) as { id: string };
  assert.equal((await ended(system.url, id)).status, 'expired');
  await admin.hdel('{by0}:poison@1:meta', 'paused');
  return id;
}

test('an expired job is tried again and gives its result under the same id', async () => {
  const id = await expiredJob(21);
  const accepted = await retry(id, { 'batchyard-timeout-ms': '20000' });
  assert.equal(accepted.status, 202);
  assert.equal(accepted.headers.get('location'), `/v1/jobs/${id}`);
  assert.equal((await ended(system.url, id)).status, 'succeeded');
  assert.deepEqual(await resultOf(system.url, id), [42]);
});

test('a job that failed for its input fails again, and may be tried as often as one likes', async () => {
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [5_000]));
  await ended(system.url, id);
  for (const deliveries of [2, 3]) {
    assert.equal((await retry(id)).status, 202);
    const line = await until('it has run again', async () => {
      const now = await ended(system.url, id);
      return now.deliveries === deliveries ? now : undefined;
    });
    assert.deepEqual([line.status, line.error?.code], ['failed', 'model_error']);
  }
});

test('409 when it has not failed, 410 when nothing is kept of it, 404 when there never was one, 405 for other methods', async () => {
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [3]));
  await ended(system.url, id);
  const conflict = await retry(id);
  assert.deepEqual([conflict.status, await codeOf(conflict)], [409, 'conflict']);

  const kept = await expiredJob(4);
  await admin.hdel(`{by0}:poison@1:${kept}`, 'in');
  const gone = await retry(kept);
  assert.deepEqual([gone.status, await codeOf(gone)], [410, 'gone']);

  const unknown = await retry(`${id.slice(0, 8)}${'a'.repeat(20)}`);
  assert.deepEqual([unknown.status, await codeOf(unknown)], [404, 'not_found']);
  const wrong = await fetch(`${system.url}/v1/jobs/${id}/retry`);
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST']);
});

test('a job runs with the model that replaced its own, if its input fits', async () => {
  const id = await expiredJob(5);
  await admin.hset(`{by0}:poison@1:${id}`, 'sg', 'of an earlier file');
  assert.equal((await retry(id)).status, 202);
  assert.equal((await ended(system.url, id)).status, 'succeeded');
});
