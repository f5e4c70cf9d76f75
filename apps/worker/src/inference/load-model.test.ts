import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../../../models/make-test-models.ts';
import { writeOnnx } from '../../../../tools/onnx-writer.ts';
import { openModel } from '../repository/open-repository.ts';
import { parseCfsQuota, parseCpuMax } from '@batchyard/shared/runtime/cpu-quota';
import { loadModel, safeReason, type LoadedModel } from './load-model.ts';

let root: string;
const open: LoadedModel[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'batchyard-load-'));
  await makeTestModels(root, ['simple', 'bare_rows', 'bare_cumulative', 'unbatched_sum', 'poison']);
});
after(async () => {
  for (const { session } of open) await session.close();
  await rm(root, { recursive: true, force: true });
});

async function load(name: string): Promise<LoadedModel> {
  const [found] = (await openModel(root, name)).models;
  assert.ok(found);
  const { config } = found;
  const loaded = await loadModel({
    ...found,
    maxBatchSize: config.maxBatchSize,
    nan: config.nan,
    intraOpThreads: 1,
    claimed: { inputs: config.inputs, outputs: config.outputs },
    cacheDir: join(root, '.latency'),
    release: () => undefined,
  });
  open.push(loaded);
  return loaded;
}

test('a configured model has its batch size, its tensors and a time for every size', async () => {
  const { model, latency } = await load('simple');
  assert.equal(model.maxBatchSize, 8);
  assert.deepEqual(model.inputs[0], { name: 'INPUT0', datatype: 'INT32', shape: [16] });
  assert.deepEqual(
    latency.map((point) => point.rows),
    [1, 2, 4, 8],
  );
});

test('without a configuration the first axis is tried: a batch where two rows equal two runs, else not', async () => {
  assert.equal((await load('bare_rows')).model.maxBatchSize, 16);
  assert.equal((await load('bare_cumulative')).model.maxBatchSize, 0);
  assert.equal((await load('unbatched_sum')).model.maxBatchSize, 0);
});

test('a restart finds the table of the first load', async () => {
  const [first, again] = [await load('simple'), await load('simple')];
  assert.deepEqual(again.latency, first.latency);
  assert.equal(again.model.signature, first.model.signature);
});

test('buffers come back and results are right, also after a run that threw', async () => {
  const { session } = await load('poison');
  const run = (code: number) =>
    session.run([{ name: 'CODE', datatype: 'INT32', shape: [1, 1], data: new Uint8Array(Int32Array.of(code).buffer) }]);
  await assert.rejects(run(5_000));
  const { outputs } = await run(21);
  const [twice] = outputs;
  assert.ok(twice?.data instanceof Uint8Array);
  assert.equal(new Int32Array(twice.data.buffer)[0], 42);
});

for (const [name, bytes] of [
  ['truncated', undefined],
  ['random', Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 7919) % 251))],
  ['text', Buffer.from('hello')],
] as const) {
  test(`a ${name} model file is refused with a sentence that shows no path`, async () => {
    const [simple] = (await openModel(root, 'simple')).models;
    assert.ok(simple);
    const file = join(root, `${name}.onnx`);
    const { readFile } = await import('node:fs/promises');
    await writeFile(file, bytes ?? (await readFile(simple.file)).subarray(0, 100));
    const request = {
      ...simple,
      file,
      maxBatchSize: 8,
      nan: 'pass' as const,
      intraOpThreads: 1,
      claimed: { inputs: [], outputs: [] },
    };
    await assert.rejects(loadModel({ ...request, cacheDir: undefined, release: () => undefined }), (error) => {
      assert.ok(error instanceof Error && !error.message.includes('/'), String(error));
      return true;
    });
  });
}

test('inputs that are sequences are refused with the reason', async () => {
  const file = join(root, 'sequence.onnx');
  const value = { datatype: 'FP32', shape: [1] } as const;
  const model = writeOnnx({
    name: 'sequence',
    inputs: [{ name: 'X', ...value, sequence: true }],
    outputs: [{ name: 'Y', datatype: 'INT64', shape: [] }],
    nodes: [{ op: 'SequenceLength', inputs: ['X'], outputs: ['Y'] }],
  });
  await writeFile(file, model);
  const sha256 = 'f'.repeat(64);
  const named = { name: 'sequence', version: '1', file, sha256, maxBatchSize: undefined, nan: 'pass' } as const;
  const rest = { intraOpThreads: 1, claimed: { inputs: [], outputs: [] }, cacheDir: undefined };
  await assert.rejects(loadModel({ ...named, ...rest, release: () => undefined }), {
    message: 'X is not a tensor of a supported datatype',
  });
});

test("onnxruntime's own texts never get out", () => {
  assert.equal(safeReason('Error: /src/onnxruntime/x.cc:12 strange'), 'onnxruntime could not load the model');
});

test('CPU quotas of both kinds of control groups', () => {
  assert.deepEqual(
    [parseCpuMax('200000 100000'), parseCpuMax('max 100000'), parseCpuMax('')],
    [2, undefined, undefined],
  );
  assert.deepEqual(
    [parseCfsQuota('150000', '100000'), parseCfsQuota('-1', '100000'), parseCfsQuota('', '')],
    [1.5, undefined, undefined],
  );
});
