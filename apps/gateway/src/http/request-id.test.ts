import assert from 'node:assert/strict';
import { test } from 'node:test';

import { givenRequestId, newRequestId } from './request-id.ts';

test('a request id is taken over where it is safe in a header and in a log line', () => {
  const given = (id: string): string | undefined => givenRequestId({ headers: { 'x-request-id': id } });
  assert.equal(given('abc-1/2:3'), 'abc-1/2:3');
  for (const bad of ['', 'a b', 'a\r\nb', 'ü', 'a'.repeat(129)]) assert.equal(given(bad), undefined);
  assert.equal(givenRequestId({ headers: {} }), undefined);
});

test('made ids differ and are safe themselves', () => {
  const ids = new Set(Array.from({ length: 2_000 }, newRequestId));
  assert.equal(ids.size, 2_000);
  for (const id of ids) assert.equal(givenRequestId({ headers: { 'x-request-id': id } }), id);
});
