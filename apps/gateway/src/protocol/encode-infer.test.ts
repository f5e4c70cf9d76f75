/** Responses, and that what is encoded reads back bit for bit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '@batchyard/shared/contract/failure';
import { DATATYPES, type Datatype, ELEMENT_BYTES } from '@batchyard/shared/contract/tensor';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import fc from 'fast-check';
import { encodeInferResponse } from './encode-infer.ts';
import type { RequestedOutput } from './infer-request.ts';
import { parseInferRequest } from './parse-infer.ts';
import { SIMPLE, bytesOf, identity } from './testing/samples.ts';

const tensor = (datatype: Datatype, shape: number[], data: Uint8Array): BlobTensor => ({
  position: 0,
  datatype,
  shape,
  data,
});
const of = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer);

function encoded(one: BlobTensor, output: Partial<RequestedOutput> = {}) {
  const model = identity(one.datatype, [-1]);
  const outputs = [{ position: 0, binary: false, ...output }];
  return encodeInferResponse(model, { id: undefined, outputs }, { tensors: [one], requested: [] });
}
const dataText = (one: BlobTensor): string => /"data":(\[.*\])\}\]\}$/.exec(encoded(one).body.toString())?.[1] ?? '';
const single = (value: number): string => dataText(tensor('FP32', [1, 1], of(Float32Array.of(value)))).slice(1, -1);

/** A response as the request that sends its outputs back. */
const asRequest = (body: Buffer): Buffer =>
  Buffer.from(body.toString('latin1').replace('"outputs":', '"inputs":'), 'latin1');

test('a JSON response has id, model_name, model_version and outputs, in this order', () => {
  const tensors = [0, 1].map((position) => ({
    position,
    datatype: 'INT32' as const,
    shape: [1, 2],
    data: of(Int32Array.of(position, -7)),
  }));
  const outputs = [1, 0].map((position) => ({ position, binary: false }));
  const { body, headerLength } = encodeInferResponse(SIMPLE, { id: 'a"b\n', outputs }, { tensors, requested: [] });
  const text =
    '{"id":"a\\"b\\n","model_name":"simple","model_version":"1","outputs":[{"name":"OUTPUT1","datatype":"INT32","shape":[1,2],"data":[1,-7]},' +
    '{"name":"OUTPUT0","datatype":"INT32","shape":[1,2],"data":[0,-7]}]}';
  assert.equal(body.toString(), text);
  assert.equal(headerLength, undefined);
});

test('a response with a binary output has the bytes behind its JSON', () => {
  const tensors = [0, 1].map((position) => ({
    position,
    datatype: 'INT32' as const,
    shape: [1, 1],
    data: of(Int32Array.of(position)),
  }));
  const outputs = [
    { position: 1, binary: true },
    { position: 0, binary: false },
  ];
  const { body, headerLength } = encodeInferResponse(SIMPLE, { id: undefined, outputs }, { tensors, requested: [] });
  assert.ok(headerLength !== undefined);
  const json = JSON.parse(body.toString('utf8', 0, headerLength)) as { outputs: unknown[] };
  assert.deepEqual(json.outputs[0], {
    name: 'OUTPUT1',
    datatype: 'INT32',
    shape: [1, 1],
    parameters: { binary_data_size: 4 },
  });
  assert.deepEqual(body.subarray(headerLength), Buffer.from([1, 0, 0, 0]));
});

test('NaN and infinities are strings', () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const text = '["NaN","Infinity","-Infinity"]';
  assert.equal(dataText(tensor('FP32', [1, 3], of(Float32Array.from(values)))), text);
  assert.equal(dataText(tensor('FP64', [1, 3], of(Float64Array.from(values)))), text);
});

test('a float32 is its shortest decimal', () => {
  const known: [number, string][] = [
    [0.1, '0.1'],
    [-0, '-0.0'],
    [0, '0'],
    [16777216, '16777216'],
    [1e9, '1000000000'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [1.401298464324817e-45, '1e-45'],
    [1.1754943508222875e-38, '1.1754944e-38'],
    [-0.3333333432674408, '-0.33333334'],
    [1e-6, '0.000001'],
    [1.5e-7, '1.5e-7'],
    [123456.7890625, '123456.79'],
    [9.999999e20, '999999900000000000000'],
    [1e21, '1e+21'],
  ];
  for (const [value, text] of known) assert.equal(single(Math.fround(value)), text);
});

test('any float32 reads back bit for bit, and with no more digits than it needs unless it is a small integer', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (bits) => {
      const view = new DataView(new ArrayBuffer(4));
      view.setUint32(0, bits);
      const value = view.getFloat32(0);
      if (!Number.isFinite(value)) return;
      const text = single(value);
      assert.ok(Object.is(Math.fround(Number(text)), value), text);
      assert.doesNotThrow(() => void JSON.parse(text), text);
      if (Number.isInteger(value) && Math.abs(value) < 1e9) return;
      const precise = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((digits) => value.toPrecision(digits));
      // Not those half way to the next float32, which a reader of another rounding would take for that one.
      const safe = (t: string): boolean => [-1, 1].every((e) => Math.fround(Number(t) * (1 + e * 2 ** -49)) === value);
      const shortest = precise.find(safe) ?? '';
      const significant = (t: string): number => t.replace(/e.*|[-.]/g, '').replace(/^0+|0+$/g, '').length;
      assert.ok(significant(text) <= significant(shortest), `${text} ${shortest}`);
    }),
    { numRuns: 5000 },
  );
});

const tensorBytes: fc.Arbitrary<BlobTensor> = fc.constantFrom(...DATATYPES).chain((datatype) => {
  if (datatype === 'BYTES') {
    return fc.array(fc.string({ unit: 'binary' }), { maxLength: 6 }).map((texts) => {
      const elements = texts.map((text) => Buffer.from(text.replaceAll('\0', '')));
      const framed = elements.flatMap((element) => [Buffer.from(Uint32Array.of(element.length).buffer), element]);
      return tensor('BYTES', [1, elements.length], Buffer.concat(framed));
    });
  }
  const size = ELEMENT_BYTES[datatype];
  return fc.uint8Array({ maxLength: 12 * size }).map((bytes) => {
    const data = bytes.slice(0, bytes.length - (bytes.length % size));
    if (datatype === 'BOOL')
      return tensor(
        'BOOL',
        [1, data.length],
        data.map((byte) => byte & 1),
      );
    // No infinities and NaN, which JSON requests cannot carry: the top bit of the exponent is cleared.
    if (datatype.startsWith('FP'))
      for (let at = size - 1; at < data.length; at += size) data[at] = (data[at] ?? 0) & 0xbf;
    return tensor(datatype, [1, data.length / size], data);
  });
});

test('a JSON response reads back bit for bit, whatever the datatype; so does a binary one; they are the same', () => {
  fc.assert(
    fc.property(tensorBytes, (one) => {
      const model = identity(one.datatype, [-1]);
      const binary = encoded(one, { binary: true });
      const parameters = Buffer.from(binary.body);
      if (one.datatype !== 'FP16') {
        const json = parseInferRequest(model, asRequest(encoded(one).body), undefined);
        assert.deepEqual(bytesOf(json), Buffer.from(one.data), encoded(one).body.toString());
        const back = parseInferRequest(model, patched(parameters), String((binary.headerLength ?? 0) - 1));
        assert.deepEqual({ ...back, inputs: bytesOf(back) }, { ...json, inputs: bytesOf(json) });
        const nested = encoded(one).body.toString().replace('"data":[', '"data":[[').replace(']}]}', ']]}]}');
        assert.deepEqual(
          bytesOf(parseInferRequest(model, asRequest(Buffer.from(nested)), undefined)),
          Buffer.from(one.data),
        );
      }
      assert.deepEqual(binary.body.subarray(binary.headerLength), Buffer.from(one.data));
    }),
    { numRuns: 1500 },
  );
});

/** `"outputs"` is one byte longer than `"inputs"`. */
function patched(body: Buffer): Buffer {
  const at = body.indexOf('"outputs"');
  return Buffer.concat([body.subarray(0, at), Buffer.from('"inputs"'), body.subarray(at + 9)]);
}

test('denormals, -0 and the largest floats come back bit-exact through JSON', () => {
  const fp32 = of(Float32Array.of(1e-45, -0, 3.4028234663852886e38, -1.1754942e-38));
  const fp64 = of(Float64Array.of(5e-324, -0, Number.MAX_VALUE, -2.225073858507201e-308));
  for (const one of [tensor('FP32', [1, 4], fp32), tensor('FP64', [1, 4], fp64)]) {
    const request = parseInferRequest(identity(one.datatype), asRequest(encoded(one).body), undefined);
    assert.deepEqual(bytesOf(request), Buffer.from(one.data));
    assert.match(dataText(one), /,-0\.0,/);
  }
});

test('INT64 and UINT64 are exact number tokens', () => {
  assert.equal(
    dataText(tensor('INT64', [1, 3], of(BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n, -1n)))),
    '[-9223372036854775808,9007199254740993,-1]',
  );
  assert.equal(
    dataText(tensor('UINT64', [1, 2], of(BigUint64Array.of(2n ** 64n - 1n, 4_000_000_000_000n)))),
    '[18446744073709551615,4000000000000]',
  );
});

test('any JSON is parsed to a request or a Failure, whatever bytes of a good one are changed', () => {
  const text =
    '{"id":"a","parameters":{"timeout":5},"inputs":[{"name":"X","shape":[1,3],"datatype":"FP32","data":[1.5,[2],-3e1]}],"outputs":[{"name":"X"}]}';
  const change = fc.record({
    at: fc.nat(text.length),
    cut: fc.nat(6),
    put: fc.uint8Array({ maxLength: 3 }),
    header: fc.option(fc.nat(200).map(String)),
  });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...DATATYPES),
      (changes, datatype) => {
        let body = Buffer.from(text.replace('FP32', datatype));
        for (const { at, cut, put } of changes)
          body = Buffer.concat([body.subarray(0, at), put, body.subarray(at + cut)]);
        try {
          parseInferRequest(identity(datatype), body, changes[0]?.header ?? undefined);
        } catch (error) {
          assert.ok(error instanceof Failure, String(error));
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test('a result that JSON cannot carry, or that lacks an output, is a Failure', () => {
  const broken = tensor('BYTES', [1, 1], Uint8Array.of(1, 0, 0, 0, 0xff));
  assert.throws(
    () => encoded(broken),
    (error) => error instanceof Failure && error.code === 'model_error',
  );
  assert.throws(() => encoded(tensor('BYTES', [1, 1], Uint8Array.of(9, 0, 0, 0))), Failure);
  assert.throws(() => encoded(tensor('FP16', [1, 1], Uint8Array.of(0, 0))), Failure);
  assert.throws(
    () =>
      encodeInferResponse(
        SIMPLE,
        { id: undefined, outputs: [{ position: 1, binary: false }] },
        { tensors: [], requested: [] },
      ),
    Failure,
  );
});

test('classification answers the largest values of each row with their indices', () => {
  const scores = tensor('FP32', [2, 3], of(Float32Array.of(0.25, 0.5, 0.5, -1, Number.NaN, 7)));
  const { body } = encoded(scores, { classification: 2 });
  const { outputs } = JSON.parse(body.toString()) as { outputs: unknown[] };
  assert.deepEqual(outputs, [
    { name: 'X', datatype: 'BYTES', shape: [2, 2], data: ['0.500000:1', '0.500000:2', '7.000000:2', '-1.000000:0'] },
  ]);
  const output = { position: 0, binary: false, classification: 3 };
  const labels = { X: ['cat', '', 'dog'] };
  const labelled = encodeInferResponse(
    identity('FP32', [-1]),
    { id: undefined, outputs: [output] },
    { tensors: [scores], requested: [] },
    labels,
  );
  assert.match(labelled.body.toString(), /"0.500000:1","0.500000:2:dog","0.250000:0:cat"/);
  const whole = encoded(tensor('INT64', [1, 2], of(BigInt64Array.of(3n, 2n ** 60n))), { classification: 9 });
  assert.match(whole.body.toString(), /"shape":\[1,2\],"data":\["1152921504606846976:1","3:0"\]/);
});
