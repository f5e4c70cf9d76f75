/** Numbers of `data`: floats as `Number` reads them, integers exactly or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '@batchyard/shared/contract/failure';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import fc from 'fast-check';
import { createReader } from './json-cursor.ts';
import { readTensor } from './tensor-text.ts';

function read(datatype: Datatype, texts: readonly string[]): DataView {
  const reader = createReader(Buffer.from(`[${texts.join()}]`));
  const data = readTensor(reader, { name: 'X', datatype, shape: [texts.length], elements: texts.length });
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function refused(datatype: Datatype, text: string): void {
  const is400 = (error: unknown): boolean => error instanceof Failure && error.kind.status === 400;
  assert.throws(() => read(datatype, [text]), is400, `${text} as ${datatype}`);
}

const digits = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((list) => list.join(''));
const sign = fc.constantFrom('', '-');
const whole = fc.oneof(
  fc.constant('0'),
  digits(25).map((text) => text.replace(/^0+(?=\d)/, '')),
);
const fraction = fc.oneof(
  fc.constant(''),
  digits(25).map((text) => `.${text}`),
);
const zeros = fc.integer({ min: 0, max: 40 }).map((count) => `.${'0'.repeat(count)}1`);
const exponent = fc.oneof(
  fc.constant(''),
  fc
    .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 60 }))
    .map((parts) => parts.join('')),
);
const anyNumber = fc.tuple(sign, whole, fc.oneof(fraction, zeros), exponent).map((parts) => parts.join(''));
const floatsAsText = fc.oneof(
  fc.float({ noDefaultInfinity: true, noNaN: true }).map(String),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => String(value)),
  anyNumber,
);

test('the fast float path equals Number(text)', () => {
  fc.assert(
    fc.property(fc.array(floatsAsText, { minLength: 1, maxLength: 20 }), (texts) => {
      const doubles = texts.filter((text) => Number.isFinite(Number(text)));
      const singles = texts.filter((text) => Number.isFinite(Math.fround(Number(text))));
      const [fp64, fp32] = [read('FP64', doubles), read('FP32', singles)];
      for (const [i, text] of doubles.entries()) {
        assert.ok(Object.is(fp64.getFloat64(8 * i, true), Number(text)), text);
      }
      for (const [i, text] of singles.entries()) {
        assert.ok(Object.is(fp32.getFloat32(4 * i, true), Math.fround(Number(text))), text);
      }
    }),
    { numRuns: 3000 },
  );
});

test('floats half way between two float32 and next to it round as Number and fround do', () => {
  fc.assert(
    fc.property(
      fc.float({ noDefaultInfinity: true, noNaN: true, min: Math.fround(1e-30), max: Math.fround(1e30) }),
      (low) => {
        const view = new DataView(new ArrayBuffer(4));
        view.setFloat32(0, low);
        view.setUint32(0, view.getUint32(0) + 1);
        const tie = (low + view.getFloat32(0)) / 2;
        const texts = [tie.toPrecision(17), tie.toPrecision(21), (tie * (1 + 2 ** -52)).toPrecision(18)];
        const got = read('FP32', texts);
        for (const [i, text] of texts.entries())
          assert.equal(got.getFloat32(4 * i, true), Math.fround(Number(text)), text);
      },
    ),
    { numRuns: 2000 },
  );
});

test('floats with a known value are read as it, with white space around them', () => {
  const texts = [
    '-0',
    '-0.0',
    '0e5',
    '1',
    '0.1',
    '16777217',
    '9007199254740993',
    '123456789012345678901234567890',
    '1E2',
    '5e-324',
  ];
  const view = read(
    'FP64',
    texts.map((text) => ` \n${text}\t `),
  );
  const values = [-0, -0, 0, 1, 0.1, 16777217, 9007199254740992, 1.2345678901234568e29, 100, 5e-324];
  for (const [i, value] of values.entries()) assert.ok(Object.is(view.getFloat64(8 * i, true), value), texts[i]);
});

test('Tensors: 1e39 in FP32 400', () => {
  for (const text of ['1e39', '-1e39', '3.4028236e38', '1e400']) refused('FP32', text);
  refused('FP64', '1e309');
  assert.equal(read('FP32', ['3.4028235e38']).getFloat32(0, true), 3.4028234663852886e38);
});

test('what is no number by the grammar is refused in every tensor', () => {
  const texts = [
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    'NaN',
    'Infinity',
    '0x1',
    '1.2.3',
    '-.5',
    '00',
    '1e5.5',
    '1 2',
    '1a',
    '',
  ];
  for (const text of texts)
    for (const datatype of ['FP32', 'FP64', 'INT32', 'UINT64'] as const) refused(datatype, text);
});

test('Tensors: strings, null, booleans among numbers 400', () => {
  for (const datatype of ['FP32', 'FP64', 'INT8', 'UINT32'] as const) {
    for (const text of ['"1"', 'null', 'true', '{}', '"NaN"']) refused(datatype, text);
  }
  for (const text of ['null', 'true', '"x"', '""', '"1.5"', '" 1"']) refused('INT64', text);
});

test('Tensors: BOOL takes true and false, no number or string', () => {
  const view = read('BOOL', ['true', 'false', 'true']);
  assert.deepEqual([view.getUint8(0), view.getUint8(1), view.getUint8(2)], [1, 0, 1]);
  for (const text of ['1', '0', '2', '"true"', 'null', 'tru', 'TRUE', 'truest']) refused('BOOL', text);
});

const RANGES: readonly [Datatype, bigint, bigint][] = [
  ['UINT8', 0n, 255n],
  ['UINT16', 0n, 65_535n],
  ['UINT32', 0n, 4_294_967_295n],
  ['UINT64', 0n, 18_446_744_073_709_551_615n],
  ['INT8', -128n, 127n],
  ['INT16', -32_768n, 32_767n],
  ['INT32', -2_147_483_648n, 2_147_483_647n],
  ['INT64', -9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
];

test('Tensors: 300 or -1 in UINT8, 2^31 in INT32, 2^63 in INT64 400; the ends of each range are taken', () => {
  refused('UINT8', '300');
  refused('UINT8', '-1');
  for (const [datatype, min, max] of RANGES) {
    refused(datatype, String(max + 1n));
    refused(datatype, String(min - 1n));
    refused(datatype, `${max + 1n}.0`);
    const view = read(datatype, [String(min), String(max), `${max}.0`, `${min}e0`]);
    const bytes = view.byteLength / 4;
    for (let at = 0; at < bytes; at += 1)
      assert.equal(view.getUint8(bytes + at), Number((max >> BigInt(8 * at)) & 255n));
  }
});

test('Tensors: fractions in INT 400; 1.0 and 1e3 are integers', () => {
  for (const [datatype] of RANGES) {
    for (const text of ['0.5', '1e-1', '1.00000000000000000000001', '100e-3', '1e30']) refused(datatype, text);
  }
  const view = read('INT32', ['1.0', '1e3', '100e-2', '-0', '-0.0', '0.5e1']);
  assert.deepEqual(
    Array.from({ length: 6 }, (_, i) => view.getInt32(4 * i, true)),
    [1, 1000, 1, 0, 0, 5],
  );
});

test('Tensors: INT64 over 2^53 exact, as a number or a decimal string', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (int, uint) => {
        const signed = read('INT64', [String(int), `"${int}"`]);
        const unsigned = read('UINT64', [String(uint), `"${uint}"`]);
        for (const at of [0, 8]) {
          assert.equal(signed.getBigInt64(at, true), int);
          assert.equal(unsigned.getBigUint64(at, true), uint);
        }
      },
    ),
  );
  for (const text of ['"9223372036854775808"', '"1e3"', '"123456789012345678901"']) refused('INT64', text);
  refused('UINT64', '"-1"');
});
