import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readModelConfig } from './model-config.ts';
import { parseTextProto } from './text-proto.ts';

const read = (settings: Record<string, string>) =>
  readModelConfig(
    parseTextProto(
      Object.entries(settings)
        .map(
          ([key, value]) => `parameters { key: "batchyard.${key}" value { string_value: ${JSON.stringify(value)} } }`,
        )
        .join('\n'),
    ),
  ).lengths;

test('one list of buckets, or one for each axis, with pad values and crops', () => {
  assert.deepEqual(read({ buckets: '16, 32,64', padding: 'safe' }), {
    buckets: [{ at: undefined, sizes: [16, 32, 64] }],
    pads: [],
    crops: [],
  });
  const settings = {
    buckets: 'in:0[0]: 4,8; B[1]: 2',
    padding: 'safe',
    pad_value: 'in:0: -1; B: 0.5',
    crop: 'out:0[0]: in:0[0]; C[2]; D[0]: none',
  };
  assert.deepEqual(read(settings), {
    buckets: [
      { at: { tensor: 'in:0', axis: 0 }, sizes: [4, 8] },
      { at: { tensor: 'B', axis: 1 }, sizes: [2] },
    ],
    pads: [
      { input: 'in:0', text: '-1' },
      { input: 'B', text: '0.5' },
    ],
    crops: [
      { at: { tensor: 'out:0', axis: 0 }, like: { tensor: 'in:0', axis: 0 } },
      { at: { tensor: 'C', axis: 2 }, like: undefined },
      { at: { tensor: 'D', axis: 0 }, like: 'none' },
    ],
  });
  assert.equal(read({}), undefined);
});

for (const [settings, what] of [
  [{ buckets: '16' }, /add batchyard\.padding with "safe" .* or remove batchyard\.buckets/],
  [{ buckets: '16', padding: 'yes' }, /batchyard\.padding must be safe/],
  [{ padding: 'safe' }, /batchyard\.padding is given without batchyard\.buckets/],
  [{ pad_value: '0' }, /batchyard\.pad_value is given without/],
  [{ buckets: '32,16', padding: 'safe' }, /rising lengths from 1/],
  [{ buckets: '0', padding: 'safe' }, /rising lengths/],
  [{ buckets: '4,4', padding: 'safe' }, /rising lengths/],
  [{ buckets: '1.5', padding: 'safe' }, /rising lengths/],
  [{ buckets: '9999999', padding: 'safe' }, /rising lengths/],
  [{ buckets: ' ; ', padding: 'safe' }, /batchyard\.buckets names no length/],
  [{ buckets: 'A: 4', padding: 'safe' }, /"A" is not of the form NAME\[axis\]/],
  [{ buckets: '4', padding: 'safe', crop: 'A' }, /batchyard\.crop: "A" is not of the form/],
] as [Record<string, string>, RegExp][]) {
  test(`${JSON.stringify(settings)} is refused by name`, () => {
    assert.throws(() => read(settings), what);
  });
}
