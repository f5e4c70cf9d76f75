import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { LengthError, bucketOf, ownLengths, runShapes } from './run-shapes.ts';

const ids = { name: 'IDS', datatype: 'INT64', shape: [-1] } as const;
const mask = { name: 'MASK', datatype: 'BOOL', shape: [2, -1] } as const;
const MODEL = {
  name: 'm',
  maxBatchSize: 4,
  inputs: [ids, mask].map((spec) => ({ ...spec, shape: [...spec.shape] })),
  lengths: [
    {
      sizes: [4, 8, 32],
      inputs: [
        { position: 0, axis: 0 },
        { position: 1, axis: 1 },
      ],
      outputs: [],
    },
  ],
};
const request = (rows: number, length: number, other = length) => [
  { position: 0, shape: [rows, length] },
  { position: 1, shape: [rows, 2, other] },
];

test('a length runs in the smallest size that takes it', () => {
  const sizes = fc
    .uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1 })
    .map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 1000 }), (all, length) => {
      const size = bucketOf(all, length);
      if (size === undefined) return assert.ok(all.every((one) => one < length));
      assert.ok(size >= length);
      assert.ok(all.every((one) => one >= size || one < length));
    }),
  );
});

test('every input that has the length is rounded up with it, and the rows stay', () => {
  assert.deepEqual(runShapes(MODEL, request(3, 5)), [
    [3, 8],
    [3, 2, 8],
  ]);
  assert.deepEqual(runShapes(MODEL, request(1, 0)), [
    [1, 4],
    [1, 2, 4],
  ]);
  assert.deepEqual(ownLengths(MODEL, request(3, 5)), [5]);
});

test('an absent optional input changes nothing, and without buckets every shape stays', () => {
  assert.deepEqual(runShapes(MODEL, [{ position: 1, shape: [1, 2, 9] }]), [[1, 2, 32]]);
  assert.deepEqual(runShapes(MODEL, []), []);
  assert.deepEqual(ownLengths(MODEL, []), [undefined]);
  const { lengths: _, ...plain } = MODEL;
  assert.deepEqual(runShapes(plain, request(1, 33, 3)), [
    [1, 33],
    [1, 2, 3],
  ]);
});

test('without a batch axis the axes begin at the first', () => {
  const alone = { ...MODEL, maxBatchSize: 0, inputs: MODEL.inputs.slice(0, 1) };
  assert.deepEqual(runShapes(alone, [{ position: 0, shape: [7] }]), [[8]]);
});

test('a length beyond the largest size, and two lengths that should be one, are told', () => {
  assert.throws(
    () => runShapes(MODEL, request(1, 33)),
    (error) => error instanceof LengthError && /'IDS'.* too long: 33 in dimension 1.* at most 32/.test(error.message),
  );
  assert.throws(
    () => runShapes(MODEL, request(1, 5, 6)),
    (error) =>
      error instanceof LengthError && error.position === 1 && /6 in dimension 2.*'IDS' has 5/.test(error.message),
  );
});
