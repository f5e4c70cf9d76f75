import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createBypass } from './bypass.ts';

test('where nothing repeats the cache is passed by, and a row of probes that hit ends it', () => {
  const bypass = createBypass();
  for (let i = 0; i < 512; i += 1) {
    assert.ok(bypass.looks(0));
    bypass.saw(false, 0);
  }
  assert.ok(bypass.active());
  const looked = Array.from({ length: 8_192 }, () => bypass.looks(1)).filter(Boolean).length;
  assert.equal(looked, 1);
  for (let i = 0; i < 128; i += 1) bypass.saw(i % 5 === 0, 1);
  assert.ok(!bypass.active());
});

test('probes that miss leave it as it is, and time alone brings them too', () => {
  const bypass = createBypass();
  for (let i = 0; i < 512; i += 1) bypass.saw(false, 0);
  assert.ok(!bypass.looks(29_999));
  assert.ok(bypass.looks(30_000));
  for (let i = 0; i < 128; i += 1) bypass.saw(i % 20 === 0, 30_000);
  assert.ok(bypass.active());
  assert.ok(!bypass.looks(30_001));
});

test('a twentieth of hits is enough to go on', () => {
  const bypass = createBypass();
  for (let i = 0; i < 512; i += 1) bypass.saw(i % 19 === 0, 0);
  assert.ok(!bypass.active());
});
