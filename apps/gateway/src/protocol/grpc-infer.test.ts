import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';
import fc from 'fast-check';

import type { GrpcContents, GrpcInferRequest, GrpcInput } from './grpc-messages.ts';
import { grpcInferResponse, parseGrpcInfer } from './grpc-infer.ts';
import { parseInferRequest } from './parse-infer.ts';
import { bytesOf, identity, parseBody, tensorOf } from './testing/samples.ts';

const NONE: GrpcContents = {
  bool_contents: [],
  int_contents: [],
  int64_contents: [],
  uint_contents: [],
  uint64_contents: [],
  fp32_contents: [],
  fp64_contents: [],
  bytes_contents: [],
};
const input = (datatype: string, shape: readonly number[], contents: Partial<GrpcContents> | null): GrpcInput => ({
  name: 'X',
  datatype,
  shape: shape.map(String),
  parameters: {},
  contents: contents === null ? null : { ...NONE, ...contents },
});
const request = (inputs: readonly GrpcInput[], changes: Partial<GrpcInferRequest> = {}): GrpcInferRequest => ({
  model_name: 'M',
  model_version: '',
  id: '',
  parameters: {},
  inputs,
  outputs: [],
  raw_input_contents: [],
  ...changes,
});
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
};

test('a request over gRPC is the one over HTTP', () => {
  const model = identity('INT64', [-1]);
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 10_000_000 }),
      (values, priority, timeout) => {
        const shape = [1, values.length];
        const raw = Buffer.from(BigInt64Array.from(values).buffer);
        const parameters = { priority: { parameter_choice: 'int64_param', int64_param: String(priority) } };
        const timed = { ...parameters, timeout: { parameter_choice: 'uint64_param', uint64_param: String(timeout) } };
        const same = { id: 'x', parameters: timed };
        const head = { name: 'X', datatype: 'INT64', shape, parameters: { binary_data_size: raw.length } };
        const json = Buffer.from(
          JSON.stringify({ id: 'x', parameters: { priority, timeout, binary_data_output: true }, inputs: [head] }),
        );
        const expected = parseInferRequest(model, Buffer.concat([json, raw]), String(json.length));
        const untyped = request([input('INT64', shape, null)], { ...same, raw_input_contents: [raw] });
        assert.deepEqual(parseGrpcInfer(model, untyped), expected);
        const typed = parseGrpcInfer(
          model,
          request([input('INT64', shape, { int64_contents: values.map(String) })], same),
        );
        assert.deepEqual(bytesOf(typed), raw);
      },
    ),
  );
});

test('an integer that its datatype cannot hold is refused, and every other kept', () => {
  const ranges = { INT8: [-128, 127], INT16: [-32_768, 32_767], UINT8: [0, 255], UINT16: [0, 65_535] } as const;
  for (const [datatype, [least, most]] of Object.entries(ranges)) {
    const model = identity(datatype as 'INT8', [-1]);
    const field = datatype.startsWith('U') ? 'uint_contents' : 'int_contents';
    const parsed = (value: number) => parseGrpcInfer(model, request([input(datatype, [1, 1], { [field]: [value] })]));
    for (const value of [least, most])
      assert.equal(
        refusal(() => parsed(value)),
        'accepted',
      );
    for (const value of [least - 1, most + 1])
      assert.match(
        refusal(() => parsed(value)),
        /out of range/,
      );
  }
});

test('data must be there, once, and of the datatype', () => {
  const model = identity('FP32', [-1]);
  const raw_input_contents = [Buffer.alloc(4)];
  const cases: [GrpcInferRequest, RegExp][] = [
    [request([input('FP32', [1, 1], null)]), /unable to find data/],
    [request([input('FP32', [1, 1], { fp32_contents: [1] })], { raw_input_contents }), /must not be specified/],
    [request([], { raw_input_contents }), /unexpected additional input data/],
    [request([input('FP32', [1, 1], { fp64_contents: [1] })]), /'fp64_contents' is set, but datatype FP32 is in/],
    [request([input('FP32', [1, 2], { fp32_contents: [1] })]), /byte size mismatch/],
    [request([{ ...input('FP32', [1, 1], null), parameters: { shared_memory_region: {} } }]), /shared memory/],
  ];
  for (const [asked, text] of cases)
    assert.match(
      refusal(() => parseGrpcInfer(model, asked)),
      text,
    );
});

test('what only decoupled models have a use for is ignored; other reserved parameters are refused', () => {
  const model = identity('FP32', [-1]);
  const flag = { parameter_choice: 'bool_param', bool_param: true };
  const asked = (name: string) =>
    request([input('FP32', [1, 1], { fp32_contents: [1] })], { parameters: { [name]: flag } });
  assert.equal(
    refusal(() => parseGrpcInfer(model, asked('triton_enable_empty_final_response'))),
    'accepted',
  );
  assert.match(
    refusal(() => parseGrpcInfer(model, asked('triton_else'))),
    /reserved/,
  );
});

test('an answer has the tensors in the asked order, raw', () => {
  const model = identity('INT32', [2]);
  const { id } = parseBody(model, { id: 'r', inputs: [tensorOf('INT32', [1, 2], [1, 2])] });
  const data = new Uint8Array(8);
  const answer = grpcInferResponse(model, { id }, [{ position: 0, datatype: 'INT32', shape: [1, 2], data }], true);
  assert.deepEqual(answer.outputs, [{ name: 'X', datatype: 'INT32', shape: [1, 2] }]);
  assert.equal(answer.raw_output_contents[0], data);
  assert.deepEqual([answer.id, answer.parameters], ['r', { triton_final_response: { bool_param: true } }]);
});
