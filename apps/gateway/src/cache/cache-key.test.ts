import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeTensorBlob, type BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import fc from 'fast-check';

import { parseInferRequest } from '../protocol/parse-infer.ts';
import { identity } from '../protocol/testing/samples.ts';
import { cacheKey } from './cache-key.ts';

const model = { ...identity('FP32', [2]), sha256: 'a' };
const keyOf = (body: Buffer, header?: number, of = model): string => {
  const { inputs, outputs } = parseInferRequest(of, body, header === undefined ? undefined : String(header));
  const requested = outputs.map(({ position }) => position);
  return cacheKey(
    { model: of, queue: 'M@1', tenant: '-', generation: '0.0' },
    encodeTensorBlob({ tensors: inputs, requested }),
  );
};
const tensor = (data: object) => ({ inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 2], ...data }] });
const json = (values: readonly number[], more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ ...more, ...tensor({ data: values }) }));

const floats = fc.tuple(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);
const asSent = (values: readonly number[]): number[] => values.map((value) => value + 0);

test('JSON and binary forms of equal tensors have one key, whatever their id, class and timeout', () => {
  fc.assert(
    fc.property(floats, fc.string({ maxLength: 9 }), (given, id) => {
      const values = asSent(given);
      const head = Buffer.from(JSON.stringify(tensor({ parameters: { binary_data_size: 8 } })));
      const bytes = Buffer.from(Float32Array.from(values).buffer);
      const plain = keyOf(json(values));
      assert.equal(keyOf(Buffer.concat([head, bytes]), head.length), plain);
      assert.equal(keyOf(json(values, { id, parameters: { priority: 1, timeout: 5000 } })), plain);
    }),
  );
});

test('keys differ with a bit of a float, the file of the model, its purges, and whose question it is', () => {
  const one: BlobTensor = { position: 0, datatype: 'FP32', shape: [1], data: new Uint8Array([0, 0, 0, 0]) };
  const minus = { ...one, data: new Uint8Array([0, 0, 0, 128]) };
  const blob = (tensors: readonly BlobTensor[], requested: readonly number[] = [0]) =>
    encodeTensorBlob({ tensors, requested });
  const of = { model, queue: 'M@1', tenant: '-', generation: '0.0' };
  const keys = [
    cacheKey(of, blob([one])),
    cacheKey(of, blob([minus])),
    cacheKey(of, blob([{ ...one, datatype: 'INT32' }])),
    cacheKey(of, blob([{ ...one, shape: [1, 1] }])),
    cacheKey(of, blob([{ ...one, position: 1 }])),
    cacheKey(of, blob([one], [0, 1])),
    cacheKey(of, blob([one], [1, 0])),
    cacheKey({ ...of, model: { ...model, sha256: 'b' } }, blob([one])),
    cacheKey({ ...of, generation: '0.1' }, blob([one])),
    cacheKey({ ...of, tenant: 'a' }, blob([one])),
    cacheKey({ ...of, tenant: 'b' }, blob([one])),
  ];
  assert.equal(new Set(keys).size, keys.length);
});
