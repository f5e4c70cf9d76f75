import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ARRAYS, elementCount, type Datatype } from '@batchyard/client/tensor';

import { randomTensor } from './random-tensor.ts';

test('a random tensor of each datatype has the shape asked for, and is the same for the same seed', () => {
  for (const datatype of [...Object.keys(ARRAYS), 'BYTES'] as Datatype[]) {
    const spec = { name: 'A', datatype, shape: [-1, 5, -1] };
    const made = randomTensor(spec, { rows: 3, length: 4, seed: 7 });
    assert.deepEqual(made.shape, [3, 5, 4]);
    assert.equal(made.data.length, elementCount(made.shape));
    assert.deepEqual(randomTensor(spec, { rows: 3, length: 4, seed: 7 }), made);
    assert.notDeepEqual(randomTensor(spec, { rows: 3, length: 4, seed: 8 }), made);
  }
});
