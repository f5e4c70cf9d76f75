/** The tensors of a request against its model, with Triton's texts. Lines of inputs.md under Tensors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInferRequest } from './parse-infer.ts';
import {
  SIMPLE,
  bytesOf,
  identity,
  modelOf,
  ones,
  parseBody,
  parseOne,
  parseText,
  refused,
  simpleInput,
  tensorOf,
} from './testing/samples.ts';

const both = [simpleInput('INPUT0'), simpleInput('INPUT1')];
const fp32 = identity('FP32', [4]);
const row = (data: unknown, shape: unknown = [1, 4]): Record<string, unknown> => tensorOf('FP32', shape, data);

test('Tensors: missing input 400', () => {
  const text =
    "expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) ['INPUT1']";
  refused(() => parseBody(SIMPLE, { inputs: [simpleInput('INPUT0')] }), text, 'invalid_input');
});

test('Tensors: extra input 400', () => {
  const inputs = [...both, simpleInput('INPUT2')];
  refused(
    () => parseBody(SIMPLE, { inputs }),
    "unexpected inference input 'INPUT2' for model 'simple'",
    'invalid_input',
  );
  refused(() => parseBody(SIMPLE, { inputs: [simpleInput('N'.repeat(100_000))] }), /unexpected inference input 'N+…'/);
});

test('Tensors: duplicate input 400', () => {
  refused(
    () => parseBody(SIMPLE, { inputs: [...both, simpleInput('INPUT0')] }),
    "input 'INPUT0' already exists in request",
  );
});

test('Tensors: inputs [] 400 unless the model has none', () => {
  refused(() => parseBody(SIMPLE, { inputs: [] }), /expected 2 inputs but got 0 inputs/);
  assert.equal(parseBody(modelOf({}), { inputs: [] }).rows, 1);
  for (const inputs of [{}, null, 'x', [1], [[]], [null]]) refused(() => parseBody(SIMPLE, { inputs }), /is expected/);
});

test('Tensors: wrong or unknown datatype 400', () => {
  const text = "inference input 'X' data-type is 'FP64', but model 'M' expects 'FP32'";
  refused(() => parseOne(fp32, tensorOf('FP64', [1, 4], ones(4))), text, 'invalid_input');
  refused(() => parseOne(fp32, tensorOf('fp32', [1, 4], ones(4))), "invalid datatype for input 'X': 'fp32'");
  refused(() => parseOne(fp32, { name: 'X', shape: [1, 4], data: ones(4) }), /Unable to parse 'datatype'/);
  refused(() => parseOne(fp32, tensorOf(5 as unknown as string, [1, 4], ones(4))), /Unable to parse 'datatype'/);
});

test('Tensors: BF16 400', () => {
  refused(() => parseOne(fp32, tensorOf('BF16', [1, 4], ones(4))), "input 'X': datatype BF16 is not supported");
});

test('Tensors: FP16 as JSON 400, in and out', () => {
  const model = identity('FP16', [4]);
  const input = /receiving FP16 data via JSON is not supported\. Please use the binary data format for input X/;
  refused(() => parseOne(model, tensorOf('FP16', [1, 4], ones(4))), input);
  const output = modelOf({ ...fp32, outputs: model.outputs });
  const wanted = /sending FP16 data via JSON is not supported\. Please use the binary data format for output X/;
  refused(() => parseOne(output, row(ones(4))), wanted);
  assert.ok(parseBody(output, { inputs: [row(ones(4))], parameters: { binary_data_output: true } }));
});

test('Tensors: wrong rank or fixed dim 400', () => {
  const model = identity('FP32', [-1, 16], { name: 'W' });
  const text = "unexpected shape for input 'X' for model 'W'. Expected [-1,-1,16], got [1,2,8]";
  refused(() => parseOne(model, row(ones(16), [1, 2, 8])), text, 'invalid_input');
  for (const shape of [[], [1], [1, 16], [1, 1, 1, 16]])
    refused(() => parseOne(model, row(ones(16), shape)), /unexpected shape/);
  refused(() => parseOne(model, row([1], ones(5000))), /Expected \[-1,-1,16\], got \[1,1,1.*,…\]/);
});

test('Tensors: negative, fractional, string, null dim 400', () => {
  for (const dim of [-1, -5, 0.5, '4', null, true, [4], {}])
    refused(() => parseOne(fp32, row(ones(4), [1, dim])), /Unable to parse 'shape'/);
  for (const shape of ['4', 4, null, {}]) refused(() => parseOne(fp32, row(ones(4), shape)), /Unable to parse 'shape'/);
  refused(() => parseText(fp32, '{"inputs":[{"name":"X","datatype":"FP32","data":[1]}]}'), /Unable to parse 'shape'/);
});

test('Tensors: batch 0 400 for a batched model', () => {
  refused(() => parseOne(fp32, row([], [0, 4])), "inference request batch-size must be >= 1 for 'M'");
});

test('Tensors: batch over max 400', () => {
  refused(
    () => parseOne(fp32, row(ones(36), [9, 4])),
    "inference request batch-size must be <= 8 for 'M'",
    'invalid_input',
  );
  assert.equal(parseOne(fp32, row(ones(32), [8, 4])).rows, 8);
});

test('inputs of different batch sizes 400', () => {
  const inputs = [simpleInput('INPUT0', 2), simpleInput('INPUT1', 1)];
  refused(() => parseBody(SIMPLE, { inputs }), "input 'INPUT1' batch size does not match other inputs for 'simple'");
});

test('Tensors: model without batch axis: unbatched, 200', () => {
  const model = identity('FP32', [-1, 3], { maxBatchSize: 0 });
  const request = parseOne(model, row(ones(6), [2, 3]));
  assert.equal(request.rows, 1);
  assert.deepEqual(request.inputs[0]?.shape, [2, 3]);
  const scalar = parseOne(identity('FP32', [], { maxBatchSize: 0 }), row([5], []));
  assert.equal(bytesOf(scalar).readFloatLE(), 5);
});

test('Tensors: dims whose product overflows 2^53 or 2^64 400 before any allocation', () => {
  const model = identity('FP32', [-1, -1], { maxBatchSize: 0 });
  const shaped =
    (...shape: number[]) =>
    (): unknown =>
      parseOne(model, row([1], shape));
  const count = /causes total element count to exceed maximum size of/;
  refused(shaped(2 ** 4, 2 ** 60 + 2), count);
  refused(shaped(2 ** 2, 2 ** 60 + 2), /byte size overflow for input 'X'/);
  refused(shaped(2, 2 ** 53), count);
  refused(shaped(1e300, 1e300), count);
  refused(shaped(0, 1e300), count);
  refused(
    () =>
      parseOne(
        model,
        row(
          [1],
          Array.from({ length: 90_000 }, () => 1e300),
        ),
      ),
    count,
  );
});

test('Tensors: more elements than allowed 413', () => {
  const model = identity('UINT8', [-1], { maxBatchSize: 0 });
  const text = "input 'X' has 67108865 elements, which exceeds the maximum allowed of 67108864";
  refused(() => parseOne(model, tensorOf('UINT8', [2 ** 26 + 1], [1])), text, 'too_large');
  const body = Buffer.from(JSON.stringify({ inputs: [tensorOf('UINT8', [11], ones(11))] }));
  refused(
    () => parseInferRequest(model, body, undefined, { maxElements: 10 }),
    /exceeds the maximum allowed/,
    'too_large',
  );
});

test('Tensors: fewer or more values than the shape 400', () => {
  const text = "Unable to parse 'data': Shape does not match true shape of 'data' field";
  for (const count of [0, 1, 3, 5, 100]) refused(() => parseOne(fp32, row(ones(count))), text, 'invalid_input');
  refused(() => parseOne(fp32, row([ones(4), ones(4)])), text);
  refused(() => parseOne(identity('FP32'), row([1], [1, 2 ** 25])), text);
  for (const data of [1, 'x', null, {}]) refused(() => parseOne(fp32, row(data)), /an array is expected/);
});

test('Tensors: ragged nesting 400', () => {
  const model = identity('FP32', [2, 2]);
  for (const data of [
    [[1, 2, 3], [4]],
    [1, [2, 3, 4]],
    [[1, 2], 3, 4],
    [[], [1, 2], [3, 4]],
    [[1, 2], [[3, 4]]],
    [[[]], [1, 2, 3, 4]],
  ]) {
    refused(() => parseOne(model, row(data, [1, 2, 2])), /./);
  }
  refused(
    () =>
      parseOne(
        identity('FP32', [2, 3]),
        row(
          [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
          [1, 2, 3],
        ),
      ),
    /Shape does not match/,
  );
});

test('Tensors: nested and flat accepted alike', () => {
  const model = identity('INT32', [2, 3]);
  const shapes = [
    [1, 2, 3, 4, 5, 6],
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      [
        [[1], [2], [3]],
        [[4], [5], [6]],
      ],
    ],
  ];
  for (const data of shapes) {
    const request = parseOne(model, tensorOf('INT32', [1, 2, 3], data));
    assert.deepEqual(bytesOf(request), Buffer.from(Int32Array.of(1, 2, 3, 4, 5, 6).buffer));
  }
});

test('an empty variable axis is an empty tensor', () => {
  for (const data of [[], [[]], [[], []]]) {
    const request = parseOne(identity('FP32'), row(data, [2, 0]));
    assert.equal(bytesOf(request).length, 0);
    assert.equal(request.group, '0');
  }
});

test('Tensors: BYTES with NUL or lone surrogates 400, other text as UTF-8 with its length', () => {
  const model = identity('BYTES', [-1]);
  const request = parseOne(model, tensorOf('BYTES', [1, 3], [['a', '', 'grün\n"']]));
  assert.equal(bytesOf(request).toString('hex'), '01000000610000000007000000' + Buffer.from('grün\n"').toString('hex'));
  refused(() => parseOne(model, tensorOf('BYTES', [1, 1], ['a\0b'])), /contains NUL/);
  refused(() => parseOne(model, tensorOf('BYTES', [1, 1], [1])), /a string is expected/);
  refused(() => parseOne(model, tensorOf('BYTES', [1, 1], [null])), /a string is expected/);
  refused(
    () => parseText(model, '{"inputs":[{"name":"X","shape":[1,1],"datatype":"BYTES","data":["\\ud800"]}]}'),
    /lone surrogate/,
  );
});
