import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DATATYPES, ELEMENT_BYTES } from '@batchyard/shared/contract/tensor';

import { ARRAYS, isDatatype, pick, tensor, texts } from './tensor.ts';

test('the datatypes and their sizes are those of the server', () => {
  assert.deepEqual([...Object.keys(ARRAYS), 'BYTES'].toSorted(), [...DATATYPES].toSorted());
  for (const [name, array] of Object.entries(ARRAYS))
    assert.equal(array.BYTES_PER_ELEMENT, ELEMENT_BYTES[name as keyof typeof ARRAYS], name);
  assert.equal(isDatatype('BF16'), false);
  assert.equal(isDatatype('toString'), false);
});

test('a typed array is taken as it is, a plain one is converted', () => {
  const data = new Float32Array([1, 2]);
  assert.equal(tensor('FP32', [2], data).data, data);
  assert.deepEqual(tensor('BOOL', [3], [true, false, 1]).data, new Uint8Array([1, 0, 1]));
  assert.deepEqual(tensor('INT64', [2], [1n, -2]).data, new BigInt64Array([1n, -2n]));
  assert.deepEqual(texts(tensor('BYTES', [2], ['ä', new Uint8Array([65])])), ['ä', 'A']);
});

test('what would be changed silently is refused', () => {
  const refused: [() => unknown, RegExp][] = [
    [() => tensor('INT8', [1], [128]), /128, does not fit INT8/],
    [() => tensor('UINT8', [1], [-1]), /does not fit UINT8/],
    [() => tensor('INT32', [1], [1.5]), /does not fit INT32/],
    [() => tensor('BOOL', [1], [2]), /does not fit BOOL/],
    [() => tensor('UINT64', [1], [-1n]), /does not fit UINT64/],
    [() => tensor('INT64', [1], [2 ** 53]), /give a bigint/],
    [() => tensor('FP32', [2], [1]), /1 elements do not fill the shape \[2\]/],
    [() => tensor('FP32', [-1], []), /-1 is no length/],
    [() => tensor('FP32', [1], new Float64Array(1) as unknown as Float32Array), /typed array of its own kind/],
    [() => tensor('FP16', [1], [1] as unknown as Uint16Array), /halfBits/],
    [() => tensor('FP32', [1], ['1'] as unknown as number[]), /element 0 is no number/],
    [() => tensor('BYTES', [1], [1] as unknown as string[]), /neither a string nor bytes/],
    [() => tensor('BF16' as 'FP16', [1], new Uint16Array(1)), /BF16 is no datatype/],
  ];
  for (const [make, message] of refused) assert.throws(make, message);
});

test('an output is picked by name and datatype', () => {
  const answer = { outputs: { SUM: tensor('INT32', [1], [3]) } };
  assert.equal(pick(answer, 'SUM', 'INT32').data[0], 3);
  assert.throws(() => pick(answer, 'SUM', 'FP32'), /SUM is INT32, not FP32/);
  assert.throws(() => pick(answer, 'DIFFERENCE', 'INT32'), /it has SUM/);
});
