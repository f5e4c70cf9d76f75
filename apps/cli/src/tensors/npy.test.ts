import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readNpy } from './npy.ts';

/** As np.save writes it. */
function npy(descr: string, shape: string, data: Uint8Array, { fortran = 'False', major = 1 } = {}): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
  const before = major === 1 ? 10 : 12;
  const padded = `${text.padEnd(Math.ceil((before + text.length + 1) / 64) * 64 - before - 1)}\n`;
  const length = Buffer.alloc(major === 1 ? 2 : 4);
  if (major === 1) length.writeUInt16LE(padded.length);
  else length.writeUInt32LE(padded.length);
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), major, 0]);
  return Buffer.concat([magic, length, Buffer.from(padded), data]);
}
const bytesOf = (data: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(data.buffer);

test('arrays of NumPy are read in each datatype and version', () => {
  const floats = Float32Array.of(1.5, -2, Number.NaN);
  assert.deepEqual(readNpy(npy('<f4', '(1, 3)', bytesOf(floats))), { datatype: 'FP32', shape: [1, 3], data: floats });
  const longs = BigInt64Array.of(-(2n ** 63n), 7n);
  assert.deepEqual(readNpy(npy('<i8', '(2,)', bytesOf(longs), { major: 2 })), {
    datatype: 'INT64',
    shape: [2],
    data: longs,
  });
  assert.deepEqual(readNpy(npy('|b1', '()', Uint8Array.of(1))), {
    datatype: 'BOOL',
    shape: [],
    data: Uint8Array.of(1),
  });
  assert.deepEqual(readNpy(npy('<f2', '(0, 4)', new Uint8Array())).shape, [0, 4]);
});

test('a file that is none, or of another kind, says what is wrong with it', () => {
  const one = new Uint8Array(4);
  const bad: [Uint8Array, RegExp][] = [
    [Buffer.from('PK and some more'), /no \.npy file/],
    [npy('>f4', '(1,)', one), /its dtype >f4 is none of/],
    [npy('<U3', '(1,)', one), /its dtype <U3 is none of/],
    [npy('<f4', '(1,)', one, { fortran: 'True' }), /column order/],
    [npy('<f4', '(2,)', one), /1 elements do not fill the shape \[2\]/],
    [npy('<f4', '(1,)', new Uint8Array(3)), /ends within an element/],
    [npy('<f4', '(1,)', one).subarray(0, 40), /ends within its header/],
    [npy("<f4', 'x", '1', one), /header cannot be read/],
  ];
  for (const [file, message] of bad) assert.throws(() => readNpy(file), message);
});
