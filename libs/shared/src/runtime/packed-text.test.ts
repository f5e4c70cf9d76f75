import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { packText, unpackText } from './packed-text.ts';

test('any text comes back as it was, and what was never packed is left alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, value) => {
      assert.equal(unpackText(packText(text)), Buffer.from(text).toString());
      assert.equal(unpackText(JSON.stringify(value)), JSON.stringify(value));
    }),
  );
});

test('what repeats itself, as samples do, becomes much smaller', () => {
  const lines = Array.from({ length: 40 }, (_, i) => ({ name: `worker-${i}`, kind: 'worker', cpu_cores: i / 7 }));
  const text = JSON.stringify(lines);
  assert.equal(packText(text).length < text.length / 2, true);
});

test('what only begins like a packed text is an error', () => {
  assert.throws(() => unpackText('z:never packed'));
});
