/** BATCHYARD_DURABILITY: what is refused, what is told, and that a change while it runs does not go unseen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { startRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

type Report = {
  readonly ready: boolean;
  readonly durability: string;
  readonly durable: boolean;
  readonly problem?: { readonly sentence: string; readonly next: string };
};

async function readiness(system: System): Promise<Report & { readonly status: number }> {
  const answer = await fetch(`${system.ops}/readyz?verbose`);
  return { ...((await answer.json()) as Report), status: answer.status };
}

async function acceptedAs(system: System, seed: number): Promise<boolean> {
  const answer = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(seed));
  assert.equal(answer.status, 202);
  return ((await answer.json()) as { durable: boolean }).durable;
}

async function administrate(url: string): Promise<Redis> {
  const admin = connectRedis(url, 'commands');
  await admin.connect();
  return admin;
}

test('a gateway started alone refuses a Redis that would forget, and says what to type', async () => {
  const redis = await startRedis(['--appendonly', 'no']);
  const child = spawn(process.execPath, ['apps/cli/dist/main.js', 'gateway'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redis.url,
      BATCHYARD_DURABILITY: 'durable',
      PORT: '0',
      OPS_PORT: '0',
      GRPC_PORT: 'off',
    },
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.notEqual(code, 0);
  assert.match(text, /keeps no append-only file, and BATCHYARD_DURABILITY is durable/);
  assert.match(text, /next: redis-cli -u redis:\S+ config set appendonly yes/);
  await redis.stop();
});

test('auto takes a Redis without a file and says so everywhere', async () => {
  const redis = await startRedis(['--appendonly', 'no']);
  const system = await startSystem({ REDIS_URL: redis.url });
  await until('the table', async () => (/durability auto/.test(system.output()) ? true : undefined));
  assert.match(system.output(), /NO: what is queued is lost when Redis stops/);
  assert.equal(await acceptedAs(system, 1), false);
  const { status, durability, durable } = await readiness(system);
  assert.deepEqual({ status, durability, durable }, { status: 200, durability: 'auto', durable: false });
  await system.stop();
  await redis.stop();
});

test('ephemeral takes a Redis that evicts', async () => {
  const redis = await startRedis(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru']);
  const system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_DURABILITY: 'ephemeral' });
  assert.equal(await acceptedAs(system, 1), false);
  assert.equal((await readiness(system)).status, 200);
  await system.stop();
  await redis.stop();
});

test('a Redis whose settings change while it runs makes the gateway unready until they are back', async () => {
  const redis = await startRedis();
  const system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_DURABILITY: 'durable' });
  const admin = await administrate(redis.url);
  assert.equal(await acceptedAs(system, 1), true);
  const changes = [
    { setting: 'maxmemory-policy', bad: 'allkeys-lru', good: 'noeviction' },
    { setting: 'appendonly', bad: 'no', good: 'yes' },
  ];
  for (const { setting, bad, good } of changes) {
    await admin.config('SET', setting, bad);
    const seen = await until('it is seen', async () => {
      const report = await readiness(system);
      return report.status === 503 ? report : undefined;
    });
    assert.equal(seen.problem?.next, `redis-cli -u ${redis.url} config set ${setting} ${good}`);
    assert.equal(await acceptedAs(system, 2), false);
    await admin.config('SET', setting, good);
    await until('it is ready again', async () => ((await readiness(system)).status === 200 ? true : undefined));
    assert.equal(await acceptedAs(system, 3), true);
  }
  assert.match(system.output(), /Redis no longer keeps jobs/);
  admin.disconnect();
  await system.stop();
  await redis.stop();
});
