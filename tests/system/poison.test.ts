/**
 * Inputs that a model throws on, dies of, or never ends with, in batches with healthy ones: only the bad input fails, and
 * it costs three workers at most.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Queue } from 'bullmq';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow, resultOf, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MODELS = ['poison', 'deadly', 'busy', 'slow'];

let redis: TestRedis;
let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-poison-'));
  await makeTestModels(models, MODELS);
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_WORKERS: '2',
    BATCHYARD_MODELS: models,
    BATCHYARD_RUN_LIMIT_S: '1',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const deaths = (): number => system.output().match(/worker \S+ is dead;/g)?.length ?? 0;

/** What is submitted in `submit` waits until all of it is there, so that it can run as one batch. */
async function together<T>(model: string, submit: () => Promise<T>): Promise<T> {
  const queue = new Queue(`${model}@1`, { prefix: '{by0}', connection: { url: redis.url } });
  await queue.pause();
  const submitted = await submit();
  await queue.resume();
  await queue.close();
  return submitted;
}

test('an input that throws fails alone; its mates come out of the same few runs', { timeout: 60_000 }, async () => {
  const codes = Array.from({ length: 16 }, (_, i) => (i === 5 ? 5_000 : i));
  const ids = await together('poison', () =>
    Promise.all(codes.map((code) => submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [code])))),
  );
  const lines = await Promise.all(ids.map((id) => ended(system.url, id)));
  assert.deepEqual([lines[5]?.status, lines[5]?.error?.code], ['failed', 'model_error']);
  for (const [i, id] of ids.entries()) if (i !== 5) assert.deepEqual(await resultOf(system.url, id), [2 * i]);
  const mates = lines.filter((_line, i) => i !== 5);
  assert.ok(mates.every((line) => line.deliveries === 1));
  assert.ok(
    mates.some((line) => line.batch?.reason === 'bisect'),
    'no mate was in its batch',
  );
  assert.equal(deaths(), 0);
});

test(
  'a model that fails for most requests is given nothing for a while, then tried again',
  { timeout: 60_000 },
  async () => {
    const infer = (code: number): Promise<Response> =>
      post(`${system.url}/v2/models/poison/infer`, oneRow('CODE', 'INT32', [code]));
    const failing = async (): Promise<unknown> =>
      ((await (await fetch(`${system.ops}/readyz?verbose`)).json()) as { failing: unknown }).failing;
    for (let i = 0; i < 20; i += 1) assert.equal((await infer(5_000)).status, 500);
    const refused = await infer(1);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.match(await refused.text(), /failed for most of the requests/);
    assert.deepEqual(await failing(), ['poison@1']);
    const other = await post(`${system.url}/v2/models/slow/infer`, oneRow('INPUT0', 'FP32', [1, 2, 3, 4]));
    assert.equal(other.status, 200);
    await until('it is tried again, and computes', async () => ((await infer(1)).status === 200 ? true : undefined));
    assert.deepEqual(await failing(), []);
    assert.equal((await infer(2)).status, 200);
  },
);

test(
  'an input that kills the process is set aside after three deaths; its mates, and other models, are answered',
  { timeout: 120_000, skip: process.arch === 'x64' ? false : 'only x86 traps on this division' },
  async () => {
    const deathsBefore = deaths();
    const codes = Array.from({ length: 16 }, (_, i) => (i === 3 ? -1 : i + 2));
    const waiting: Promise<Response>[] = [];
    const ids = await together('deadly', async () => {
      for (const code of [100, 200, 300]) {
        const body = oneRow('CODE', 'INT32', [code]);
        waiting.push(post(`${system.url}/v2/models/deadly/infer`, body, { 'batchyard-timeout-ms': '60000' }));
      }
      return Promise.all(codes.map((code) => submitJob(system.url, 'deadly', oneRow('CODE', 'INT32', [code]))));
    });
    const beside = await Promise.all(
      Array.from({ length: 200 }, (_, i) => submitJob(system.url, 'slow', oneRow('INPUT0', 'FP32', [i, 0, 0, 0]))),
    );
    const lines = await Promise.all(ids.map((id) => ended(system.url, id)));
    assert.deepEqual([lines[3]?.status, lines[3]?.error?.code], ['failed', 'poison']);
    for (const [i, id] of ids.entries())
      if (i !== 3) assert.deepEqual(await resultOf(system.url, id), [Math.trunc(-(2 ** 31) / (i + 2))]);
    for (const [i, answer] of (await Promise.all(waiting)).entries()) {
      const body = (await answer.json()) as Answer;
      assert.deepEqual(body.outputs[0]?.data, [Math.trunc(-(2 ** 31) / (100 * (i + 1)))]);
    }
    for (const [i, id] of beside.entries()) {
      assert.equal((await ended(system.url, id)).status, 'succeeded');
      assert.equal((await resultOf(system.url, id))?.[0], 2 * i);
    }
    await until('the last death is told', async () => (deaths() - deathsBefore >= 3 ? true : undefined));
    assert.equal(deaths() - deathsBefore, 3);
  },
);

test('a run that does not end counts as a death of its batch only', { timeout: 120_000 }, async () => {
  const deathsBefore = deaths();
  const work = Array.from({ length: 8 }, (_, i) => (i === 2 ? 100_000 : i));
  const ids = await together('busy', () =>
    Promise.all(work.map((rows) => submitJob(system.url, 'busy', oneRow('WORK', 'FP32', [rows])))),
  );
  const lines = await Promise.all(ids.map((id) => ended(system.url, id)));
  assert.deepEqual([lines[2]?.status, lines[2]?.error?.code], ['failed', 'poison']);
  for (const [i, id] of ids.entries()) if (i !== 2) assert.deepEqual(await resultOf(system.url, id), [2 * i]);
  assert.match(system.output(), /a run of busy@1 has taken longer than 1000 ms: this worker ends/);
  await until('the last death is told', async () => (deaths() - deathsBefore >= 3 ? true : undefined));
  assert.equal(deaths() - deathsBefore, 3);
});
