/** Requests and answers as bytes: what is written here is read by the same rules as the server's, in both forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { encodeRequest, HEADER_LENGTH, type InferRequest } from './request.ts';
import { decodeResponse } from './response.ts';
import { ARRAYS, tensor, type Datatype, type Tensor } from './tensor.ts';

const ALL = [...Object.keys(ARRAYS), 'BYTES'] as Datatype[];

/** A tensor of random bits; in JSON the floats are numbers, as NaNs differ in their bits only. */
const anyTensor = (datatypes: readonly Datatype[]): fc.Arbitrary<Tensor> =>
  fc.constantFrom(...datatypes).chain((datatype): fc.Arbitrary<Tensor> => {
    if (datatype === 'BYTES')
      return fc
        .array(fc.string({ unit: 'grapheme' }), { maxLength: 9 })
        .map((all) => tensor('BYTES', [all.length], all));
    if (datatype === 'BOOL')
      return fc.array(fc.boolean(), { maxLength: 9 }).map((all) => tensor('BOOL', [all.length], all));
    const { BYTES_PER_ELEMENT: size } = ARRAYS[datatype];
    return fc.uint8Array({ minLength: 0, maxLength: 72 }).map((bytes) => {
      const data = new ARRAYS[datatype](bytes.slice(0, Math.floor(bytes.length / size) * size).buffer);
      return { datatype, shape: [data.length], data } as Tensor;
    });
  });

/** The request as an answer that gives its inputs back; the form of the header is the same. */
function asAnswer(request: InferRequest): ReturnType<typeof decodeResponse> {
  const { body, headers } = encodeRequest(request);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const length = Number(headers[HEADER_LENGTH] ?? bytes.length);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))) as { inputs: unknown[] };
  const answer = new TextEncoder().encode(
    JSON.stringify({ model_name: 'm', model_version: '1', outputs: head.inputs }),
  );
  const whole = new Uint8Array(answer.length + bytes.length - length);
  whole.set(answer);
  whole.set(bytes.subarray(length), answer.length);
  return decodeResponse(whole.buffer, headers[HEADER_LENGTH] === undefined ? undefined : answer.length);
}

test('every tensor comes back with the same bits in the binary form, wherever it lies', () => {
  fc.assert(
    fc.property(fc.array(anyTensor(ALL), { maxLength: 5 }), (tensors) => {
      const inputs = Object.fromEntries(tensors.map((one, i) => [`T${i}`, one]));
      assert.deepEqual(asAnswer({ model: 'm', inputs }).outputs, inputs);
    }),
  );
});

test('every tensor comes back with the same values in JSON', () => {
  fc.assert(
    fc.property(fc.array(anyTensor(ALL), { maxLength: 5 }), (tensors) => {
      const inputs = Object.fromEntries(tensors.map((one, i) => [`T${i}`, one]));
      const { outputs } = asAnswer({ model: 'm', inputs, format: 'json' });
      for (const [name, { data }] of Object.entries(inputs)) {
        const got = outputs[name]?.data ?? [];
        assert.equal(got.length, data.length);
        // JSON has one zero.
        data.forEach((value, i) =>
          assert.ok(Object.is(got[i], value) || (got[i] === 0 && value === 0) || value instanceof Uint8Array),
        );
      }
    }),
  );
});

test('the header says what goes over the wire', () => {
  const inputs = { A: tensor('INT8', [2], [1, -1]), B: tensor('BYTES', [1, 2], ['x', 'yz']) };
  const { body, headers } = encodeRequest({
    model: 'm',
    id: '7',
    inputs,
    outputs: ['C', { name: 'D', classification: 3 }],
    parameters: { sequence: 1 },
  });
  assert.ok(typeof body !== 'string');
  const length = Number(headers[HEADER_LENGTH]);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(body.subarray(0, length))), {
    id: '7',
    parameters: { sequence: 1 },
    inputs: [
      { name: 'A', datatype: 'INT8', shape: [2], parameters: { binary_data_size: 2 } },
      { name: 'B', datatype: 'BYTES', shape: [1, 2], parameters: { binary_data_size: 11 } },
    ],
    outputs: [
      { name: 'C', parameters: { binary_data: true } },
      { name: 'D', parameters: { binary_data: true, classification: 3 } },
    ],
  });
  assert.deepEqual([...body.subarray(length)], [1, 255, 1, 0, 0, 0, 120, 2, 0, 0, 0, 121, 122]);
});

test('integers beyond 2^53 and named floats of a JSON answer are exact', () => {
  const text =
    '{"model_name":"m","id":"\\"99999999999999999999","outputs":[{"name":"I","datatype":"INT64","shape":[3],"data":[[9223372036854775807],[-9007199254740993],[5]]},' +
    '{"name":"F","datatype":"FP64","shape":[5],"data":["NaN","-Infinity",0.12345678901234567,1e300,12345678901234567890]}]}';
  const { id, outputs, version } = decodeResponse(new TextEncoder().encode(text).buffer, undefined);
  assert.equal(id, '"99999999999999999999');
  assert.equal(version, '');
  assert.deepEqual(outputs['I']?.data, new BigInt64Array([9223372036854775807n, -9007199254740993n, 5n]));
  assert.deepEqual(
    outputs['F']?.data,
    Float64Array.from(['NaN', '-Infinity', '0.12345678901234567', '1e300', '12345678901234567890'], Number),
  );
});

test('an answer that does not add up is a failure, not wrong numbers', () => {
  const answer = (outputs: unknown): string => JSON.stringify({ model_name: 'm', outputs });
  const bad = [
    '{',
    answer([{ name: 'A', datatype: 'FP32', shape: [2], data: [1] }]),
    answer([{ name: 'A', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } }]),
    answer([{ name: 'A', datatype: 'X', shape: [1], data: [1] }]),
  ];
  for (const text of bad) {
    const { buffer } = new TextEncoder().encode(text);
    assert.throws(() => decodeResponse(buffer, undefined), { code: 'internal', retryable: false });
  }
  assert.throws(() => decodeResponse(new ArrayBuffer(3), 4), /header is longer/);
});
