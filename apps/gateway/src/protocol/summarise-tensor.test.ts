import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Datatype } from '@batchyard/shared/contract/tensor';

import { summariseTensor } from './summarise-tensor.ts';

const bytes = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer);
const summary = (datatype: Datatype, data: Uint8Array, count: number) =>
  summariseTensor('X', { position: 0, datatype, shape: [1, count], data });

test('min, max and mean of the finite values; what is not finite is counted', () => {
  const found = summary('FP32', bytes(new Float32Array([1, -3, Number.NaN, 8, Number.POSITIVE_INFINITY])), 5);
  assert.deepEqual([found.min, found.max, found.mean, found.not_finite], [-3, 8, 2, 2]);
  assert.deepEqual([found.shape, found.elements, found.bytes, found.sampled], [[1, 5], 5, 20, false]);
});

test('every datatype of numbers is read by its own size and sign', () => {
  const of = (datatype: Datatype, data: Uint8Array): number | null => summary(datatype, data, 1).min;
  assert.equal(of('INT8', new Uint8Array([0xff])), -1);
  assert.equal(of('UINT8', new Uint8Array([0xff])), 255);
  assert.equal(of('BOOL', new Uint8Array([1])), 1);
  assert.equal(of('INT16', bytes(new Int16Array([-2]))), -2);
  assert.equal(of('UINT16', bytes(new Uint16Array([65_535]))), 65_535);
  assert.equal(of('INT32', bytes(new Int32Array([-7]))), -7);
  assert.equal(of('UINT32', bytes(new Uint32Array([4e9]))), 4e9);
  assert.equal(of('INT64', bytes(new BigInt64Array([-5n]))), -5);
  assert.equal(of('UINT64', bytes(new BigUint64Array([5n]))), 5);
  assert.equal(of('FP64', bytes(new Float64Array([0.1]))), 0.1);
  assert.equal(of('FP16', bytes(new Uint16Array([0xc000]))), -2);
  assert.equal(of('FP16', bytes(new Uint16Array([0x0001]))), 2 ** -24);
});

test('texts have no figures, nothing finite gives none, and a huge tensor is looked at in part', () => {
  assert.equal(summary('BYTES', new Uint8Array([1, 0, 0, 0, 65]), 1).min, null);
  assert.equal(summary('FP32', bytes(new Float32Array([Number.NaN])), 1).mean, null);
  const huge = summary('UINT8', new Uint8Array(300_000).fill(3), 300_000);
  assert.deepEqual([huge.sampled, huge.mean], [true, 3]);
});
