import assert from 'node:assert/strict';
import { test } from 'node:test';

import { publicDocument } from '../openapi/public-document.ts';
import { changesServer, publicNeeds } from './public-needs.ts';
import { createWrongKeys } from './wrong-keys.ts';

test('what the document calls open is open, and nothing else; nothing that it has is for administrators only', () => {
  for (const [path, item] of Object.entries(publicDocument('1').paths))
    for (const [method, { security }] of Object.entries(item)) {
      const need = publicNeeds(method.toUpperCase(), path);
      assert.equal(need === 'open', security?.length === 0, `${method} ${path}`);
      assert.equal(need === 'admin', changesServer(method.toUpperCase(), path), `${method} ${path}`);
    }
});

test('what is not known changes nothing, so that a scanner fills no log', () => {
  for (const path of ['/', '/nothing', '/v2/repository/models/a/b/load', '/V2/logging', '/v2/logging/', '/v2/loggings'])
    assert.equal(changesServer('POST', path), false, path);
  for (const path of ['/v2/cudasharedmemory/region/a/register', '/v2/systemsharedmemory/unregister'])
    assert.equal(changesServer('POST', path), true, path);
});

test('what changes the server is for administrators, and so is whatever is not known', () => {
  for (const path of [
    '/v2/repository/models/simple/load',
    '/v2/repository/models/simple/unload',
    '/v2/logging',
    '/v2/trace/setting',
    '/v2/models/simple/trace/setting',
    '/v2/systemsharedmemory/region/a/unregister',
    '/v2/repository/index/',
    '/v2//models/simple/infer',
    '/v2/models/simple/infer/',
    '/v2/models/a/b/infer',
    '/v2/repository/models/x/load?/infer',
    '/V2/models/simple/infer',
    '/livez',
    '/',
    '/nothing',
  ])
    assert.equal(publicNeeds('POST', path), 'admin', path);
  assert.equal(publicNeeds('POST', '/v2/repository/index'), 'any');
  assert.equal(publicNeeds('GET', '/v2/logging'), 'any');
  assert.equal(publicNeeds('GET', '/LIVEZ'), 'any');
});

test('an address with many wrong keys is told to wait, for a minute, and no other one is', () => {
  const wrong = createWrongKeys();
  for (let i = 0; i < 20; i += 1) assert.equal(wrong('a', i), undefined);
  assert.equal(wrong('a', 30_000)?.code, 'rate_limited');
  assert.equal(wrong('a', 30_000)?.retryAfterS, 30);
  assert.equal(wrong('b', 30_000), undefined);
  assert.equal(wrong('a', 60_000), undefined);
  // However many addresses: those that came first are forgotten.
  for (let i = 0; i < 5_000; i += 1) wrong(`c${i}`, 60_001);
  assert.equal(wrong('a', 60_002), undefined);
});
