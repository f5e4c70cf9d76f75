/** Jobs of different lengths through the real models: stacked, padded, run by onnxruntime, cropped, split. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import type { Finished, TakenJob } from '@batchyard/queue/operations';
import { DATATYPES, ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';
import { decodeTensorBlob, encodeTensorBlob, type TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import fc from 'fast-check';

import { makeTestModels } from '../../../models/make-test-models.ts';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import { writeStrings } from './batching/stack.ts';
import { loadModel, type LoadedModel } from './inference/load-model.ts';
import { createSlabPool } from './memory/slab-pool.ts';
import { openModel } from './repository/open-repository.ts';
import { createRunBatch } from './run-batch.ts';
import type { NamedTensor } from './run-rows.ts';

const SHIPPED = new URL('../../../models', import.meta.url).pathname;
const slabs = createSlabPool(2 ** 24);
const loaded = new Map<string, LoadedModel>();
let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'batchyard-lengths-'));
  const padded = DATATYPES.map((datatype) => `padded_${datatype.toLowerCase()}`);
  await makeTestModels(root, [...padded, 'padded_grid', 'mean_rows', 'mean_declared_safe']);
});
after(async () => {
  for (const { session } of loaded.values()) await session.close();
  await rm(root, { recursive: true, force: true });
});

async function load(name: string, folder = root): Promise<LoadedModel> {
  const known = loaded.get(name);
  if (known) return known;
  const [found] = (await openModel(folder, name)).models;
  assert.ok(found);
  const { config } = found;
  const own = await loadModel({
    ...found,
    maxBatchSize: config.maxBatchSize,
    nan: config.nan,
    lengths: config.lengths,
    intraOpThreads: 1,
    claimed: { inputs: config.inputs, outputs: config.outputs },
    cacheDir: undefined,
    release: slabs.release,
  });
  loaded.set(name, own);
  return own;
}

/** Runs the inputs as jobs of one taken batch, and gives their outputs in order and the shapes that were run. */
async function runTogether({ model, session }: LoadedModel, inputs: readonly TensorBlob[]) {
  const finished = new Map<string, TensorBlob>();
  const shapes: string[] = [];
  const prepare = createRunBatch({
    finish: (_queue, _token, jobs: readonly Finished[]) => {
      for (const { id, output } of jobs) finished.set(id, decodeTensorBlob(output));
      return Promise.resolve([]);
    },
    fail: (_queue, _token, jobs) => Promise.reject(new Error(JSON.stringify(jobs))),
    acquire: slabs.acquire,
    release: slabs.release,
    now: () => performance.now(),
    pause: () => Promise.resolve(),
    lockMs: 0,
    observe: () => undefined,
    gaveUp: () => undefined,
    unwanted: () => undefined,
    report: (error) => assert.fail(String(error)),
  });
  const run = (tensors: readonly NamedTensor[]) => {
    shapes.push(String(tensors[0]?.shape.slice(1)));
    return session.run(tensors);
  };
  // Without a group, as jobs of other tools are: nothing but the worker itself keeps their shapes apart.
  const jobs = inputs.map(
    (blob, i) => ({ id: `${i}`, signature: '', input: encodeTensorBlob(blob), group: '-' }) as TakenJob,
  );
  const served = { model, queue: 'q', latency: createLatencyBook(), run };
  const batch = prepare(
    served,
    jobs,
    { worker: 'w', token: 't', batch: 1, takenAt: 0, takenMs: 0, lockedAt: () => 0 },
    'full',
  );
  await batch.execute();
  await batch.settled;
  return { outputs: jobs.map(({ id }) => finished.get(id)?.tensors[0]), shapes };
}

function inputOf(datatype: Datatype, shape: number[], seed: number): TensorBlob {
  const values = Array.from({ length: elementCount(shape) }, (_, i) => (seed * 31 + i * 7) % 120);
  const data =
    datatype === 'BYTES'
      ? writeStrings(values.map((value) => `ü${value}`))
      : Uint8Array.from(
          values.flatMap((value) => [
            ...new Uint8Array(ELEMENT_BYTES[datatype]).fill(datatype === 'BOOL' ? value % 2 : value),
          ]),
        );
  return { tensors: [{ position: 0, datatype, shape, data }], requested: [] };
}

const jobs = fc.array(
  fc.record({ rows: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 16 }), seed: fc.nat(1000) }),
  { minLength: 1, maxLength: 12 },
);
const bucketOf = (length: number): number => [4, 8, 16].find((size) => size >= length) ?? 0;

for (const datatype of DATATYPES) {
  test(`rows of ${datatype} share a run by bucket and never across, and come back as they were`, async () => {
    const model = await load(`padded_${datatype.toLowerCase()}`);
    await fc.assert(
      fc.asyncProperty(jobs, async (all) => {
        const inputs = all.map(({ rows, length, seed }) => inputOf(datatype, [rows, length], seed));
        const { outputs, shapes } = await runTogether(model, inputs);
        assert.deepEqual(shapes.toSorted(), [...new Set(all.map(({ length }) => String(bucketOf(length))))].toSorted());
        outputs.forEach((output, i) => {
          const given = inputs[i]?.tensors[0];
          assert.deepEqual(output?.shape, given?.shape);
          assert.deepEqual(Buffer.from(output?.data ?? []), Buffer.from(given?.data ?? []));
        });
      }),
      { numRuns: 25 },
    );
  });
}

test('an axis between others is padded and cropped where the model has put it', async () => {
  const model = await load('padded_grid');
  const widths = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(widths, async (all) => {
      const grids = all.map((width, seed) =>
        BigInt64Array.from({ length: 6 * width }, (_, i) => BigInt(seed * 100 + i)),
      );
      const inputs = grids.map(({ buffer }, i): TensorBlob => ({
        tensors: [{ position: 0, datatype: 'INT64', shape: [1, 2, all[i] ?? 0, 3], data: new Uint8Array(buffer) }],
        requested: [],
      }));
      const { outputs } = await runTogether(model, inputs);
      outputs.forEach((output, i) => {
        const width = all[i] ?? 0;
        assert.deepEqual(output?.shape, [1, 3, width, 2]);
        const turned = BigInt64Array.from({ length: 6 * width }, (_, at) => {
          const [c, w, r] = [Math.floor(at / (2 * width)), Math.floor(at / 2) % width, at % 2];
          return grids[i]?.[(r * width + w) * 3 + c] ?? -1n;
        });
        assert.deepEqual(Buffer.from(output.data), Buffer.from(turned.buffer));
      });
    }),
    { numRuns: 50 },
  );
});

const tokens = (text: readonly number[]): TensorBlob => ({
  tensors: [
    {
      position: 0,
      datatype: 'INT64',
      shape: [1, text.length],
      data: new Uint8Array(BigInt64Array.from(text, BigInt).buffer),
    },
  ],
  requested: [],
});
const floatsOf = (data: Uint8Array | undefined): number[] => [...new Float32Array(Uint8Array.from(data ?? []).buffer)];

test('padding never changes what text-tagger says of a text', async () => {
  const tagger = await load('text-tagger', SHIPPED);
  const { lengths: _, ...exact } = tagger.model;
  const texts = fc.array(fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 140 }), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(texts, async (all) => {
      const { outputs } = await runTogether(tagger, all.map(tokens));
      const alone = await runTogether({ ...tagger, model: exact }, all.map(tokens));
      outputs.forEach((output, i) => {
        assert.deepEqual(output?.shape, [1, all[i]?.length, 5]);
        const [found, expected] = [floatsOf(output.data), floatsOf(alone.outputs[i]?.data)];
        const worst = Math.max(...expected.map((value, at) => Math.abs(value - (found[at] ?? Number.NaN))));
        assert.ok(worst < 1e-5, `differs by ${worst}`);
      });
    }),
    { numRuns: 30 },
  );
});

test('a mean over the axis stays right, because without buckets only equal lengths run together', async () => {
  const model = await load('mean_rows');
  await fc.assert(
    fc.asyncProperty(jobs, async (all) => {
      const rows = all.map(({ length, seed }) => Array.from({ length }, (_, i) => (seed + i * 3) % 32));
      const inputs = rows.map((values): TensorBlob => {
        const data = new Uint8Array(Float32Array.from(values).buffer);
        return { tensors: [{ position: 0, datatype: 'FP32', shape: [1, values.length], data }], requested: [] };
      });
      const { outputs, shapes } = await runTogether(model, inputs);
      assert.equal(new Set(shapes).size, shapes.length);
      outputs.forEach((output, i) => {
        const values = rows[i] ?? [];
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        assert.ok(Math.abs(mean - (floatsOf(output?.data)[0] ?? Number.NaN)) < 1e-4);
      });
    }),
    { numRuns: 25 },
  );
});

test('a mean over the axis that is declared safe is found out at load', async () => {
  await assert.rejects(load('mean_declared_safe'), /padding a trial row gives another MEAN: remove batchyard\.buckets/);
});
