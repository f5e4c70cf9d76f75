import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';

import { storedInputFits } from './stored-input.ts';

const MODEL: Model = {
  name: 'm',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 4,
  inputs: [
    { name: 'A', datatype: 'INT32', shape: [-1] },
    { name: 'B', datatype: 'FP32', shape: [2], optional: true },
  ],
  outputs: [{ name: 'O', datatype: 'INT32', shape: [-1] }],
  signature: '0123456789abcdef',
  nan: 'pass',
};
const tensor = (position: number, datatype: 'INT32' | 'FP32', shape: number[]): BlobTensor => ({
  position,
  datatype,
  shape,
  data: new Uint8Array(),
});
const fits = (tensors: BlobTensor[], requested: number[] = []): boolean =>
  storedInputFits(MODEL, { tensors, requested });

test('an input fits when every tensor has its datatype and shape, and none is missing', () => {
  assert.ok(fits([tensor(0, 'INT32', [4, 7])]));
  assert.ok(fits([tensor(0, 'INT32', [1, 7]), tensor(1, 'FP32', [1, 2])], [0]));
  assert.ok(!fits([tensor(0, 'FP32', [1, 7])]));
  assert.ok(!fits([tensor(0, 'INT32', [7])]));
  assert.ok(!fits([tensor(0, 'INT32', [1, 7]), tensor(1, 'FP32', [1, 3])]));
  assert.ok(!fits([tensor(1, 'FP32', [1, 2])]));
  assert.ok(!fits([tensor(2, 'INT32', [1, 7])]));
});

test('more rows than a batch has now, or an output that is no more, do not fit', () => {
  assert.ok(!fits([tensor(0, 'INT32', [5, 7])]));
  assert.ok(!fits([tensor(0, 'INT32', [1, 7])], [1]));
});
