/** Workers come and go under load, by hand and by pressure, and nothing is lost or fails. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow, submitJob } from '../support/jobs.ts';
import { niceOf, processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MOST = 8;
const THREADS = { BATCHYARD_THREADS: '1' };

let redis: TestRedis;
let models: string;
before(async () => {
  redis = await startRedis();
  models = await mkdtemp(join(tmpdir(), 'batchyard-scaling-'));
  await makeTestModels(models, ['slower']);
});
after(async () => {
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const servingIn = async (system: System): Promise<number> =>
  (await system.workers()).filter(({ state }) => state === 'serving').length;
const processes = (system: System): number => processesOf(system, 'worker').length;
const servesWith = (system: System, count: number, limitMs: number): Promise<boolean> =>
  until(
    `${count} workers serve`,
    async () => ((await servingIn(system)) === count && processes(system) === count ? true : undefined),
    limitMs,
  );
async function scale(system: System, body: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${system.ops}/v1/workers/scale`, { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text() };
}

const GATEWAY = fileURLToPath(new URL('../../apps/gateway/dist/main.js', import.meta.url));

test('without a supervisor nobody can be asked: 409', { timeout: 90_000 }, async () => {
  const { PATH } = process.env;
  const env = { PATH, REDIS_URL: redis.url, PORT: '0', OPS_PORT: '0', GRPC_PORT: 'off', LOG_LEVEL: 'error' };
  const gateway = fork(GATEWAY, [], { env });
  try {
    const [ready] = (await once(gateway, 'message')) as [{ kind: string; opsPort: number }];
    const body = JSON.stringify({ count: 2 });
    const answer = await fetch(`http://127.0.0.1:${ready.opsPort}/v1/workers/scale`, { method: 'POST', body });
    assert.deepEqual([ready.kind, answer.status], ['ready', 409]);
    assert.match(await answer.text(), /no supervisor listens/);
  } finally {
    gateway.kill('SIGKILL');
    if (gateway.exitCode === null && gateway.signalCode === null) await once(gateway, 'exit');
  }
});

/** Durable jobs, so many not ended at a time. @returns what ends it and waits for each, and says how each ended */
function load(system: System, clients: number): () => Promise<Record<string, number>> {
  let running = true;
  const endings: Record<string, number> = {};
  async function client(seed: number): Promise<void> {
    for (let i = 0; running; i += 1) {
      const body = oneRow('INPUT0', 'FP32', [seed * 1_000 + i, 0, 0, 0]);
      const id = await submitJob(system.url, 'slower', body);
      let status = 'queued';
      while (status === 'queued' || status === 'running') {
        const answer = await fetch(`${system.url}/v1/jobs/${id}?wait=30s`);
        ({ status } = (await answer.json()) as { status: string });
      }
      endings[status] = (endings[status] ?? 0) + 1;
    }
  }
  const all = Promise.all(Array.from({ length: clients }, (_, seed) => client(seed)));
  all.catch(() => undefined);
  return async () => {
    running = false;
    await all;
    return endings;
  };
}

test(
  'from one worker to eight and back by hand, one killed on the way: every job succeeds',
  { timeout: 300_000 },
  async () => {
    const system = await startSystem({
      REDIS_URL: redis.url,
      BATCHYARD_MODELS: models,
      BATCHYARD_WORKERS: `1:${MOST}`,
      ...THREADS,
    });
    const stop = load(system, 12);
    try {
      await until('a supervisor listens', async () =>
        (await scale(system, { count: MOST })).status === 202 ? true : undefined,
      );
      await until('some have come', async () => (processes(system) > 3 ? true : undefined));
      process.kill(processesOf(system, 'worker').at(-1) ?? 0, 'SIGKILL');
      await servesWith(system, MOST, 120_000);
      // All of them share the cores with the gateway, and give way to it unless they are told otherwise.
      assert.deepEqual([...new Set(processesOf(system, 'worker').map((pid) => niceOf(pid)[0]))], [3]);
      assert.match((await scale(system, { count: 1 })).text, /"count":1/);
      await servesWith(system, 1, 120_000);
      const { succeeded = 0, ...others } = await stop();
      assert.deepEqual(others, {});
      assert.ok(succeeded > 0);
      assert.match((await scale(system, { count: MOST + 1 })).text, /from 1 to 8 workers are allowed here, not 9/);
      assert.equal((await scale(system, { count: MOST + 1 })).status, 400);
      assert.equal((await scale(system, { count: 'many' })).status, 400);
    } finally {
      await stop().catch(() => undefined);
      await system.stop();
    }
  },
);

test('a worker comes by pressure, and goes again when nothing is asked for', { timeout: 300_000 }, async () => {
  const system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_WORKERS: '1:2',
    ...THREADS,
  });
  // Four batches wait for a worker, 50 ms each: far more than half of the SLA of 100 ms.
  const stop = load(system, 64);
  try {
    await servesWith(system, 2, 120_000);
    const metrics = await (await fetch(`${system.ops}/metrics`)).text();
    assert.ok(Number(/^batchyard_desired_workers\{model="\*"\} (\d+)$/m.exec(metrics)?.[1]) >= 1, 'desired workers');
    const { succeeded = 0, ...others } = await stop();
    assert.deepEqual(others, {});
    assert.ok(succeeded > 0);
    await servesWith(system, 1, 120_000);
    assert.match(system.output(), /workers on .*: 1 → 2 \(workers \d+ % busy, predicted wait \d+ % of its SLA/);
    assert.match(system.output(), /workers on .*: 2 → 1 \(workers \d+ % busy/);
  } finally {
    await stop().catch(() => undefined);
    await system.stop();
  }
});
