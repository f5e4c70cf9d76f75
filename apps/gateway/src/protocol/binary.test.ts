/** Binary tensor data and raw requests. Lines of inputs.md under Binary extension, and those of Tensors for binary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import { parseInferRequest } from './parse-infer.ts';
import {
  SIMPLE,
  bytesOf,
  identity,
  modelOf,
  ones,
  parseBinary,
  parseOne,
  refused,
  simpleInput,
} from './testing/samples.ts';

const X = (datatype: Datatype, shape: number[], size: unknown, name = 'X'): Record<string, unknown> => ({
  name,
  datatype,
  shape,
  parameters: { binary_data_size: size },
});
const fp32 = identity('FP32', [2]);
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const strings = (...elements: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(
    elements.flatMap((element) => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(element.length);
      return [head, typeof element === 'string' ? Buffer.from(element) : Buffer.from(element)];
    }),
  );

test('binary inputs are views of the body in the order of the request', () => {
  const json = JSON.stringify({ inputs: [X('INT32', [1, 16], 64, 'INPUT1'), X('INT32', [1, 16], 64, 'INPUT0')] });
  const body = Buffer.concat([Buffer.from(json), Buffer.alloc(64, 1), Buffer.alloc(64, 2)]);
  const request = parseInferRequest(SIMPLE, body, String(json.length));
  assert.deepEqual(
    request.inputs.map(({ position }) => position),
    [0, 1],
  );
  assert.equal(bytesOf(request, 0)[0], 2);
  assert.equal(bytesOf(request, 1)[0], 1);
  for (const { data } of request.inputs) assert.equal(data.buffer, body.buffer);
});

test('Binary extension: header length > body, -1, "abc", empty, twice, 99999999999: 400', () => {
  const json = { inputs: [X('FP32', [1, 2], 8)] };
  const size = JSON.stringify(json).length;
  const values = [
    '-1',
    'abc',
    '',
    ' ',
    `${size}, ${size}`,
    '99999999999',
    '1e2',
    '0x10',
    '1.0',
    `+${size}`,
    String(size + 9),
    '9'.repeat(99),
  ];
  for (const header of values)
    refused(() => parseBinary(fp32, json, floats(1, 2), header), /nference.header/i, 'bad_request');
  refused(() => parseBinary(fp32, json, floats(1, 2), '5'), /failed to parse the request JSON/);
  assert.ok(parseBinary(fp32, json, floats(1, 2), `0${size}`));
});

test('Binary extension: 0 with a JSON body 400', () => {
  const body = Buffer.from(JSON.stringify({ inputs: [simpleInput('INPUT0')] }));
  const text =
    "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'simple' model configuration";
  refused(() => parseInferRequest(SIMPLE, body, '0'), text, 'invalid_input');
  refused(() => parseInferRequest(fp32, body, '0'), /^input byte size mismatch for input 'X'/);
});

test('Binary extension: size ≠ shape × element 400', () => {
  const text = "input byte size mismatch for input 'X' for model 'M'. Expected 8, got 4";
  refused(() => parseBinary(fp32, { inputs: [X('FP32', [1, 2], 4)] }, floats(1)), text, 'invalid_input');
  refused(
    () => parseBinary(fp32, { inputs: [X('FP32', [1, 2], 12)] }, floats(1, 2, 3)),
    /^input byte size mismatch for input/,
  );
  for (const size of [-1, 1.5, '8', null, 2 ** 60, true]) {
    refused(() => parseBinary(fp32, { inputs: [X('FP32', [1, 2], size)] }, floats(1, 2)), /binary_data_size/);
  }
});

test('Binary extension: sum of sizes ≠ tail 400', () => {
  const json = { inputs: [X('FP32', [1, 2], 8)] };
  refused(
    () => parseBinary(fp32, json, floats(1, 2, 3)),
    "unexpected additional input data for model 'M'",
    'invalid_input',
  );
  refused(
    () => parseBinary(fp32, json, floats(1)),
    "unexpected size for input 'X', expecting 4 additional bytes for model 'M'",
  );
  refused(() => parseInferRequest(fp32, Buffer.from(JSON.stringify(json)), undefined), /expecting 8 additional bytes/);
});

test('Binary extension: both data kinds 400', () => {
  const text =
    "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But ";
  const input = { ...X('FP32', [1, 2], 8), data: [1, 2] };
  refused(() => parseBinary(fp32, { inputs: [input] }, floats(1, 2)), `${text}set 'data' 'binary_data_size'`);
  refused(() => parseOne(fp32, { name: 'X', datatype: 'FP32', shape: [1, 2] }), `${text}no field is set`);
});

test('Binary extension: BYTES length prefix past the end or cut 400', () => {
  const model = identity('BYTES', [-1]);
  const send = (count: number, bytes: Uint8Array): unknown =>
    parseBinary(model, { inputs: [X('BYTES', [1, count], bytes.length)] }, bytes);
  const good = strings('ab', '', 'c');
  assert.ok(send(3, good));
  refused(() => send(3, good.subarray(0, good.length - 1)), /incomplete string data for input 'X'/);
  refused(() => send(3, good.subarray(0, 8)), /incomplete string length|unexpected number/);
  refused(() => send(1, Buffer.from([255, 255, 255, 255])), /incomplete string data/);
  refused(() => send(1, Buffer.from([1, 0, 0])), /incomplete string length/);
  for (const count of [2, 4]) refused(() => send(count, good), /unexpected number of string elements for input 'X'/);
  assert.ok(send(0, Buffer.alloc(0)));
});

test('Tensors: BYTES with NUL or invalid UTF-8 400', () => {
  const model = identity('BYTES', [1]);
  const send = (element: string | Uint8Array): unknown => {
    const bytes = strings(element);
    return parseBinary(model, { inputs: [X('BYTES', [1, 1], bytes.length)] }, bytes);
  };
  refused(() => send('a\0b'), /contains NUL/);
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82]])
    refused(() => send(Uint8Array.from(bytes)), /not UTF-8/);
  assert.ok(send(Buffer.from('grün \u{1f600}')));
});

test('Binary extension: unaligned offsets give right answers', () => {
  for (const padding of ['', ' ', '  ', '   ']) {
    const json = { pad: padding, inputs: [X('FP32', [1, 2], 8)] };
    assert.deepEqual(bytesOf(parseBinary(fp32, json, floats(1.5, -2))), Buffer.from(floats(1.5, -2)));
  }
});

test('Binary extension: binary for one tensor and JSON for another ok', () => {
  const json = { inputs: [simpleInput('INPUT0'), X('INT32', [1, 16], 64, 'INPUT1')] };
  const request = parseBinary(SIMPLE, json, Buffer.alloc(64, 3));
  assert.equal(bytesOf(request, 0).readInt32LE(), 1);
  assert.equal(bytesOf(request, 1)[5], 3);
});

test('Binary extension: shared_memory_region 400', () => {
  const region = { shared_memory_region: 'r', shared_memory_byte_size: 8 };
  refused(
    () => parseOne(fp32, { name: 'X', datatype: 'FP32', shape: [1, 2], parameters: region }),
    /shared memory is not supported/,
  );
  const input = { name: 'X', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
  const outputs = [{ name: 'X', parameters: region }];
  refused(() => parseBinary(fp32, { inputs: [input], outputs }, Buffer.alloc(0)), /shared memory is not supported/);
});

test('Tensors: NaN and infinity in binary input: policy per model', () => {
  const cases: [Datatype, Uint8Array][] = [];
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    cases.push(['FP32', floats(1, value)], ['FP64', new Uint8Array(Float64Array.of(1, value).buffer)]);
  }
  for (const half of [0x7c00, 0xfc00, 0x7e00])
    cases.push(['FP16', new Uint8Array(Uint16Array.of(0x3c00, half).buffer)]);
  const outputs = { parameters: { binary_data_output: true } };
  for (const [datatype, bytes] of cases) {
    const json = { inputs: [X(datatype, [1, 2], bytes.length)], ...outputs };
    assert.deepEqual(bytesOf(parseBinary(identity(datatype, [2]), json, bytes)), Buffer.from(bytes));
    refused(() => parseBinary(identity(datatype, [2], { nan: 'reject' }), json, bytes), /contains NaN or infinity/);
  }
  const largest = floats(3.4028234663852886e38, -1e-45);
  assert.ok(parseBinary(identity('FP32', [2], { nan: 'reject' }), { inputs: [X('FP32', [1, 2], 8)] }, largest));
});

test('Tensors: BOOL 2 400', () => {
  const model = identity('BOOL', [2]);
  refused(
    () => parseBinary(model, { inputs: [X('BOOL', [1, 2], 2)] }, Uint8Array.of(1, 2)),
    "input 'X': a BOOL is 0 or 1",
  );
  assert.ok(parseBinary(model, { inputs: [X('BOOL', [1, 2], 2)] }, Uint8Array.of(1, 0)));
});

test('Tensors: FP16 as binary is taken', () => {
  const json = { inputs: [X('FP16', [1, 2], 4)], parameters: { binary_data_output: true } };
  assert.deepEqual(
    bytesOf(parseBinary(identity('FP16', [2]), json, Uint8Array.of(1, 2, 3, 4))),
    Buffer.from([1, 2, 3, 4]),
  );
});

test('a raw request gets batch 1, its one variable axis from its length, and binary outputs', () => {
  const raw = (shape: number[], bytes: number, maxBatchSize = 8) =>
    parseInferRequest(identity('FP32', shape, { maxBatchSize }), Buffer.alloc(bytes), '0');
  assert.deepEqual(raw([-1], 32).inputs[0]?.shape, [1, 8]);
  assert.deepEqual(raw([2, -1], 32).inputs[0]?.shape, [1, 2, 4]);
  assert.deepEqual(raw([2, -1], 32, 0).inputs[0]?.shape, [2, 4]);
  assert.deepEqual(raw([-1], 0).inputs[0]?.shape, [1, 0]);
  assert.equal(
    raw([8], 32).outputs.every(({ binary }) => binary),
    true,
  );
  for (const [shape, bytes] of [
    [[8], 31],
    [[8], 36],
    [[-1], 33],
    [[3, -1], 32],
    [[0, -1], 4],
  ] as [number[], number][]) {
    refused(() => raw(shape, bytes), /^input byte size mismatch for input 'X'/);
  }
});

test('a raw request whose shape cannot be deduced 400', () => {
  const text =
    "The shape of the raw input 'X' can not be deduced because there are more than one variable-sized dimension";
  refused(() => parseInferRequest(identity('FP16', [-1, -1]), Buffer.alloc(8), '0'), text, 'invalid_input');
  const many = modelOf({ inputs: ['A', 'B', 'C'].map((name) => ({ name, datatype: 'FP32', shape: [1] })) });
  refused(
    () => parseInferRequest(many, Buffer.alloc(4), '0'),
    /Raw request must only have 1 input \(found 1\) to be deduced but got 3 inputs in 'M'/,
  );
});

test('a raw BYTES request is its only element, without a length before it', () => {
  const request = parseInferRequest(identity('BYTES', [1]), Buffer.from('427'), '0');
  assert.deepEqual(bytesOf(request), Buffer.from('\x03\0\0\x00427', 'latin1'));
  const text = "For BYTE datatype raw input 'X', the model must have input shape [1]";
  for (const shape of [[-1], [2], ones(1).concat(3)]) {
    refused(() => parseInferRequest(identity('BYTES', shape), Buffer.from('427'), '0'), text, 'invalid_input');
  }
  refused(() => parseInferRequest(identity('BYTES', [1]), Buffer.from('a\0'), '0'), /contains NUL/);
});
