import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DATATYPES } from '@batchyard/shared/contract/tensor';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { makeTestModels } from './make-test-models.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-models-'));
  await makeTestModels(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

const load = (name: string) =>
  InferenceSession.create(join(folder, name, '1', 'model.onnx'), { intraOpNumThreads: 1, logSeverityLevel: 4 });
const floats = (values: readonly number[], dims: readonly number[]) =>
  new Tensor('float32', Float32Array.from(values), dims);
const numbers = (tensor: Tensor | undefined) => Array.from(tensor?.data as ArrayLike<number | bigint>, Number);

/** Two rows of three of each datatype, with the values that are easiest to get wrong. */
const IDENTITY_ROWS = {
  BOOL: new Tensor('bool', Uint8Array.of(1, 0, 1, 0, 0, 1), [2, 3]),
  UINT8: new Tensor('uint8', Uint8Array.of(0, 255, 1, 2, 3, 4), [2, 3]),
  UINT16: new Tensor('uint16', Uint16Array.of(0, 65_535, 1, 2, 3, 4), [2, 3]),
  UINT32: new Tensor('uint32', Uint32Array.of(0, 4_294_967_295, 1, 2, 3, 4), [2, 3]),
  UINT64: new Tensor('uint64', BigUint64Array.of(0n, 18_446_744_073_709_551_615n, 1n, 2n, 3n, 4n), [2, 3]),
  INT8: new Tensor('int8', Int8Array.of(-128, 127, 1, 2, 3, 4), [2, 3]),
  INT16: new Tensor('int16', Int16Array.of(-32_768, 32_767, 1, 2, 3, 4), [2, 3]),
  INT32: new Tensor('int32', Int32Array.of(-2_147_483_648, 2_147_483_647, 1, 2, 3, 4), [2, 3]),
  INT64: new Tensor(
    'int64',
    BigInt64Array.of(-9_223_372_036_854_775_808n, 9_007_199_254_740_993n, 1n, 2n, 3n, 4n),
    [2, 3],
  ),
  FP16: new Tensor('float16', Uint16Array.of(0x3c00, 0x8000, 0x0001, 0x7bff, 0, 1), [2, 3]),
  FP32: new Tensor('float32', Float32Array.of(-0, 1e-45, 3.4028234663852886e38, 1, 2, 3), [2, 3]),
  FP64: new Tensor('float64', Float64Array.of(-0, 5e-324, Number.MAX_VALUE, 1, 2, 3), [2, 3]),
  BYTES: new Tensor('string', ['', 'ünë', '\u{1F600}', 'a', 'b', 'c'], [2, 3]),
} as const;

for (const datatype of DATATYPES) {
  test(`identity_${datatype.toLowerCase()} gives back what it got`, async () => {
    const session = await load(`identity_${datatype.toLowerCase()}`);
    const input = IDENTITY_ROWS[datatype];
    const { OUTPUT0 } = await session.run({ INPUT0: input });
    assert.deepEqual(OUTPUT0?.dims, [2, 3]);
    assert.deepEqual(OUTPUT0.data, input.data);
  });
}

test('the models of odd shapes compute what they promise', async () => {
  const joined = await (
    await load('concat_pair')
  ).run({
    A: floats([1, 2, 3, 4], [2, 2]),
    B: floats([9, 8], [2, 1]),
  });
  assert.deepEqual(joined['JOINED']?.dims, [2, 3]);
  assert.deepEqual(numbers(joined['JOINED']), [1, 2, 9, 3, 4, 8]);

  const grid = new Tensor(
    'int64',
    BigInt64Array.from({ length: 6 }, (_, i) => BigInt(i)),
    [1, 2, 1, 3],
  );
  const turned = await (await load('turn_grid')).run({ GRID: grid });
  assert.deepEqual(turned['TURNED']?.dims, [1, 3, 1, 2]);
  assert.deepEqual(numbers(turned['TURNED']), [0, 3, 1, 4, 2, 5]);

  const total = await (await load('unbatched_sum')).run({ X: floats([1, 2, 3.5], [3]) });
  assert.deepEqual(total['TOTAL']?.dims, [1]);
  assert.deepEqual(numbers(total['TOTAL']), [6.5]);
});

test('of the two models without a configuration only one has rows that do not depend on each other', async () => {
  const rows = { ROWS: floats([1, 2, 3, 4], [2, 2]) };
  assert.deepEqual(numbers((await (await load('bare_rows')).run(rows))['DOUBLED']), [2, 4, 6, 8]);
  assert.deepEqual(numbers((await (await load('bare_cumulative')).run(rows))['SUMS']), [1, 2, 4, 6]);
  await assert.rejects(readFile(join(folder, 'bare_rows', 'config.pbtxt')), { code: 'ENOENT' });
});

test('poison answers healthy codes and fails the whole batch for one bad code', async () => {
  const session = await load('poison');
  const codes = (...values: number[]) => ({ CODE: new Tensor('int32', Int32Array.from(values), [values.length, 1]) });
  assert.deepEqual(numbers((await session.run(codes(0, 7, 999)))['TWICE']), [0, 14, 1998]);
  await assert.rejects(session.run(codes(1, 1000, 2)), /out of data bounds/);
});

test('deadly divides, busy doubles', async () => {
  const codes = new Tensor('int32', Int32Array.of(1, 7, -2), [3, 1]);
  const ratios = numbers((await (await load('deadly')).run({ CODE: codes }))['RATIO']);
  assert.deepEqual(ratios, [-(2 ** 31), -306_783_378, 2 ** 30]);
  const twice = numbers((await (await load('busy')).run({ WORK: floats([0, 3], [2, 1]) }))['TWICE']);
  assert.deepEqual(twice, [0, 6]);
});

test('slow doubles its input, and a batch of 16 costs less than a quarter of 16 runs', async () => {
  const session = await load('slow');
  const input = { INPUT0: floats([-1, 0, 2, 3e38], [1, 4]) };
  assert.deepEqual(numbers((await session.run(input))['OUTPUT0']), [-2, 0, 4, Infinity]);
  const one = await bestMs(session, 1);
  const sixteen = await bestMs(session, 16);
  assert.ok(16 * one > 4 * sixteen, `1 row ${one} ms, 16 rows ${sixteen} ms`);
});

/** The best of ten: what the run costs, not what the neighbours do. */
async function bestMs(session: InferenceSession, rows: number): Promise<number> {
  const feeds = { INPUT0: floats(new Array(rows * 4).fill(1), [rows, 4]) };
  let best = Infinity;
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    await session.run(feeds);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

test('the configuration names the batch size and leaves the batch axis out', async () => {
  const text = await readFile(join(folder, 'turn_grid', 'config.pbtxt'), 'utf8');
  assert.match(text, /^max_batch_size: 16$/m);
  assert.match(text, /name: "GRID" data_type: TYPE_INT64 dims: \[ 2, -1, 3 \]/);
  assert.match(await readFile(join(folder, 'identity_bytes', 'config.pbtxt'), 'utf8'), /TYPE_STRING/);
});

test('an unknown name is refused', async () => {
  await assert.rejects(makeTestModels(folder, ['identity_fp8']), /no test model is called identity_fp8/);
});
