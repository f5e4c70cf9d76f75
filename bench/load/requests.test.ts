import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buildRequest, createRequests, createStamps, type RequestMix, type RequestSpec } from './requests.ts';

const spec = (form: 'json' | 'binary', datatype: 'FP32' | 'INT32'): RequestSpec => ({
  model: 'some',
  form,
  inputs: [
    { name: 'A', datatype, shape: [1, 4] },
    { name: 'B', datatype: 'FP32', shape: [1, 2] },
  ],
});

type Body = { inputs: { name: string; shape: number[]; datatype: string; data: number[] }[] };

/** The two halves of a request, its Content-Length checked. */
function parts(bytes: Buffer): { head: string; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, end);
  const body = bytes.subarray(end + 4);
  assert.equal(/^Content-Length: (\d+)$/m.exec(head)?.[1], String(body.byteLength));
  return { head, body };
}

test('a JSON request is an infer request whose first element is the stamp', () => {
  for (const [datatype, expected] of [
    ['FP32', 0.000042],
    ['INT32', 1_000_042],
  ] as const) {
    const template = buildRequest(spec('json', datatype), 3);
    template.stamp(7_000_042);
    const { head, body } = parts(template.bytes);
    assert.match(head, /^POST \/v2\/models\/some\/infer HTTP\/1\.1\r\n/);
    const { inputs } = JSON.parse(body.toString()) as Body;
    assert.deepEqual(
      inputs.map(({ name, shape, datatype: type, data }) => [name, shape, type, data.length]),
      [
        ['A', [1, 4], datatype, 4],
        ['B', [1, 2], 'FP32', 2],
      ],
    );
    assert.equal(inputs[0]?.data[0], expected);
  }
});

test('a binary request says how long its header and its tensors are, and its first element is the stamp', () => {
  const template = buildRequest(spec('binary', 'INT32'), 3);
  template.stamp(41);
  const { head, body } = parts(template.bytes);
  const length = Number(/Inference-Header-Content-Length: (\d+)/.exec(head)?.[1]);
  const header = JSON.parse(body.toString('utf8', 0, length)) as {
    inputs: { parameters: { binary_data_size: number } }[];
    parameters: unknown;
  };
  assert.deepEqual(
    header.inputs.map(({ parameters }) => parameters.binary_data_size),
    [16, 8],
  );
  assert.deepEqual(header.parameters, { binary_data_output: true });
  assert.equal(body.byteLength, length + 24);
  assert.equal(body.readInt32LE(length), 41);
  const floats = buildRequest(spec('binary', 'FP32'), 3);
  floats.stamp(250_000);
  assert.equal(floats.bytes.readFloatLE(floats.bytes.byteLength - 24), 0.25);
});

test('every request differs from every other, except the share that is to repeat', () => {
  const mix: RequestMix = { specs: [spec('json', 'FP32'), spec('binary', 'INT32')], repeatEvery: 0 };
  const sent = (repeatEvery: number): Set<string> => {
    let stamp = 0;
    const connections = [0, 1, 2].map((i) => createRequests({ ...mix, repeatEvery }, i, () => (stamp += 1)));
    return new Set(connections.flatMap((next) => Array.from({ length: 40 }, () => next().toString('latin1'))));
  };
  assert.equal(sent(0).size, 120);
  // Half are fresh; the others are one of two payloads of each of three connections.
  assert.equal(sent(2).size, 60 + 6);
});

test('by Zipf every request is one of so many inputs, whichever connection sends it', () => {
  const zipf = { exponent: 1, inputs: 20, seed: 5 };
  for (const form of ['json', 'binary'] as const) {
    const mix: RequestMix = { specs: [spec(form, 'FP32')], repeatEvery: 0, zipf };
    const nextStamp = createStamps(mix);
    const connections = [0, 1, 2].map((i) => createRequests(mix, i, nextStamp));
    const sent = new Set(connections.flatMap((next) => Array.from({ length: 400 }, () => next().toString('latin1'))));
    assert.equal(sent.size, 20);
  }
});
