import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { writeOnnx, type OnnxModel } from './onnx-writer.ts';

const sumAndScale: OnnxModel = {
  name: 'sum_and_scale',
  inputs: [
    { name: 'A', datatype: 'FP32', shape: ['batch', 3] },
    { name: 'B', datatype: 'FP32', shape: ['batch', 3] },
  ],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: ['batch', 3] }],
  nodes: [
    { op: 'Add', inputs: ['A', 'B'], outputs: ['sum'] },
    { op: 'Mul', inputs: ['sum', 'factor'], outputs: ['Y'] },
  ],
  initializers: [{ name: 'factor', datatype: 'FP32', shape: [3], data: [1, 10, 100] }],
};

test('a written model loads in onnxruntime and computes what its nodes say', async () => {
  const session = await InferenceSession.create(writeOnnx(sumAndScale));
  assert.deepEqual(session.inputNames, ['A', 'B']);
  const rows = (values: number[]) => new Tensor('float32', Float32Array.from(values), [2, 3]);
  const { Y } = await session.run({ A: rows([1, 2, 3, 4, 5, 6]), B: rows([1, 1, 1, 0, 0, 0]) });
  assert.deepEqual(Y?.dims, [2, 3]);
  assert.deepEqual(Array.from(Y.data as Float32Array), [2, 30, 400, 4, 50, 600]);
});

test('free dimensions keep their names, and the same description gives the same bytes', async () => {
  const session = await InferenceSession.create(writeOnnx(sumAndScale));
  const [first] = session.inputMetadata;
  assert.ok(first?.isTensor);
  assert.deepEqual(first.shape, ['batch', 3]);
  assert.deepEqual(writeOnnx(sumAndScale), writeOnnx(sumAndScale));
});

test('every kind of attribute reaches its operator', async () => {
  const session = await InferenceSession.create(
    writeOnnx({
      name: 'attributes',
      inputs: [{ name: 'X', datatype: 'FP32', shape: [2, 2] }],
      outputs: [
        { name: 'Y', datatype: 'INT64', shape: [2, 2] },
        { name: 'MODE', datatype: 'FP32', shape: [2] },
      ],
      nodes: [
        { op: 'Transpose', inputs: ['X'], outputs: ['t'], attributes: { perm: { ints: [1, 0] } } },
        { op: 'LeakyRelu', inputs: ['t'], outputs: ['r'], attributes: { alpha: { float: 2 } } },
        { op: 'Cast', inputs: ['r'], outputs: ['Y'], attributes: { to: { int: 7 } } },
        { op: 'Constant', inputs: [], outputs: ['c'], attributes: { value_floats: { floats: [0.5, 2.5] } } },
        { op: 'Pad', inputs: ['c', 'none'], outputs: ['MODE'], attributes: { mode: { string: 'reflect' } } },
      ],
      initializers: [{ name: 'none', datatype: 'INT64', shape: [2], data: [0n, 0n] }],
    }),
  );
  const { Y, MODE } = await session.run({ X: new Tensor('float32', Float32Array.of(1, -2, 3, -4), [2, 2]) });
  assert.deepEqual(Array.from(Y?.data as BigInt64Array), [1n, 3n, -4n, -8n]);
  assert.deepEqual(Array.from(MODE?.data as Float32Array), [0.5, 2.5]);
});

test('strings, raw bytes and lists are accepted as initializers', async () => {
  const session = await InferenceSession.create(
    writeOnnx({
      name: 'constants',
      inputs: [{ name: 'I', datatype: 'INT64', shape: [] }],
      outputs: [
        { name: 'WORD', datatype: 'BYTES', shape: [] },
        { name: 'HALF', datatype: 'FP32', shape: [] },
        { name: 'FLAG', datatype: 'BOOL', shape: [] },
      ],
      nodes: [
        { op: 'Gather', inputs: ['words', 'I'], outputs: ['WORD'] },
        { op: 'Gather', inputs: ['halves', 'I'], outputs: ['half'] },
        { op: 'Cast', inputs: ['half'], outputs: ['HALF'], attributes: { to: { int: 1 } } },
        { op: 'Gather', inputs: ['flags', 'I'], outputs: ['FLAG'] },
      ],
      initializers: [
        { name: 'words', datatype: 'BYTES', shape: [2], data: ['zero', 'ünë'] },
        { name: 'halves', datatype: 'FP16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
        { name: 'flags', datatype: 'BOOL', shape: [2], data: [false, true] },
      ],
    }),
  );
  const answer = await session.run({ I: new Tensor('int64', BigInt64Array.of(1n), []) });
  assert.equal(answer['WORD']?.data[0], 'ünë');
  assert.equal(answer['HALF']?.data[0], -2);
  assert.equal(answer['FLAG']?.data[0], 1);
});

test('a sequence input is written as one, for servers to refuse', async () => {
  const session = await InferenceSession.create(
    writeOnnx({
      name: 'sequence',
      inputs: [{ name: 'S', datatype: 'FP32', shape: ['n'], sequence: true }],
      outputs: [{ name: 'Y', datatype: 'INT64', shape: [] }],
      nodes: [{ op: 'SequenceLength', inputs: ['S'], outputs: ['Y'] }],
    }),
  );
  assert.equal(session.inputMetadata[0]?.isTensor, false);
});

test('initializer data that does not fit is refused', () => {
  const withData = (datatype: 'FP16' | 'FP32', data: number[]): OnnxModel => ({
    ...sumAndScale,
    initializers: [{ name: 'factor', datatype, shape: [3], data }],
  });
  assert.throws(() => writeOnnx(withData('FP32', [1, 2])), /factor: 2 values for 3 elements/);
  assert.throws(() => writeOnnx(withData('FP16', [1, 2, 3])), /FP16 needs its bytes/);
});
