/**
 * Numbers that other servers lose, on the running system and in batches with others: NaN and the infinities as the model
 * says, for the item that has them and never for its batch-mates; denormals, -0 and the largest floats bit for bit.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, type JobLine } from '../support/jobs.ts';
import { startSystem, type System } from '../support/system.ts';

type Floats = 'FP32' | 'FP64';
/** A batch number is the worker's own. */
type Batched = JobLine & { readonly batch?: { readonly batch: number; readonly batch_rows: number } };

const ROUNDS = 20;
const TOGETHER = 24;

let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-floats-'));
  await makeTestModels(models, ['identity_fp32', 'identity_fp64', 'identity_nan_pass', 'identity_nan_reject']);
  system = await startSystem({ BATCHYARD_MODELS: models });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

const bytesOf = (datatype: Floats, values: readonly number[]): Buffer =>
  Buffer.from((datatype === 'FP32' ? Float32Array.from(values) : Float64Array.from(values)).buffer);

const denormals: Record<Floats, readonly number[]> = {
  FP32: [2 ** -149, -(2 ** -149), 2 ** -126 - 2 ** -149, -0, 3.4028234663852886e38, -3.4028234663852886e38, 2 ** -126],
  FP64: [5e-324, -5e-324, 2.225073858507201e-308, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE],
};
const notFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -1, 0.1, 2];

async function submit(model: string, datatype: Floats, values: readonly number[]): Promise<Response> {
  const tensor = bytesOf(datatype, values);
  const input = { name: 'INPUT0', shape: [1, values.length], datatype };
  const header = JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: tensor.byteLength } }] });
  return fetch(`${system.url}/v1/models/${model}/jobs`, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(Buffer.byteLength(header)) },
    body: Buffer.concat([Buffer.from(header), tensor]),
  });
}

/** The tensor's bytes of a result in binary. */
async function bytesBack(id: string): Promise<Buffer> {
  const url = `${system.url}/v1/jobs/${id}/result`;
  const answer = await fetch(url, { headers: { accept: 'application/octet-stream' } });
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer()).subarray(
    Number(answer.headers.get('inference-header-content-length')),
  );
}

/**
 * Submits odd items among plain ones until an odd and a plain one have run in one batch; each must come back bit for bit.
 */
async function roundTrip(model: string, datatype: Floats, odd: readonly number[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const items = Array.from({ length: TOGETHER }, (_, i) => ({
      odd: i % 3 === 1,
      values: i % 3 === 1 ? odd : odd.map((_value, at) => round + i + at / 8),
    }));
    const jobs = await Promise.all(
      items.map(async (item) => {
        const answer = await submit(model, datatype, item.values);
        const { id } = (await answer.json()) as { id: string };
        assert.equal(answer.status, 202);
        return { ...item, id };
      }),
    );
    const lines = await Promise.all(
      jobs.map(async (job) => {
        const line = (await ended(system.url, job.id)) as Batched;
        assert.equal(line.status, 'succeeded');
        assert.deepEqual(await bytesBack(job.id), bytesOf(datatype, job.values));
        return { odd: job.odd, batch: line.batch?.batch };
      }),
    );
    const plain = new Set(lines.filter((line) => !line.odd).map((line) => line.batch));
    if (lines.some((line) => line.odd && plain.has(line.batch))) return;
  }
  assert.fail(`in ${ROUNDS} rounds no batch held both kinds`);
}

test('NaN and the infinities pass where the model says so, in one batch with others, bit for bit', async () => {
  await roundTrip('identity_nan_pass', 'FP32', notFinite);
});

test('where the model refuses NaN, the item that has one is told, and those sent with it are answered', async () => {
  const items = Array.from({ length: TOGETHER }, (_, i) => (i % 3 === 1 ? notFinite : [i, 1, 2, 3, 4, 5, 6]));
  await Promise.all(
    items.map(async (values, i) => {
      const answer = await submit('identity_nan_reject', 'FP32', values);
      const body = (await answer.json()) as { id: string; detail: string };
      if (i % 3 === 1) {
        assert.equal(answer.status, 400);
        assert.match(body.detail, /contains NaN or infinity/);
        return;
      }
      assert.equal(answer.status, 202);
      assert.equal((await ended(system.url, body.id)).status, 'succeeded');
      assert.deepEqual(await bytesBack(body.id), bytesOf('FP32', values));
    }),
  );
});

for (const datatype of ['FP32', 'FP64'] as const)
  test(`denormals, -0 and the largest ${datatype} come back bit for bit through the queue and a batch`, async () => {
    await roundTrip(`identity_${datatype.toLowerCase()}`, datatype, denormals[datatype]);
  });
