import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { packText, unpackText } from './packed-text.ts';

const WORDS = '{"name":"worker-","kind":"worker","cpu_cores":0.}';

test('any text comes back as it was, and what was never packed is left alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), fc.string(), (text, value, words) => {
      assert.equal(unpackText(packText(text, words), words), Buffer.from(text).toString());
      assert.equal(unpackText(JSON.stringify(value), words), JSON.stringify(value));
    }),
  );
});

test('what was packed before there were words is still read', () => {
  assert.equal(unpackText('z:q1YqLU4tUrKqVkpJLElUsoqOra0FAA==', WORDS), '{"user":{"data":[]}}');
});

test('a short text of known words becomes much smaller', () => {
  const text = JSON.stringify({ name: 'worker-7', kind: 'worker', cpu_cores: 0.25 });
  assert.ok(packText(text, WORDS).length < 0.7 * text.length);
});

test('what only begins like a packed text, or was packed with other words, is an error', () => {
  for (const text of ['z:never packed', 'w:never packed', packText('{"a":1}', 'other words')])
    assert.throws(() => unpackText(text, WORDS));
});
