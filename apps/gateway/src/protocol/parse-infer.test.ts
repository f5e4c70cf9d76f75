/** JSON requests against their model, with Triton's texts. Lines of inputs.md under JSON, Names and Control. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('a request becomes tensors in the order of the model, its id, all outputs and no group', () => {
  const request = parseBody(SIMPLE, { id: 'seven', inputs: both.toReversed() });
  assert.equal(request.id, 'seven');
  assert.equal(request.rows, 1);
  assert.equal(request.group, '-');
  assert.equal(request.all, true);
  assert.deepEqual(request.outputs, [
    { position: 0, binary: false },
    { position: 1, binary: false },
  ]);
  assert.deepEqual(
    request.inputs.map(({ position, datatype, shape }) => ({ position, datatype, shape })),
    [0, 1].map((position) => ({ position, datatype: 'INT32', shape: [1, 16] })),
  );
  assert.equal(bytesOf(request, 1).readInt32LE(60), 1);
  assert.deepEqual(request.parameters, { priority: undefined, timeoutMs: undefined });
});

test('data before its name, datatype and shape is read as well', () => {
  const text = '{"inputs":[{"data":[[1.5,2],[3,4]],"shape":[2,2],"parameters":{},"datatype":"FP32","name":"X"}]}';
  const request = parseText(identity('FP32', [2]), text);
  assert.deepEqual(bytesOf(request), Buffer.from(Float32Array.of(1.5, 2, 3, 4).buffer));
  for (const data of ['[[1,2],[3,4]', '[[1,2],[3,x]]', '[[1,2],[3,4]}', '[1,2,3,4,]', '["a]"]', '5', '{}']) {
    refused(() => parseText(identity('FP32', [2]), text.replace('[[1.5,2],[3,4]]', data)), /./);
  }
  refused(() => parseText(fp32, `{"inputs":[{"data":${'['.repeat(101)}1${']'.repeat(101)}}]}`), /limit \(100\)/);
});

test('JSON: top level array, string, null 400', () => {
  for (const text of ['[]', '"x"', 'null', '1', 'true', ''])
    refused(() => parseText(SIMPLE, text), /an object is expected/);
});

test('JSON: empty object 400', () => {
  refused(() => parseText(SIMPLE, '{}'), /Unable to parse 'inputs'/, 'bad_request');
});

test('JSON: number as "1", true as 1 400', () => {
  refused(() => parseOne(fp32, row(['1', 2, 3, 4])), /unexpected '"'/);
  refused(() => parseOne(fp32, row([true, 2, 3, 4])), /unexpected 't'/);
  refused(() => parseOne(identity('BOOL', [1]), tensorOf('BOOL', [1, 1], [1])), /true or false is expected/);
});

test('JSON: duplicate name, shape or datatype keys 400', () => {
  for (const key of ['"name":"X"', '"shape":[1,4]', '"datatype":"FP32"', '"data":[1,2,3,4]', '"parameters":{}']) {
    const text = `{"inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","parameters":{},"data":[1,2,3,4],${key}}]}`;
    refused(() => parseText(fp32, text), /occurs twice/, 'bad_request');
  }
  refused(() => parseText(fp32, '{"inputs":[],"inputs":[]}'), /'inputs' occurs twice/);
});

test('JSON: depth 100 of data accepted for a tensor of one element, 101 and 250,000: 400', () => {
  const body = (depth: number): string =>
    `{"inputs":[{"name":"X","shape":[1,1],"datatype":"INT64","data":${'['.repeat(depth)}123${']'.repeat(depth)}}]}`;
  const model = identity('INT64', [1]);
  assert.equal(bytesOf(parseText(model, body(100))).readBigInt64LE(), 123n);
  for (const depth of [101, 250_000]) {
    refused(() => parseText(model, body(depth)), 'JSON nesting depth exceeds maximum allowed limit (100)');
  }
});

test('Tensors: duplicate or unknown output 400', () => {
  const ask = (...names: unknown[]): unknown =>
    parseBody(SIMPLE, { inputs: both, outputs: names.map((name) => ({ name })) });
  refused(() => ask('OUTPUT0', 'OUTPUT0'), "output 'OUTPUT0' already exists in request");
  refused(() => ask('Y'), "unexpected inference output 'Y' for model 'simple'");
  refused(() => ask(5), /Unable to parse 'name'/);
  refused(() => parseBody(SIMPLE, { inputs: both, outputs: 'OUTPUT0' }), /Unable to parse 'outputs'/);
  refused(() => parseBody(SIMPLE, { inputs: both, outputs: ['OUTPUT0'] }), /Unable to parse 'outputs'/);
});

test('outputs are answered in the asked order, and an empty list asks for all', () => {
  const outputs = [{ name: 'OUTPUT1', parameters: { binary_data: true } }, { name: 'OUTPUT0' }];
  const request = parseBody(SIMPLE, { inputs: both, outputs });
  assert.deepEqual(request.outputs, [
    { position: 1, binary: true },
    { position: 0, binary: false },
  ]);
  assert.equal(request.all, false);
  assert.equal(parseBody(SIMPLE, { inputs: both, outputs: [] }).all, true);
});

test('binary_data_output is what an output gets that does not say otherwise', () => {
  const outputs = [{ name: 'OUTPUT0' }, { name: 'OUTPUT1', parameters: { binary_data: false } }];
  const parameters = { binary_data_output: true };
  assert.deepEqual(
    parseBody(SIMPLE, { inputs: both, outputs, parameters }).outputs.map(({ binary }) => binary),
    [true, false],
  );
  assert.ok(parseBody(SIMPLE, { inputs: both, parameters }).outputs.every(({ binary }) => binary));
  refused(() => parseBody(SIMPLE, { inputs: both, parameters: { binary_data_output: 1 } }), /binary_data_output/);
  refused(
    () => parseBody(SIMPLE, { inputs: both, outputs: [{ name: 'OUTPUT0', parameters: { binary_data: 1 } }] }),
    /binary_data/,
  );
});

test('an optional input may be absent, and absence is part of the group', () => {
  const first = SIMPLE.inputs.slice(0, 1);
  const second = SIMPLE.inputs.slice(1);
  const model = modelOf({ ...SIMPLE, inputs: [...first, ...second.map((spec) => ({ ...spec, optional: true }))] });
  assert.equal(parseBody(model, { inputs: both }).group, '-');
  assert.equal(parseBody(model, { inputs: [both[0]] }).group, ',~');
  refused(() => parseBody(model, { inputs: [both[1]] }), /expected number of inputs between 1 and 2 but got 1 inputs/);
});

test('the group is the variable axes of every input', () => {
  const { inputs } = identity('FP32', [-1, 3, -1]);
  const model = modelOf({ inputs: [...inputs, ...inputs.map((spec) => ({ ...spec, name: 'Y', shape: [2] }))] });
  const y = { name: 'Y', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
  assert.equal(parseBody(model, { inputs: [y, row(ones(12), [1, 2, 3, 2])] }).group, '2x2,');
});

test('Names and ids: request id echoed as sent, at most 64 characters', () => {
  for (const id of ['', 'a', '\r\n', '\u{1f600}'.repeat(64), 'x'.repeat(64)])
    assert.equal(parseBody(SIMPLE, { id, inputs: both }).id, id);
  for (const id of ['x'.repeat(65), '\u{1f600}'.repeat(65), 5, null, {}])
    refused(() => parseBody(SIMPLE, { id, inputs: both }), /Unable to parse 'id'/);
});

test('Control: priority 0 to 4; -1, 1.5, 9, "high!" 400', () => {
  const priority = (value: unknown): unknown =>
    parseBody(SIMPLE, { inputs: both, parameters: { priority: value } }).parameters.priority;
  assert.deepEqual([0, 1, 2, 3, 4].map(priority), [undefined, 'critical', 'high', 'normal', 'low']);
  for (const value of [-1, 1.5, 9, 5, 'high!', 'high', true, null])
    refused(() => priority(value), /Unable to parse 'priority'/);
});

test('Control: timeout in microseconds; 0, -1, a fraction, a string 400; 1e12 is clamped to a day', () => {
  const timeout = (value: unknown): unknown =>
    parseBody(SIMPLE, { inputs: both, parameters: { timeout: value } }).parameters.timeoutMs;
  assert.deepEqual([1, 1000, 1001, 5_000_000, 1e12, 1e300].map(timeout), [1, 1, 2, 5000, 86_400_000, 86_400_000]);
  for (const value of [0, -1, 0.5, '5', null, true]) refused(() => timeout(value), /Unable to parse 'timeout'/);
  refused(() => parseText(SIMPLE, '{"parameters":{"timeout":NaN}}'), /unexpected 'N'/);
});

test("parameters that are Triton's own or no object 400, unknown ones are ignored", () => {
  refused(() => parseBody(SIMPLE, { inputs: both, parameters: { triton_x: 1 } }), /triton_/);
  for (const parameters of [[], 'x', null, 1])
    refused(() => parseBody(SIMPLE, { inputs: both, parameters }), /Unable to parse 'parameters'/);
  assert.ok(
    parseBody(SIMPLE, {
      inputs: both,
      parameters: { attempts: 9, removeOnComplete: true, nested: { a: [1] } },
      extra: {},
    }),
  );
});

test('classification: a positive integer, for outputs that have classes', () => {
  const ask = (classification: unknown, model = fp32): unknown =>
    parseBody(model, { inputs: [row(ones(4))], outputs: [{ name: 'X', parameters: { classification } }] }).outputs;
  assert.deepEqual(ask(3), [{ position: 0, binary: false, classification: 3 }]);
  for (const value of [0, -1, 1.5, '3', null]) refused(() => ask(value), /Unable to set 'classification'/);
  const text = modelOf({ ...fp32, outputs: identity('BYTES').outputs });
  refused(() => ask(1, text), /class result not available for output 'X' due to unsupported type 'BYTES'/);
});
