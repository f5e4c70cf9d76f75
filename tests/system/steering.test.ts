/** Three workers, one model: the gateway that steers lets the load be carried in few hands, and nothing waits for that. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const WORKERS = 3;
/** More than one worker's batch holds. */
const CLIENTS = 24;

let redis: TestRedis;
let admin: Redis;
let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-steering-'));
  await makeTestModels(models, ['slower']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_WORKERS: String(WORKERS) });
});
after(async () => {
  await system.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Line = { readonly pid: number; readonly state: string; readonly rests: Readonly<Record<string, number>> };
async function rests(of: System): Promise<{ pid: number; restMs: number }[]> {
  const lines = (await of.workers()) as unknown as Line[];
  return lines
    .filter((line) => line.state === 'serving')
    .map(({ pid, rests: { 'slower@1': restMs = 0 } }) => ({ pid, restMs }));
}
const resting = async (of: System): Promise<number> => (await rests(of)).filter(({ restMs }) => restMs > 0).length;

/** Clients that ask again as soon as they are answered, one row each; @returns what ends them, and says what failed */
function load(url: () => string): () => Promise<{ answered: number; failures: string[] }> {
  let running = true;
  let answered = 0;
  const failures: string[] = [];
  async function client(seed: number): Promise<void> {
    for (let i = 0; running; i += 1) {
      const value = seed * 10_000 + i;
      const body = JSON.stringify(oneRow('INPUT0', 'FP32', [value, 0, 0, 0]));
      const answer = await fetch(`${url()}/v2/models/slower/infer`, { method: 'POST', body }).catch(() => undefined);
      const got = answer && ((await answer.json()) as { outputs?: { data: number[] }[] });
      if (got?.outputs?.[0]?.data[0] === 2 * value) answered += 1;
      else failures.push(`${answer?.status}: ${JSON.stringify(got)}`);
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, seed) => client(seed));
  return async () => {
    running = false;
    await Promise.all(clients);
    return { answered, failures };
  };
}

test(
  'some rest under load, the others go on when the first is killed, and without load nobody rests',
  { timeout: 120_000 },
  async () => {
    const stop = load(() => system.url);
    try {
      await until('somebody rests', async () => ((await resting(system)) > 0 ? true : undefined));
      const first = (await rests(system)).find(({ restMs }) => restMs === 0);
      assert.ok(first, 'somebody takes at once');
      process.kill(first.pid, 'SIGKILL');
      await until('another takes at once', async () => {
        const now = await rests(system);
        return now.some(({ pid, restMs }) => pid !== first.pid && restMs === 0) &&
          now.every(({ pid }) => pid !== first.pid)
          ? true
          : undefined;
      });
    } finally {
      const { answered, failures } = await stop();
      assert.deepEqual(failures, []);
      assert.ok(answered > 0);
    }
    // The killed one has to be back.
    await until('all serve, and nobody rests', async () => {
      const { cores } = (await system.workers())[0] ?? { cores: WORKERS };
      const tooMany = Math.max(0, WORKERS - cores);
      const same = (await rests(system)).length === WORKERS && (await resting(system)) === 0;
      const { crowded_hosts: hosts } = (await (await fetch(`${system.ops}/v1/workers`)).json()) as {
        crowded_hosts: { workers: number; cores: number }[];
      };
      const told = hosts.map((host) => [host.workers, host.cores]);
      return same && isDeepStrictEqual(told, tooMany > 0 ? [[WORKERS, cores]] : []) ? true : undefined;
    });
  },
);

test(
  'when the gateway that steers is killed the other steers within five seconds, and the load goes on',
  { timeout: 120_000 },
  async () => {
    const other = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
    const stop = load(() => other.url);
    try {
      await until('somebody rests', async () => ((await resting(other)) > 0 ? true : undefined));
      const holder = await admin.get('{by0}:x:steering');
      for (const pid of processesOf(system, 'gateway')) process.kill(pid, 'SIGKILL');
      const killedAt = Date.now();
      await until('another one steers', async () => {
        const now = await admin.get('{by0}:x:steering');
        return now !== null && now !== holder ? true : undefined;
      });
      const tookMs = Date.now() - killedAt;
      assert.ok(tookMs <= 5_000, `${tookMs} ms`);
    } finally {
      const { answered, failures } = await stop();
      assert.deepEqual(failures, []);
      assert.ok(answered > 0);
      await other.stop();
    }
  },
);
