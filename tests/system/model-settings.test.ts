/** What the configuration of a model says of its sessions: how many, on what, and what they run before they serve. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { parameter, writeModelFolder } from '../../models/model-folder.ts';
import { niceOf, processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { factorOf, scaled } from '../support/scaled-model.ts';
import { startSystem, type System } from '../support/system.ts';

const warmup = (inputs: string, rows = 2): string =>
  `model_warmup [ { name: "sample" batch_size: ${rows} count: 2 inputs { ${inputs} } } ]`;
const input = (from: string, name = 'INPUT0'): string =>
  `key: "${name}" value { data_type: TYPE_FP32 dims: [ 1 ] ${from} }`;

const SERVED: Readonly<Record<string, readonly string[]>> = {
  two: ['instance_group [ { count: 2 kind: KIND_CPU } ]'],
  fallback: [parameter('batchyard.execution_providers', 'nothing,cpu')],
  zeros: [warmup(input('zero_data: true'))],
  noise: [warmup(input('random_data: true'))],
  filed: [warmup(input('input_data_file: "two-rows"'))],
};
const REFUSED: Readonly<Record<string, readonly [string, RegExp]>> = {
  gpu: ['instance_group [ { kind: KIND_GPU } ]', /KIND_GPU is not supported/],
  crowd: ['instance_group [ { count: 17 } ]', /instance_group must come to 1 to 16/],
  nothing: [
    parameter('batchyard.execution_providers', 'nothing'),
    /^execution provider nothing: onnxruntime has only .*cpu.* on this machine$/,
  ],
  short: [warmup(input('input_data_file: "two-rows"'), 3), /two-rows holds 2 elements for 3/],
  missing: [warmup(input('input_data_file: "not-there"')), /not-there is not a plain file/],
  outside: [warmup(input('input_data_file: "../1/model.onnx"')), /must be a plain file name/],
  misnamed: [warmup(input('zero_data: true', 'OTHER')), /^model_warmup sample: the model cannot run it$/],
};

let models: string;
let redis: TestRedis;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-settings-'));
  const all = { ...SERVED, ...Object.fromEntries(Object.entries(REFUSED).map(([name, [text]]) => [name, [text]])) };
  for (const [name, settings] of Object.entries(all)) {
    await writeModelFolder(models, scaled(name, 3, settings));
    await mkdir(join(models, name, 'warmup'));
    await writeFile(join(models, name, 'warmup', 'two-rows'), new Uint8Array(Float32Array.of(1, 2).buffer));
  }
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    LOG_LEVEL: 'fatal',
    BATCHYARD_WORKER_NICE: '5',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Line = { readonly name: string; readonly state: string; readonly reason: string };
const index = async (): Promise<Line[]> =>
  (await (await fetch(`${system.url}/v2/repository/index`, { method: 'POST' })).json()) as Line[];

test('models with several sessions, a fallback and warm-ups serve', async () => {
  for (const name of Object.keys(SERVED)) assert.equal((await factorOf(system.url, name)).factor, 3, name);
  const answers = await Promise.all(Array.from({ length: 100 }, () => factorOf(system.url, 'two')));
  assert.ok(answers.every(({ factor }) => factor === 3));
  const [worker] = await system.workers();
  const detail = await fetch(`${system.ops}/v1/workers/${worker?.id}`);
  const { detail: lines } = (await detail.json()) as { detail: { queue: string; sessions: number }[] };
  const sessions = Object.fromEntries(lines.map((one) => [one.queue, one.sessions]));
  assert.deepEqual([sessions['two@1'], sessions['zeros@1']], [2, 1]);
});

test('what a worker cannot do is refused, with the reason in the repository index', async () => {
  const lines = await index();
  for (const [name, [, reason]] of Object.entries(REFUSED)) {
    const line = lines.find((one) => one.name === name);
    assert.equal(line?.state, 'UNAVAILABLE', name);
    assert.match(line?.reason ?? '', reason, name);
    assert.equal((await factorOf(system.url, name)).status, 404, name);
  }
});

test('a worker gives way by as much as it is told, its sessions with it, and nobody else does', async () => {
  const [worker] = await system.workers();
  const nice = niceOf(worker?.pid ?? 0);
  assert.equal(nice[0], 5);
  // A session is a thread that this one has made since.
  assert.ok(nice.filter((one) => one === 5).length > Object.keys(SERVED).length, nice.join());
  for (const pid of processesOf(system, 'gateway')) assert.deepEqual([...new Set(niceOf(pid))], [0]);
});
