/** Triton's dynamic_batching in a config.pbtxt, from the file to the answer. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { simple } from '../../models/make-simple.ts';
import { writeModelFolder } from '../../models/model-folder.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const SETTINGS = `dynamic_batching {
  preferred_batch_size: [ 4 ]
  max_queue_delay_microseconds: 60000000
  priority_levels: 2
  default_priority_level: 2
  default_queue_policy { default_timeout_microseconds: 40000000 max_queue_size: 6 }
  priority_queue_policy { key: 1 value { default_timeout_microseconds: 50000000 allow_timeout_override: true } }
}`;

let redis: TestRedis;
let commands: Redis;
let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-dynamic-'));
  await writeModelFolder(models, { ...simple, settings: [SETTINGS] });
  redis = await startRedis();
  commands = connectRedis(redis.url, 'commands');
  await commands.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
});
after(async () => {
  commands.disconnect();
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Job = {
  readonly id: string;
  readonly priority: string;
  readonly submitted_at: string;
  readonly deadline: string;
  readonly error?: string;
  readonly batch?: { readonly reason: string; readonly batch_rows: number };
};
const submit = (parameters: Record<string, number>): Promise<Response> =>
  post(`${system.url}/v1/models/simple/jobs`, { ...simpleBody(1), parameters });
const submitted = async (parameters: Record<string, number>): Promise<Job> => {
  const answer = await submit(parameters);
  const job = (await answer.json()) as Job;
  assert.equal(answer.status, 202, JSON.stringify(job));
  return job;
};
const timeoutMs = (job: Job): number => Date.parse(job.deadline) - Date.parse(job.submitted_at);

test('a preferred size runs at once, and nobody waits for the queue delay', async () => {
  const jobs = [];
  for (let i = 0; i < 4; i += 1) jobs.push(await submitted({}));
  for (const { id } of jobs) {
    const done = await until('the job is done', async () => {
      const job = (await (await fetch(`${system.url}/v1/jobs/${id}?wait=30s`)).json()) as Job;
      return job.batch ? job : undefined;
    });
    assert.deepEqual([done.batch?.reason, done.batch?.batch_rows], ['preferred', 4]);
  }
});

test('levels, default timeouts and overrides are those of the file, and a full level refuses', async () => {
  await commands.hset('{by0}:simple@1:meta', 'paused', '1');
  const plain = await submitted({ timeout: 100_000 });
  assert.deepEqual([plain.priority, timeoutMs(plain)], ['high', 40_000]);
  const beyond = await submitted({ priority: 7 });
  assert.deepEqual([beyond.priority, timeoutMs(beyond)], ['high', 40_000]);
  const first = await submitted({ priority: 1, timeout: 30_000_000 });
  assert.deepEqual([first.priority, timeoutMs(first)], ['critical', 30_000]);
  assert.equal(timeoutMs(await submitted({ priority: 1, timeout: 90_000_000 })), 50_000);
  for (let i = 0; i < 4; i += 1) await submitted({ priority: 2 });
  const full = await submit({ priority: 2 });
  assert.deepEqual([full.status, ((await full.json()) as { code: string }).code], [503, 'queue_full']);
  await submitted({ priority: 1 });
});
