import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Datatype } from '@batchyard/shared/contract/tensor';

import { planLengths, type LengthSettings, type SymbolicTensor } from './plan-lengths.ts';

/** A tensor whose axes are numbers, or symbols where they are free ('' = a free one without a name). */
const tensor = (name: string, dims: (number | string)[], datatype: Datatype = 'INT64'): SymbolicTensor => ({
  spec: { name, datatype, shape: dims.map((dim) => (typeof dim === 'number' ? dim : -1)) },
  symbols: dims.map((dim) => (typeof dim === 'string' ? dim : '')),
});
const settings = (changes: Partial<LengthSettings> = {}): LengthSettings => ({
  buckets: [{ at: undefined, sizes: [4, 8] }],
  pads: [],
  crops: [],
  ...changes,
});
const plan = (inputs: SymbolicTensor[], outputs: SymbolicTensor[], own: LengthSettings | undefined, rows = 16) =>
  planLengths({ inputs, outputs, rows }, own);
const at = (name: string, axis = 0) => ({ tensor: name, axis });

test('outputs are cropped where the file gives their axis the name of the padded one', () => {
  const found = plan(
    [tensor('IDS', ['length']), tensor('MASK', ['length'])],
    [tensor('SCORES', ['length', 5]), tensor('POOLED', [5]), tensor('PAIRS', ['length', 'length'])],
    settings(),
  );
  const places = [
    [0, 0],
    [1, 0],
  ].map(([position = 0, axis = 0]) => ({ position, axis }));
  const crops = [
    [0, 0],
    [2, 0],
    [2, 1],
  ].map(([position = 0, axis = 0]) => ({ position, axis }));
  assert.deepEqual(found.lengths, [{ sizes: [4, 8], inputs: places, outputs: crops }]);
});

test('an axis that is named brings all input axes of its name, and an output of an unpadded length is left alone', () => {
  const found = plan(
    [tensor('IDS', ['n']), tensor('OTHER', ['k']), tensor('MASK', [2, 'n'])],
    [tensor('OUT', ['k', 'n'])],
    settings({ buckets: [{ at: at('MASK', 1), sizes: [4] }] }),
  );
  assert.deepEqual(found.lengths?.[0]?.inputs, [
    { position: 0, axis: 0 },
    { position: 2, axis: 1 },
  ]);
  assert.deepEqual(found.lengths[0]?.outputs, [{ position: 0, axis: 1 }]);
});

test('where the file does not tell, batchyard.crop does', () => {
  const crop = (crops: LengthSettings['crops']) =>
    plan([tensor('X', [''])], [tensor('OUT', ['unk_1'])], settings({ crops })).lengths?.[0]?.outputs;
  assert.deepEqual(crop([{ at: at('OUT'), like: undefined }]), [{ position: 0, axis: 0 }]);
  assert.deepEqual(crop([{ at: at('OUT'), like: at('X') }]), [{ position: 0, axis: 0 }]);
  assert.deepEqual(crop([{ at: at('OUT'), like: 'none' }]), []);
});

test('pad values go to the inputs that are padded', () => {
  const found = plan(
    [tensor('A', ['n']), tensor('B', ['n'], 'FP32'), tensor('C', [3])],
    [tensor('OUT', ['n'])],
    settings({
      pads: [
        { input: 'B', text: '-1.5' },
        { input: undefined, text: '7' },
      ],
    }),
  );
  assert.deepEqual(
    found.inputs.map((spec) => spec.pad),
    ['7', '-1.5', undefined],
  );
});

test('without buckets nothing is padded', () => {
  assert.equal(plan([tensor('A', ['n'])], [tensor('B', ['m'])], undefined).lengths, undefined);
});

const n = tensor('X', ['n']);
const out = tensor('OUT', ['n']);
for (const [what, refuse, sentence] of [
  [
    'an output of unknown length',
    () => plan([n], [tensor('OUT', ['m'])], settings()),
    /whether OUT\[0\] grows .* batchyard\.crop with "OUT\[0\]"/,
  ],
  [
    'unnamed axes as if they were one',
    () => plan([tensor('X', [''])], [tensor('OUT', [''])], settings()),
    /whether OUT\[0\] grows/,
  ],
  ['buckets for a fixed model', () => plan([tensor('X', [4])], [out], settings()), /no axis of an input is variable/],
  [
    'a list for two lengths',
    () => plan([n, tensor('Y', ['k'])], [out], settings()),
    /which of the variable axes X\[0\], Y\[0\].*"X\[0\]: 16,32"/,
  ],
  [
    'a list for two unnamed lengths',
    () => plan([tensor('X', ['']), tensor('Y', [''])], [out], settings()),
    /which of the variable axes/,
  ],
  [
    'an axis that is not there',
    () => plan([n], [out], settings({ buckets: [{ at: at('X', 1), sizes: [4] }] })),
    /names X\[1\].*variable are X\[0\]/,
  ],
  [
    'one axis twice',
    () => plan([n], [out], settings({ buckets: [0, 1].map(() => ({ at: at('X'), sizes: [4] })) })),
    /gives X\[0\] more than once/,
  ],
  [
    'a crop of a fixed axis',
    () => plan([n], [tensor('OUT', [4])], settings({ crops: [{ at: at('OUT'), like: undefined }] })),
    /batchyard\.crop names OUT\[0\].*none is variable/,
  ],
  [
    'a pad value out of range',
    () => plan([tensor('X', ['n'], 'UINT8')], [out], settings({ pads: [{ input: undefined, text: '256' }] })),
    /"256" of X is no value of UINT8/,
  ],
  [
    'a pad value for nobody',
    () => plan([n], [out], settings({ pads: [{ input: 'Y', text: '0' }] })),
    /names Y, which is no input/,
  ],
  [
    'more memory than a batch may take',
    () => plan([n], [out], settings({ buckets: [{ at: undefined, sizes: [2 ** 20] }] }), 4096),
    /32768 MiB for X.*lower the largest bucket/,
  ],
  [
    'a crop that does not say which of two lengths',
    () =>
      plan(
        [n, tensor('Y', ['k'])],
        [tensor('OUT', [''])],
        settings({
          buckets: ['X', 'Y'].map((name) => ({ at: at(name), sizes: [4] })),
          crops: [{ at: at('OUT'), like: undefined }],
        }),
      ),
    /must say which input axis OUT\[0\] follows/,
  ],
] as [string, () => unknown, RegExp][]) {
  test(`${what} is refused with a sentence that names the fix`, () => assert.throws(refuse, sentence));
}
