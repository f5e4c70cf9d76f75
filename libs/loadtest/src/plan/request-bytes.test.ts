import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DATATYPES, type Datatype } from '@batchyard/shared/contract/tensor';
import fc from 'fast-check';

import type { Form, RequestKind, Target } from './load-plan.ts';
import { buildRequest } from './request-bytes.ts';

const target: Target = { host: 'h', port: 80, secure: false, basePath: '', authorization: 'Bearer k' };
const way = { target, timeoutMs: 5_000 };
const kindOf = (form: Form, ...inputs: RequestKind['inputs']): RequestKind => ({
  name: 'm',
  model: 'm',
  version: undefined,
  priority: 'high',
  weight: 1,
  form,
  inputs,
});
const input = (datatype: Datatype, shape: readonly number[] = [1, 3]) => ({ name: 'A', datatype, shape });

/** Head lines and body. */
function parts(bytes: Buffer): { head: string; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n');
  return { head: bytes.subarray(0, end).toString(), body: bytes.subarray(end + 4) };
}

test('a JSON request names the model, its class, its deadline and the exact length', () => {
  const { head, body } = parts(buildRequest(kindOf('json', input('INT32')), way).stamped(0));
  assert.match(head, /^POST \/v2\/models\/m\/infer HTTP\/1\.1\r\nHost: h:80\r\nAuthorization: Bearer k/);
  assert.match(head, /Batchyard-Priority: high\r\nBatchyard-Timeout-Ms: 5000/);
  assert.match(head, new RegExp(`Content-Length: ${body.byteLength}$`));
  assert.deepEqual(JSON.parse(body.toString()), {
    inputs: [{ name: 'A', shape: [1, 3], datatype: 'INT32', data: [0, 0, 0] }],
  });
});

test('numbers give different inputs of the same length, in every datatype and both forms', () => {
  for (const form of ['json', 'binary'] as const)
    for (const datatype of DATATYPES) {
      if (datatype === 'FP16' && form === 'json') continue;
      const request = buildRequest(kindOf(form, input(datatype)), way);
      const some = Math.min(8, request.distinct);
      const made = Array.from({ length: some }, (_, number) => request.stamped(number).toString('latin1'));
      assert.equal(new Set(made).size, some, `${datatype} as ${form}`);
      assert.equal(new Set(made.map(({ length }) => length)).size, 1);
      if (form === 'json') {
        const { body } = parts(Buffer.from(made[some - 1] ?? '', 'latin1'));
        const data = (JSON.parse(body.toString()) as { inputs: { data: unknown[] }[] }).inputs[0]?.data;
        assert.equal(data?.length, 3);
      }
    }
});

test('the same number gives the same bytes, and others that are distinct while there are any left', () => {
  const request = buildRequest(kindOf('json', input('BOOL', [4]), { ...input('UINT8', [2]), name: 'B' }), way);
  assert.equal(request.distinct, 2 ** 4 * 10 ** 2);
  fc.assert(
    fc.property(fc.nat(1_599), fc.nat(1_599), (a, b) => {
      assert.equal(request.stamped(a).equals(request.stamped(b)), a === b);
    }),
  );
});

test('binary tensors have the sizes that the header tells, little-endian', () => {
  const request = buildRequest(kindOf('binary', input('INT16'), { ...input('BYTES', [1, 1]), name: 'B' }), way);
  const { head, body } = parts(request.stamped(321));
  const length = Number(/Inference-Header-Content-Length: (\d+)/.exec(head)?.[1]);
  const described = JSON.parse(body.subarray(0, length).toString()) as {
    inputs: { parameters: { binary_data_size: number } }[];
  };
  assert.deepEqual(
    described.inputs.map(({ parameters }) => parameters.binary_data_size),
    [6, 11],
  );
  const data = body.subarray(length);
  assert.equal(data.byteLength, 17);
  assert.deepEqual([data.readInt16LE(0), data.readInt16LE(2), data.readInt16LE(4)], [1, 2, 3]);
  assert.equal(data.readUInt32LE(6), 7);
  assert.match(data.subarray(10).toString(), /^w\d{6}$/);
});

test('FP16 goes out as binary, and bodies of a file as they are, in turn', () => {
  assert.match(
    parts(buildRequest(kindOf('json', input('FP16')), way).stamped(1)).head,
    /Inference-Header-Content-Length/,
  );
  const request = buildRequest({ ...kindOf('json'), bodies: ['{"a":1}', '{"b":"ä"}'] }, way);
  assert.equal(parts(request.stamped(3)).body.toString(), '{"b":"ä"}');
  assert.match(parts(request.stamped(3)).head, /Content-Length: 10$/);
});
