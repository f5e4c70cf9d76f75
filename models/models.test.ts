/** Each shipped model against what its training script expects, without the server. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { configText, modelBytes } from './model-folder.ts';
import { simple } from './make-simple.ts';

type Row = { shape: number[]; data?: number[]; pixels?: string };
type Sample = { inputs: Record<string, Row>; outputs: Record<string, Row> };

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const load = (model: string) =>
  InferenceSession.create(file(`${model}/1/model.onnx`), { intraOpNumThreads: 1, logSeverityLevel: 4 });

async function samplesOf(model: string): Promise<Sample[]> {
  return (JSON.parse(await readFile(file(`${model}/samples.json`), 'utf8')) as { samples: Sample[] }).samples;
}

/** Pixels are bytes in base64, 255 of them make 1. */
function values(row: Row): number[] {
  return row.data ?? Array.from(Buffer.from(row.pixels ?? '', 'base64'), (byte) => Math.fround(byte / 255));
}

/** Rows of one shape as one batch. */
function batch(rows: readonly Row[], ids: boolean): Tensor {
  const dims = [rows.length, ...(rows[0]?.shape ?? [])];
  const all = rows.flatMap(values);
  return ids ? new Tensor('int64', BigInt64Array.from(all, BigInt), dims) : new Tensor('float32', all, dims);
}

async function scores(session: InferenceSession, input: Tensor): Promise<number[]> {
  const answer = await session.run({ [session.inputNames[0] ?? '']: input });
  return Array.from(answer[session.outputNames[0] ?? '']?.data as Float32Array);
}

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? NaN))));
  assert.ok(worst <= tolerance, `differs by ${worst}`);
}

const TRAINED = [
  { model: 'logo-router', input: 'IMAGE', output: 'ROUTE_SCORES' },
  { model: 'quality-predictor', input: 'FEATURES', output: 'EXPECTED_QUALITY' },
  { model: 'text-tagger', input: 'TOKEN_IDS', output: 'TAG_SCORES' },
] as const;

for (const { model, input, output } of TRAINED) {
  const ids = model === 'text-tagger';
  const inputOf = (sample: Sample): Row => sample.inputs[input] ?? { shape: [0] };

  test(`${model} answers its samples as the training script computed them`, async () => {
    const session = await load(model);
    const samples = await samplesOf(model);
    assert.ok(samples.length >= 3);
    for (const sample of samples) {
      const expected = sample.outputs[output]?.data ?? [];
      assertClose(await scores(session, batch([inputOf(sample)], ids)), expected, 1e-4);
    }
  });

  test(`${model} answers a batch of two as it answers each alone`, async () => {
    const session = await load(model);
    const rows = (await samplesOf(model)).map(inputOf);
    const length = Math.min(...rows.map((row) => values(row).length));
    const [first, second] = rows.map((row) => (ids ? { shape: [length], data: values(row).slice(0, length) } : row));
    assert.ok(first && second);
    const alone = [...(await scores(session, batch([first], ids))), ...(await scores(session, batch([second], ids)))];
    assertClose(await scores(session, batch([first, second], ids)), alone, 1e-5);
  });

  test(`${model} has a card with its accuracy, and a configuration with its tensors`, async () => {
    const session = await load(model);
    const config = await readFile(file(`${model}/config.pbtxt`), 'utf8');
    for (const name of [model, ...session.inputNames, ...session.outputNames]) assert.ok(config.includes(`"${name}"`));
    assert.match(await readFile(file(`${model}/README.md`), 'utf8'), /## Accuracy on/);
  });
}

test('text-tagger gives padded rows the same scores', async () => {
  const session = await load('text-tagger');
  for (const sample of await samplesOf('text-tagger')) {
    const data = values(sample.inputs['TOKEN_IDS'] ?? { shape: [0] });
    const wide = [...data, ...new Array<number>(256 - data.length).fill(0)];
    const padded = await scores(session, batch([{ shape: [256], data: wide }], true));
    const plain = await scores(session, batch([{ shape: [data.length], data }], true));
    assertClose(padded.slice(0, plain.length), plain, 1e-5);
  }
});

test('logo-router has one label for each of its scores', async () => {
  const labels = (await readFile(file('logo-router/labels.txt'), 'utf8')).trim().split('\n');
  const [sample] = await samplesOf('logo-router');
  assert.deepEqual(sample?.outputs['ROUTE_SCORES']?.shape, [labels.length]);
});

test('simple is what its script makes, and adds and subtracts', async () => {
  assert.deepEqual(new Uint8Array(await readFile(file('simple/1/model.onnx'))), modelBytes(simple));
  assert.equal(await readFile(file('simple/config.pbtxt'), 'utf8'), configText(simple));
  const row = (of: (i: number) => number) =>
    new Tensor(
      'int32',
      Int32Array.from({ length: 16 }, (_, i) => of(i)),
      [1, 16],
    );
  const answer = await (await load('simple')).run({ INPUT0: row((i) => i), INPUT1: row(() => 1) });
  assert.deepEqual(
    Array.from(answer['OUTPUT0']?.data as Int32Array),
    Array.from({ length: 16 }, (_, i) => i + 1),
  );
  assert.deepEqual(
    Array.from(answer['OUTPUT1']?.data as Int32Array),
    Array.from({ length: 16 }, (_, i) => i - 1),
  );
});
