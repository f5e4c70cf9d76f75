import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { keyIdOf, type ApiKey } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';

import { createKeyring } from './keyring.ts';

const SECRET = `byk_${'a'.repeat(43)}`;
const OTHER = `byk_${'b'.repeat(43)}`;

function keyOf(secret: string, terms: Partial<ApiKey> = {}): ApiKey {
  const sha256 = createHash('sha256').update(secret).digest('hex');
  return { id: keyIdOf(sha256), sha256, name: 'n', tenant: 'acme', scopes: ['infer'], created_at: '', ...terms };
}

function ringOf(...keys: ApiKey[]) {
  const ring = createKeyring(() => {
    throw new Error('no key here has a rate');
  });
  ring.replace(keys);
  return ring;
}

/** What a request with these header lines comes to: a tenant, or the code of a failure. */
function recognised(ring: ReturnType<typeof ringOf>, ...lines: readonly (readonly [string, string])[]): string {
  const headers: Record<string, string> = {};
  // As node:http does: the first Authorization stays, other names are joined.
  for (const [name, value] of lines) {
    const before = headers[name.toLowerCase()];
    if (before === undefined) headers[name.toLowerCase()] = value;
    else if (name.toLowerCase() !== 'authorization') headers[name.toLowerCase()] = `${before}, ${value}`;
  }
  const request = { headers, rawHeaders: lines.flat() } as unknown as IncomingMessage;
  const found = ring.recognise(request);
  return found instanceof Failure ? found.code : found.tenant;
}

test('a key is known as a bearer and as X-API-Key, also when it was looked up before', () => {
  const ring = ringOf(keyOf(SECRET), keyOf(OTHER, { tenant: 'other' }));
  for (let turn = 0; turn < 2; turn += 1) {
    assert.equal(recognised(ring, ['Authorization', `Bearer ${SECRET}`]), 'acme');
    assert.equal(recognised(ring, ['authorization', `bearer ${SECRET} `]), 'acme');
    assert.equal(recognised(ring, ['X-API-Key', OTHER]), 'other');
    assert.equal(recognised(ring, ['X-API-Key', SECRET], ['Authorization', `Bearer ${SECRET}`]), 'acme');
  }
});

test('whatever is not a key of the list is nobody, whatever was known before', () => {
  const ring = ringOf(keyOf(SECRET));
  assert.equal(recognised(ring, ['Authorization', `Bearer ${SECRET}`]), 'acme');
  assert.equal(recognised(ring, ['X-API-Key', SECRET]), 'acme');
  assert.equal(recognised(ring), 'unauthorized');
  for (const wrong of [SECRET, `Basic ${SECRET}`, 'Bearer', 'Bearer ', `Bearer ${SECRET}x`, `Bearer ${OTHER}`, ''])
    assert.equal(recognised(ring, ['Authorization', wrong]), 'unauthorized', wrong);
  for (const wrong of [`Bearer ${SECRET}`, SECRET.slice(0, -1), SECRET.toUpperCase(), `${SECRET}, ${SECRET}`, ''])
    assert.equal(recognised(ring, ['X-API-Key', wrong]), 'unauthorized', wrong);
});

test('two keys at once are refused, for nobody knows which of them counts', () => {
  const ring = ringOf(keyOf(SECRET), keyOf(OTHER));
  const bearer = ['Authorization', `Bearer ${SECRET}`] as const;
  assert.equal(recognised(ring, bearer, bearer), 'bad_request');
  assert.equal(recognised(ring, bearer, ['AUTHORIZATION', `Bearer ${OTHER}`]), 'bad_request');
  assert.equal(recognised(ring, bearer, ['X-API-Key', OTHER]), 'bad_request');
});

test('a key that is gone from the list is nobody at once, and one of another hash is not taken for it', () => {
  const ring = ringOf(keyOf(SECRET));
  assert.equal(recognised(ring, ['X-API-Key', SECRET]), 'acme');
  // The same id, as if the first eight bytes of two hashes were equal.
  ring.replace([{ ...keyOf(OTHER), id: keyOf(SECRET).id }]);
  assert.equal(recognised(ring, ['X-API-Key', SECRET]), 'unauthorized');
  ring.replace([]);
  assert.equal(ring.hasKeys(), false);
  assert.equal(recognised(ring, ['X-API-Key', SECRET]), 'unauthorized');
});
