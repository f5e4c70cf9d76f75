import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';
import { ownLengths, runShapes } from '@batchyard/shared/contract/run-shapes';
import { DATATYPES, ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';
import type { TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import fc from 'fast-check';

import { padElement } from './pad.ts';
import { split, stack, writeStrings } from './stack.ts';

/** One input and one output of the same rows; the axes marked true are bucketed, each with a length of its own. */
function modelOf(datatype: Datatype, dims: readonly { size: number; free: boolean }[], maxBatchSize: number): Model {
  const shape = dims.map(({ size, free }) => (free ? -1 : size));
  const places = shape.flatMap((dim, axis) => (dim === -1 ? [{ position: 0, axis }] : []));
  return {
    name: 'm',
    version: '1',
    platform: '',
    maxBatchSize,
    inputs: [{ name: 'X', datatype, shape, pad: datatype === 'BYTES' ? '~' : '1' }],
    outputs: [{ name: 'Y', datatype, shape }],
    signature: '12345678',
    nan: 'pass',
    lengths: places.map((place) => ({ sizes: [2, 5, 9], inputs: [place], outputs: [place] })),
  };
}

/** No element is the padding, and none comes twice in a row. */
function blobOf(datatype: Datatype, shape: number[], seed: number): TensorBlob {
  const count = elementCount(shape);
  const data =
    datatype === 'BYTES'
      ? writeStrings(Array.from({ length: count }, (_, i) => `${seed}/${i}`))
      : Uint8Array.from({ length: count * ELEMENT_BYTES[datatype] }, (_, i) => 2 + ((seed * 31 + i * 7) % 249));
  return { tensors: [{ position: 0, datatype, shape, data }], requested: [] };
}

const batches = fc.record({
  datatype: fc.constantFrom(...DATATYPES),
  dims: fc.array(fc.record({ size: fc.integer({ min: 1, max: 4 }), free: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  /** Of each free axis how much of its bucket is used. */
  jobs: fc.array(
    fc.record({
      rows: fc.integer({ min: 1, max: 4 }),
      lengths: fc.array(fc.integer({ min: 3, max: 5 }), { minLength: 4, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});
const dirty = (bytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(bytes)).fill(0xaa);

test('crops give back exactly the rows that were padded, in their own shape, for every datatype and any axes', () => {
  fc.assert(
    fc.property(batches, ({ datatype, dims, jobs }) => {
      const model = modelOf(datatype, dims, 16);
      const blobs = jobs.map(({ rows, lengths }, i) =>
        blobOf(datatype, [rows, ...dims.map(({ size, free }, axis) => (free ? (lengths[axis] ?? 3) : size))], i + 1),
      );
      const stacked = stack(blobs, model, dirty);
      const padded = dims.map(({ size, free }) => (free ? 5 : size));
      assert.deepEqual(stacked[0]?.shape, [jobs.reduce((sum, { rows }) => sum + rows, 0), ...padded]);
      const shares = blobs.map(({ tensors }, i) => ({
        rows: jobs[i]?.rows ?? 0,
        requested: [],
        lengths: ownLengths(model, tensors),
      }));
      split(stacked, shares, model).forEach((part, i) => {
        const [given, back] = [blobs[i]?.tensors[0], part.tensors[0]];
        assert.deepEqual(back?.shape, given?.shape);
        assert.deepEqual(Buffer.from(back?.data ?? []), Buffer.from(given?.data ?? []));
      });
    }),
    { numRuns: 500 },
  );
});

test('around the rows there is nothing but the padding, whatever lay in the slab', () => {
  fc.assert(
    fc.property(batches, ({ datatype, dims, jobs: [job] }) => {
      if (datatype === 'BYTES' || !job) return;
      const model = modelOf(datatype, dims, 16);
      const own = [job.rows, ...dims.map(({ size, free }, axis) => (free ? (job.lengths[axis] ?? 3) : size))];
      const [stacked] = stack([blobOf(datatype, own, 1)], model, dirty);
      assert.ok(stacked?.data instanceof Uint8Array);
      const pad = Buffer.from(padElement(datatype, '1') ?? []);
      const size = ELEMENT_BYTES[datatype];
      const { data } = stacked;
      const pads = Array.from({ length: data.length / size }, (_, i) =>
        Buffer.from(data.subarray(i * size, (i + 1) * size)),
      );
      const [around] = [pads.filter((element) => element.equals(pad)).length];
      assert.equal(around, elementCount(stacked.shape) - elementCount(own));
    }),
  );
});

test('a row of no elements is all padding, and comes back as no elements', () => {
  const model = modelOf('INT32', [{ size: 0, free: true }], 8);
  const blob = blobOf('INT32', [2, 0], 1);
  const stacked = stack([blob], model, dirty);
  assert.deepEqual(runShapes(model, blob.tensors), [[2, 2]]);
  assert.deepEqual(Buffer.from((stacked[0]?.data ?? []) as Uint8Array), Buffer.from(Int32Array.of(1, 1, 1, 1).buffer));
  const [part] = split(stacked, [{ rows: 2, requested: [], lengths: [0] }], model);
  assert.deepEqual([part?.tensors[0]?.shape, part?.tensors[0]?.data.byteLength], [[2, 0], 0]);
});

test('a model without a batch axis is padded and cropped, too', () => {
  const model = modelOf(
    'FP32',
    [
      { size: 0, free: true },
      { size: 2, free: false },
    ],
    0,
  );
  const blob = blobOf('FP32', [3, 2], 1);
  const stacked = stack([blob], model, dirty);
  assert.deepEqual(stacked[0]?.shape, [5, 2]);
  const [part] = split(stacked, [{ rows: 1, requested: [], lengths: [3] }], model);
  assert.deepEqual(part?.tensors[0]?.shape, [3, 2]);
  assert.deepEqual(Buffer.from(part.tensors[0].data), Buffer.from(blob.tensors[0]?.data ?? []));
});

test('an output shorter than what its rows had is an error, not a guess', () => {
  const model = modelOf('UINT8', [{ size: 0, free: true }], 8);
  const output = { position: 0, datatype: 'UINT8' as const, shape: [1, 1], data: Uint8Array.of(1) };
  assert.throws(
    () => split([output], [{ rows: 1, requested: [], lengths: [4] }], model),
    /shorter than the padded input/,
  );
});

test('pad values are read for their datatype, and half precision is rounded', () => {
  const bits = (datatype: Exclude<Datatype, 'BYTES'>, text: string) =>
    Buffer.from(padElement(datatype, text) ?? []).toString('hex');
  assert.equal(bits('INT64', '-9223372036854775808'), '0000000000000080');
  assert.equal(bits('UINT64', '18446744073709551615'), 'ffffffffffffffff');
  assert.equal(bits('INT8', '-1'), 'ff');
  assert.equal(bits('FP32', '-Infinity'), '000080ff');
  assert.equal(bits('FP64', '1'), '000000000000f03f');
  const halves = {
    '0': '0000',
    '-0': '0080',
    '1': '003c',
    '-2': '00c0',
    '65504': 'ff7b',
    '65520': '007c',
    '6e-8': '0100',
    '0.1': '662e',
  };
  for (const [text, hex] of Object.entries(halves)) assert.equal(bits('FP16', text), hex, text);
  for (const [datatype, text] of [
    ['BOOL', '2'],
    ['UINT8', '-1'],
    ['INT32', '1.5'],
    ['INT32', ''],
    ['FP32', 'x'],
    ['FP64', ' '],
  ] as const)
    assert.equal(padElement(datatype, text), undefined, `${datatype} ${text}`);
});
