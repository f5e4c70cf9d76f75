import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';

import { claimOf, idempotencyKey, preferenceOf, readTags, tagsHeader } from './submit-options.ts';

test('a key is what stands between its quotes, of 1 to 255 printable characters', () => {
  assert.equal(idempotencyKey({}), undefined);
  assert.equal(idempotencyKey({ 'idempotency-key': 'order 17' }), 'order 17');
  assert.equal(idempotencyKey({ 'idempotency-key': '"order 17"' }), 'order 17');
  assert.equal(idempotencyKey({ 'idempotency-key': 'k'.repeat(255) }), 'k'.repeat(255));
  for (const key of ['', '""', 'k'.repeat(256), 'k\u00e9y'])
    assert.throws(() => idempotencyKey({ 'idempotency-key': key }), Failure, key);
});

test('tenants share no keys, and the key itself is not kept', () => {
  assert.match(claimOf('-', 'a'), /^[\w-]{32}$/);
  assert.equal(claimOf('-', 'a'), claimOf('-', 'a'));
  assert.notEqual(claimOf('one', 'a'), claimOf('two', 'a'));
  assert.notEqual(claimOf('a', 'b c'), claimOf('a b', 'c'));
});

test('preferences are read wherever they stand, and unknown ones left aside', () => {
  const read = (prefer: string): string => {
    const { respondAsync, waitMs } = preferenceOf({ prefer });
    return `${respondAsync} ${waitMs}`;
  };
  assert.equal(read('respond-async'), 'true 0');
  assert.equal(read('return=minimal, respond-async;x=1, wait=10'), 'true 10000');
  assert.equal(read('WAIT = "2"'), 'false 2000');
  assert.equal(read('wait=99999'), 'false 60000');
  assert.equal(read('wait=soon, x-respond-async'), 'false 0');
  assert.deepEqual(preferenceOf({}), { respondAsync: false, waitMs: 0 });
});

test('tags are names with values, each name once, and come back as they were given', () => {
  const given = (text: string): string | undefined => tagsHeader({ 'batchyard-tags': text });
  assert.equal(tagsHeader({}), undefined);
  assert.equal(given(' '), undefined);
  assert.equal(given('team=vision, run=2026-01-31T12:00'), 'team=vision,run=2026-01-31T12:00');
  assert.deepEqual(readTags('team=vision,run=1/2'), { team: 'vision', run: '1/2' });
  assert.deepEqual(readTags(undefined), {});
  assert.deepEqual(Object.entries(readTags('__proto__=x,constructor=y')), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  const many = (count: number): string => Array.from({ length: count }, (_, i) => `t${i}=`).join(',');
  assert.equal(given(many(16)), many(16));
  for (const wrong of [many(17), 'a', '=b', 'a=b,', 'a=1,a=2', 'a=b c', `a=${'b'.repeat(129)}`, '\u00e9=1', 'a=1=2'])
    assert.throws(() => given(wrong), Failure, wrong);
});
