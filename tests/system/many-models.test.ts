/** A hundred models of which ten fit into the worker's memory: all are known, all answer, and the memory stays within its limit. */
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { modelBytes, writeModelFolder, type ModelSource } from '../../models/model-folder.ts';
import { processesOf, rssBytes } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { factorOf } from '../support/scaled-model.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MODELS = 100;
const FIT = 10;
const ASKERS = 8;
const WIDTH = 512;
const MIB = 1_048_576;
/** What a worker is without any model, and what it computes with. */
const WORKER_BYTES = 200 * MIB;

/** INPUT0 [1] → OUTPUT0 [1], the input times a factor, by way of a megabyte of weights. */
function heavy(name: string, factor: number): ModelSource {
  const weights = Float32Array.from({ length: WIDTH * WIDTH }, (_, i) => (i === 0 ? factor : ((i * 31) % 17) / 17));
  const first = Float32Array.from({ length: WIDTH }, (_, i) => Number(i === 0));
  return {
    name,
    maxBatchSize: 4,
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [1] }],
    nodes: [
      { op: 'MatMul', inputs: ['INPUT0', 'row'], outputs: ['wide'] },
      { op: 'MatMul', inputs: ['wide', 'weights'], outputs: ['weighed'] },
      { op: 'MatMul', inputs: ['weighed', 'column'], outputs: ['OUTPUT0'] },
    ],
    initializers: [
      { name: 'row', datatype: 'FP32', shape: [1, WIDTH], data: first },
      { name: 'weights', datatype: 'FP32', shape: [WIDTH, WIDTH], data: weights },
      { name: 'column', datatype: 'FP32', shape: [WIDTH, 1], data: first },
    ],
  };
}
const nameOf = (i: number): string => `m${String(i).padStart(3, '0')}`;

let models: string;
let redis: TestRedis;
let system: System;
let limit: number;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-many-'));
  for (let i = 0; i < MODELS; i += 1) await writeModelFolder(models, heavy(nameOf(i), i + 1));
  const { size } = await stat(join(models, nameOf(0), '1/model.onnx'));
  limit = (FIT + 0.5) * (16 * MIB + 2 * size);
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_MODEL_MEMORY: String(Math.round(limit)),
    LOG_LEVEL: 'error',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

async function figure(name: string): Promise<number> {
  const { workers } = (await (await fetch(`${system.ops}/v1/workers`)).json()) as { workers: { ops_port: number }[] };
  const text = await (await fetch(`http://127.0.0.1:${workers[0]?.ops_port}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
}

test('all hundred answer, twice, whoever is asked when', async () => {
  const order = Array.from({ length: 2 * MODELS }, (_, i) => (i * 37) % MODELS);
  let [most, mostRss, done] = [0, 0, 0];
  const [pid = 0] = processesOf(system, 'worker');
  async function asker(): Promise<void> {
    for (let i = order.pop(); i !== undefined; i = order.pop()) {
      assert.deepEqual(await factorOf(system.url, nameOf(i)), { status: 200, factor: i + 1, version: '1' });
      done += 1;
      mostRss = Math.max(mostRss, rssBytes(pid));
      if (done % 10 === 0) most = Math.max(most, await figure('batchyard_model_memory_bytes'));
    }
  }
  await Promise.all(Array.from({ length: ASKERS }, asker));
  assert.equal(done, 2 * MODELS);
  assert.ok(most > 0 && most <= limit, `${most} of ${limit}`);
  assert.ok(mostRss <= limit + WORKER_BYTES, `${mostRss / MIB} MiB`);
  await until('the evictions are told', async () =>
    (await figure('batchyard_model_evictions_total')) >= MODELS ? true : undefined,
  );
  assert.ok((await figure('batchyard_models_loaded')) <= FIT);
  process.stdout.write(
    `# ${MODELS} models, at most ${Math.round(most / MIB)} of ${Math.round(limit / MIB)} MiB reckoned, ${Math.round(mostRss / MIB)} MiB RSS\n`,
  );
});

test('one that is asked often stays in memory', async () => {
  const loads = (): Promise<number> => figure('batchyard_model_loads_total');
  await factorOf(system.url, nameOf(50));
  await until('it is told', async () => ((await loads()) > MODELS ? true : undefined));
  for (let i = 0; i < 5; i += 1) {
    await factorOf(system.url, nameOf(50));
    await factorOf(system.url, nameOf(i));
  }
  const [worker] = await system.workers();
  assert.equal(worker?.models.length, MODELS);
  await until('its session is told, and that of another one is not', async () => {
    const answer = await fetch(`${system.ops}/v1/workers/${worker?.id}`);
    const { detail } = (await answer.json()) as { detail: { queue: string; sessions: number }[] };
    const sessionsOf = (i: number) => detail.find(({ queue }) => queue === `${nameOf(i)}@1`)?.sessions;
    return sessionsOf(50) === 1 && sessionsOf(51) === 0 ? true : undefined;
  });
});

test('a file that has changed while its model was out of memory answers anew, at once', async () => {
  const name = nameOf(99);
  const file = join(models, name, '1/model.onnx');
  // Ten others push it out.
  for (let i = 0; i < FIT + 1; i += 1) await factorOf(system.url, nameOf(i));
  await writeFile(`${file}.new`, modelBytes(heavy(name, 1_234)));
  await rename(`${file}.new`, file);
  assert.equal((await factorOf(system.url, name)).factor, 1_234);
});
