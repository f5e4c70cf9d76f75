/** Shape groups of requests whose lengths differ: exact without buckets, by bucket with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { parseInferRequest } from './parse-infer.ts';
import { identity, ones, parseBinary, parseOne, refused, tensorOf } from './testing/samples.ts';

const SIZES = [4, 8, 16];
const bucketed = identity('FP32', [-1, 2], {
  lengths: [{ sizes: SIZES, inputs: [{ position: 0, axis: 0 }], outputs: [{ position: 0, axis: 0 }] }],
});
const exact = identity('FP32', [-1, 2]);
const row = (length: number, rows = 1) => tensorOf('FP32', [rows, length, 2], ones(rows * length * 2));

const request = fc.record({ length: fc.integer({ min: 0, max: 16 }), rows: fc.integer({ min: 1, max: 8 }) });

test('two requests share a group exactly when they run in one shape, whatever their rows', () => {
  fc.assert(
    fc.property(request, request, (a, b) => {
      const size = (length: number) => SIZES.find((one) => one >= length);
      const same = (model: typeof exact) =>
        parseOne(model, row(a.length, a.rows)).group === parseOne(model, row(b.length, b.rows)).group;
      assert.equal(same(bucketed), size(a.length) === size(b.length));
      assert.equal(same(exact), a.length === b.length);
    }),
  );
});

test('the tensors of a request keep their own shape: padding is left to the worker', () => {
  const { inputs, group } = parseOne(bucketed, row(5));
  assert.deepEqual([inputs[0]?.shape, group], [[1, 5, 2], '8']);
});

test('a request longer than the largest bucket is refused with the limit, in JSON, binary and raw form', () => {
  const text = /input 'X' for model 'M' is too long: 17 in dimension 1, the model takes at most 16/;
  refused(() => parseOne(bucketed, row(17)), text, 'invalid_input');
  const { data: _, ...input } = row(17);
  const json = { inputs: [{ ...input, parameters: { binary_data_size: 136 } }] };
  refused(() => parseBinary(bucketed, json, new Uint8Array(136)), text);
  refused(() => parseInferRequest(bucketed, Buffer.alloc(136), '0'), text);
});
