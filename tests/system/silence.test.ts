/** A worker dies together with whoever watches over it: the gateways notice by themselves, and soon. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow, resultOf, submitJob } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const RERUN_LIMIT_MS = 5_000;

let redis: TestRedis;
let admin: Redis;
let models: string;
let survivor: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-silence-'));
  await makeTestModels(models, ['slower']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  survivor = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
});
after(async () => {
  await survivor.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

/** Ids of jobs that this worker runs now. */
async function heldBy(worker: string, ids: readonly string[]): Promise<string[]> {
  const jobs = await Promise.all(ids.map((id) => admin.hmget(`{by0}:slower@1:${id}`, 'pb', 'finishedOn')));
  return ids.filter((_id, i) => jobs[i]?.[0]?.startsWith(`${worker}:`) && !jobs[i][1]);
}

test('jobs of a machine that vanished run again within five seconds', { timeout: 120_000 }, async (t) => {
  const vanishing = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
  const [pid = 0] = processesOf(vanishing, 'worker');
  const { id: worker } = await until('its worker is listed', async () =>
    (await survivor.workers()).find((line) => line.pid === pid && line.state === 'serving'),
  );
  const seeds = Array.from({ length: 400 }, (_, i) => i);
  const ids = await Promise.all(
    seeds.map((seed) => submitJob(survivor.url, 'slower', oneRow('INPUT0', 'FP32', [seed, 0, 0, 0]))),
  );
  const all = [vanishing.child.pid ?? 0, ...processesOf(vanishing, 'gateway'), pid];
  const signal = (name: NodeJS.Signals): void => all.forEach((one) => process.kill(one, name));
  const lost = await until('it is caught in the middle of a batch', async () => {
    if ((await heldBy(worker, ids)).length === 0) return undefined;
    signal('SIGSTOP');
    // What it had sent before is known to Redis by the second look.
    await heldBy(worker, ids);
    const held = await heldBy(worker, ids);
    if (held.length > 0) return held;
    signal('SIGCONT');
    return undefined;
  });
  signal('SIGKILL');
  const killedAt = Date.now();
  await until('all of it has gone to another', async () =>
    (await heldBy(worker, lost)).length === 0 ? true : undefined,
  );
  for (const id of lost) {
    const line = await ended(survivor.url, id);
    assert.deepEqual([line.status, line.deliveries], ['succeeded', 2]);
  }
  const tookMs = Date.now() - killedAt;
  t.diagnostic(`${lost.length} jobs ran again and had ended ${tookMs} ms after the kill`);
  assert.ok(tookMs <= RERUN_LIMIT_MS, `${tookMs} ms`);
  for (const [seed, id] of ids.entries()) {
    await ended(survivor.url, id);
    assert.equal((await resultOf(survivor.url, id))?.[0], 2 * seed);
  }
  await vanishing.stop();
});
