import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DATATYPES, ELEMENT_BYTES, type Datatype } from '@batchyard/shared/contract/tensor';
import type { TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import fc from 'fast-check';

import { countStrings, readStrings, split, stack, writeStrings } from './stack.ts';

const modelOf = (maxBatchSize: number) => ({ name: 'm', maxBatchSize, inputs: [] });

/** A job of `rows` rows of `width` elements, different from every other by `seed`. */
function jobOf(datatype: Datatype, width: number, rows: number, seed: number): TensorBlob {
  const elements = rows * width;
  const data =
    datatype === 'BYTES'
      ? writeStrings(Array.from({ length: elements }, (_, i) => `${seed}/${i}`))
      : Uint8Array.from({ length: elements * ELEMENT_BYTES[datatype] }, (_, i) => (seed * 31 + i) % 251);
  return { tensors: [{ position: 0, datatype, shape: [rows, width], data }], requested: [] };
}

const jobs = fc.record({
  datatype: fc.constantFrom(...DATATYPES),
  width: fc.integer({ min: 1, max: 5 }),
  rows: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
});

test('every job gets back its own rows, for every datatype and any sizes', () => {
  fc.assert(
    fc.property(jobs, ({ datatype, width, rows }) => {
      const blobs = rows.map((count, i) => jobOf(datatype, width, count, i + 1));
      const stacked = stack(blobs, modelOf(8), (bytes) => new Uint8Array(bytes));
      assert.deepEqual(stacked[0]?.shape, [rows.reduce((a, b) => a + b, 0), width]);
      const parts = split(
        stacked,
        rows.map((count) => ({ rows: count, requested: [] })),
        modelOf(8),
      );
      for (const [i, part] of parts.entries()) {
        assert.deepEqual(part.tensors[0]?.shape, [rows[i], width]);
        assert.deepEqual(Buffer.from(part.tensors[0]?.data ?? []), Buffer.from(blobs[i]?.tensors[0]?.data ?? []));
      }
    }),
  );
});

test('only the requested outputs come back, in the asked order', () => {
  const output = (position: number) => ({
    position,
    datatype: 'UINT8' as const,
    shape: [1, 1],
    data: Uint8Array.of(position),
  });
  const [part] = split([output(0), output(1), output(2)], [{ rows: 1, requested: [2, 0] }], modelOf(8));
  assert.deepEqual(
    part?.tensors.map((tensor) => tensor.position),
    [2, 0],
  );
});

test('without a batch axis the tensor goes through whole', () => {
  const [stacked] = stack([jobOf('FP32', 3, 2, 1)], modelOf(0), (bytes) => new Uint8Array(bytes));
  assert.deepEqual(stacked?.shape, [2, 3]);
  const [part] = split(stacked ? [stacked] : [], [{ rows: 1, requested: [] }], modelOf(0));
  assert.deepEqual(part?.tensors[0]?.shape, [2, 3]);
});

test('strings survive their framing', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      assert.deepEqual(readStrings(writeStrings(texts)), texts);
    }),
  );
});

test('the elements of a BYTES tensor are counted only where its bytes end with the last of them', () => {
  const strings = writeStrings(['a', '', 'bcd']);
  assert.equal(countStrings(strings), 3);
  assert.equal(countStrings(strings.subarray(0, -1)), undefined);
  assert.equal(countStrings(Buffer.concat([strings, Buffer.alloc(2)])), undefined);
});
