/** SIGTERM ends a process within 25 seconds whatever else is wrong, and a second one at once. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { connectRedis } from '@batchyard/shared/runtime/redis';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow, submitJob } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { post } from '../support/simple-client.ts';
import { startSystem, until, type WorkerLine } from '../support/system.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXIT_LIMIT_MS = 25_000;
const AT_ONCE_MS = 2_000;
/** A run of more than the time to drain. */
const LONG = oneRow('WORK', 'FP32', [250_000]);

let models: string;
const children: ChildProcess[] = [];
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-exit-'));
  await makeTestModels(models, ['busy']);
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(models, { recursive: true, force: true });
});

/** One of the apps without a supervisor. */
function start(app: 'gateway' | 'worker', env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [`apps/${app}/dist/main.js`], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], BATCHYARD_MODELS: models, LOG_LEVEL: 'silent', ...env },
    stdio: 'ignore',
  });
  children.push(child);
  return child;
}

/** Resolves with how long it took. */
async function gone(child: ChildProcess, since: number): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return Date.now() - since;
}

async function startPair() {
  const redis = await startRedis();
  const [port, opsPort, workerPort] = [await freePort(), await freePort(), await freePort()];
  const data = await mkdtemp(join(models, '.data-'));
  const env = { REDIS_URL: redis.url, BATCHYARD_DATA: data };
  const worker = start('worker', { ...env, WORKER_OPS_PORT: String(workerPort) });
  const gateway = start('gateway', { ...env, PORT: String(port), OPS_PORT: String(opsPort), GRPC_PORT: 'off' });
  const url = `http://127.0.0.1:${port}`;
  const ops = `http://127.0.0.1:${opsPort}`;
  await until('ready', async () => ((await fetch(`${url}/v2/health/ready`)).status === 200 ? true : undefined));
  return { redis, worker, gateway, url, ops, workerOps: `http://127.0.0.1:${workerPort}` };
}

/** Sends a request whose run takes long; @returns its status to come, 0 when it was cut off */
async function underLoad(url: string, ops: string, body = LONG): Promise<{ answer: Promise<number> }> {
  const answer = post(`${url}/v2/models/busy/infer`, body, { 'batchyard-timeout-ms': '60000' }).then(
    ({ status }) => status,
    () => 0,
  );
  await until('it runs', async () => {
    const { workers } = (await (await fetch(`${ops}/v1/workers`)).json()) as { workers: WorkerLine[] };
    return workers.some((line) => line.in_flight > 0) ? true : undefined;
  });
  return { answer };
}

test('a worker and a gateway end in time though Redis is gone and a run goes on', { timeout: 90_000 }, async (t) => {
  const { redis, worker, gateway, url, ops } = await startPair();
  const { answer } = await underLoad(url, ops);
  await redis.kill9();
  const since = Date.now();
  worker.kill('SIGTERM');
  gateway.kill('SIGTERM');
  const took = await Promise.all([gone(worker, since), gone(gateway, since)]);
  t.diagnostic(`worker ${took[0]} ms, gateway ${took[1]} ms`);
  assert.ok(took.every((ms) => ms <= EXIT_LIMIT_MS));
  assert.equal(gateway.exitCode, 0);
  assert.equal(await answer, 503);
  await redis.stop();
});

test('a second SIGTERM ends a worker and a gateway at once', { timeout: 60_000 }, async () => {
  const { redis, worker, gateway, url, ops, workerOps } = await startPair();
  const { answer } = await underLoad(url, ops);
  worker.kill('SIGTERM');
  gateway.kill('SIGTERM');
  for (const probe of [`${workerOps}/readyz`, `${ops}/readyz`])
    await until('it drains', async () => ((await fetch(probe)).status === 503 ? true : undefined));
  const since = Date.now();
  worker.kill('SIGTERM');
  gateway.kill('SIGTERM');
  for (const ms of await Promise.all([gone(worker, since), gone(gateway, since)]))
    assert.ok(ms <= AT_ONCE_MS, `${ms} ms`);
  assert.equal(await answer, 0);
  await redis.stop();
});

test('a run that outlives the drain goes back uncounted, for another worker to run', { timeout: 90_000 }, async () => {
  const redis = await startRedis();
  const system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_RUN_LIMIT_S: '120' });
  const id = await submitJob(system.url, 'busy', LONG);
  await until('it runs', async () => ((await system.workers()).some((line) => line.in_flight > 0) ? true : undefined));
  const since = Date.now();
  system.child.kill('SIGTERM');
  await once(system.child, 'exit');
  assert.ok(Date.now() - since <= EXIT_LIMIT_MS, `${Date.now() - since} ms`);
  const admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  const [owner, deaths] = await admin.hmget(`{by0}:busy@1:${id}`, 'pb', 'stc');
  assert.deepEqual([owner, deaths], [null, null]);
  admin.disconnect();
  await system.stop();
  await redis.stop();
});

test(
  'Ctrl-C in a terminal, which reaches all processes, still answers what was accepted',
  { timeout: 60_000 },
  async () => {
    const system = await startSystem({ BATCHYARD_MODELS: models });
    const { answer } = await underLoad(system.url, system.ops, oneRow('WORK', 'FP32', [20_000]));
    const group = [system.child.pid ?? 0, ...processesOf(system, 'gateway'), ...processesOf(system, 'worker')];
    for (const pid of group) process.kill(pid, 'SIGINT');
    assert.equal(await answer, 200);
    assert.equal(await system.stop(), 0);
  },
);
