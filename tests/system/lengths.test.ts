/**
 * Requests of different lengths, all at once: those of one bucket share batches where the model is declared safe, and
 * every answer has exactly the length and the values that its request alone would get.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { makeTestModels } from '../../models/make-test-models.ts';
import { post, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const TAGGER = fileURLToPath(new URL('../../models/text-tagger', import.meta.url));

let system: System;
let models: string;
let tagger: InferenceSession;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-lengths-'));
  const own = ['padded_together', 'padded_picture', 'padded_pair', 'padded_bytes', 'mean_rows'];
  await makeTestModels(models, [...own, 'padded_undeclared', 'mean_declared_safe']);
  await cp(TAGGER, join(models, 'text-tagger'), { recursive: true });
  tagger = await InferenceSession.create(join(TAGGER, '1/model.onnx'), { intraOpNumThreads: 1, logSeverityLevel: 4 });
  system = await startSystem({ BATCHYARD_MODELS: models });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

type Input = { name: string; shape: number[]; datatype: string; data: unknown[] };
const infer = (model: string, ...inputs: Input[]): Promise<Response> =>
  post(`${system.url}/v2/models/${model}/infer`, { inputs });
async function answered(model: string, ...inputs: Input[]): Promise<Answer['outputs']> {
  const response = await infer(model, ...inputs);
  const body = (await response.json()) as Answer & { error?: string };
  assert.equal(response.status, 200, body.error);
  return body.outputs;
}
const refusal = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { error: string }).error,
];
const floats = (name: string, shape: number[], data: number[]): Input => ({ name, shape, datatype: 'FP32', data });
const range = (count: number, of: (i: number) => number = (i) => i): number[] =>
  Array.from({ length: count }, (_, i) => of(i));

/** A request of rows that all have one length. */
const shaped = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 16 }),
  seed: fc.integer({ min: 1, max: 100_000 }),
});
const together = (size: number) => fc.array(shaped, { minLength: size, maxLength: size });

test('texts of any length get the scores from text-tagger that they get alone', { timeout: 120_000 }, async () => {
  const texts = fc.array(
    fc.record({ rows: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 140 }), seed: fc.nat(1e6) }),
    { minLength: 24, maxLength: 24 },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (requests) => {
      await Promise.all(
        requests.map(async ({ rows, length, seed }) => {
          const data = range(rows * length, (i) => 1 + ((seed * 31 + i * 17) % 256));
          const shape = [rows, length];
          const [scores] = await answered('text-tagger', { name: 'TOKEN_IDS', datatype: 'INT64', shape, data });
          const alone = await tagger.run({ TOKEN_IDS: new Tensor('int64', BigInt64Array.from(data, BigInt), shape) });
          const expected = alone['TAG_SCORES']?.data as Float32Array;
          assert.deepEqual(scores?.shape, [rows, length, 5]);
          const worst = Math.max(...expected.map((value, i) => Math.abs(value - (scores.data[i] ?? Number.NaN))));
          assert.ok(worst < 1e-5, `differs by ${worst}`);
        }),
      );
    }),
    { numRuns: 10 },
  );
});

test('a mean over the length is right, because without buckets only equal lengths share a batch', async () => {
  await fc.assert(
    fc.asyncProperty(together(24), async (requests) => {
      await Promise.all(
        requests.map(async ({ rows, length, seed }) => {
          const data = range(rows * length, (i) => ((seed + i * 7) % 64) / 4);
          const [mean] = await answered('mean_rows', floats('X', [rows, length], data));
          const rowMeans = range(rows, (row) =>
            data.slice(row * length, (row + 1) * length).reduce((sum, value) => sum + value / length, 0),
          );
          assert.deepEqual(mean?.shape, [rows, 1]);
          rowMeans.forEach((value, i) => assert.ok(Math.abs(value - (mean.data[i] ?? Number.NaN)) < 1e-4));
        }),
      );
    }),
    { numRuns: 10 },
  );
});

test('two bucketed axes, two inputs of one length, and strings come back in exactly their own shape', async () => {
  await fc.assert(
    fc.asyncProperty(together(12), async (requests) => {
      await Promise.all(
        requests.map(async ({ rows, length, seed }) => {
          const [height, width] = [1 + (seed % 8), 1 + (length % 8)];
          const picture = range(rows * height * width, (i) => (seed + i) % 4096);
          const left = range(rows * length, (i) => (seed + i) % 4096);
          const words = left.map((value) => `ü${value}`);
          const shape = [rows, length];
          const [[twice], [both, total], [same]] = await Promise.all([
            answered('padded_picture', floats('X', [rows, height, width], picture)),
            answered('padded_pair', floats('LEFT', shape, left), floats('RIGHT', shape, left)),
            answered('padded_bytes', { name: 'X', datatype: 'BYTES', shape, data: words }),
          ]);
          const doubled = (values: number[]): number[] => values.map((value) => 2 * value);
          assert.deepEqual([twice?.shape, twice?.data], [[rows, height, width], doubled(picture)]);
          assert.deepEqual([both?.shape, both?.data], [shape, doubled(left)]);
          const sums = range(rows, (row) => left.slice(row * length, (row + 1) * length).reduce((a, b) => a + b, 0));
          assert.deepEqual([total?.shape, total?.data], [[rows, 1], sums]);
          assert.deepEqual([same?.shape, same?.data], [shape, words]);
        }),
      );
    }),
    { numRuns: 10 },
  );
});

type JobLine = { status: string; batch?: { batch: string; batch_rows: number } };

test('jobs of different lengths in one bucket run in one batch, and those of another bucket do not', async () => {
  const lengths = [1, 2, 3, 4, 5, 6, 7, 8];
  const ids = await Promise.all(
    lengths.map(async (length) => {
      const body = { inputs: [floats('X', [1, length], range(length))] };
      const answer = await post(`${system.url}/v1/models/padded_together/jobs`, body);
      assert.equal(answer.status, 202);
      return ((await answer.json()) as { id: string }).id;
    }),
  );
  const batches = await Promise.all(
    ids.map((id) =>
      until(`job ${id} is done`, async () => {
        const job = (await (await fetch(`${system.url}/v1/jobs/${id}`)).json()) as JobLine;
        return job.status === 'succeeded' ? job.batch?.batch : undefined;
      }),
    ),
  );
  const [short, long] = [new Set(batches.slice(0, 4)), new Set(batches.slice(4))];
  assert.deepEqual([short.size, long.size], [1, 1]);
  assert.notDeepEqual([...short], [...long]);
});

test('a request longer than the largest bucket gets 400 and a sentence that names the limit', async () => {
  const [status, text] = await refusal(await infer('padded_together', floats('X', [1, 17], range(17))));
  assert.equal(status, 400);
  assert.equal(
    text,
    "input 'X' for model 'padded_together' is too long: 17 in dimension 1, the model takes at most 16",
  );
  const exact = await answered('padded_together', floats('X', [1, 16], range(16)));
  assert.deepEqual(exact[0]?.shape, [1, 16]);
});

test('two inputs that should have one length get 400, though both would be rounded up to the same', async () => {
  const inputs = [floats('LEFT', [1, 3], range(3)), floats('RIGHT', [1, 2], range(2))];
  const [status, text] = await refusal(await infer('padded_pair', ...inputs));
  assert.equal(status, 400);
  assert.match(text, /'RIGHT' .*: 2 in dimension 1, but input 'LEFT' has 3/);
});

test('a model whose padding is not declared safe, or is found not to be, does not load and says what to do', async () => {
  for (const model of ['padded_undeclared', 'mean_declared_safe']) {
    assert.equal((await infer(model, floats('X', [1, 2], [1, 2]))).status, 404);
  }
  const printed = await until('both are told', async () =>
    /padded_undeclared/.test(system.output()) && /mean_declared_safe/.test(system.output())
      ? system.output()
      : undefined,
  );
  assert.match(printed, /add batchyard\.padding with \\*"safe\\*" if this one ignores what is padded/);
  assert.match(printed, /padding a trial row gives another MEAN: remove batchyard\.buckets/);
});
