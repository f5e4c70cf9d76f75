import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import type { Request, Response } from 'express';

import { keyIdOf, type Scope } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';

import { createEntrance } from './guard.ts';
import { createKeyring } from './keyring.ts';
import { createWrongKeys } from './wrong-keys.ts';

type Asked = { path?: string; method?: string; headers?: Record<string, string> };

const SECRETS = {
  infer: `byk_${'i'.repeat(43)}`,
  read: `byk_${'r'.repeat(43)}`,
  admin: `byk_${'a'.repeat(43)}`,
} as const;
const withKeys = createKeyring(() => assert.fail('no key here has a rate'));
withKeys.replace(
  Object.entries(SECRETS).map(([scope, secret]) => {
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const terms = { name: scope, tenant: 'acme', scopes: [scope as Scope], created_at: '' };
    return { ...terms, sha256, id: keyIdOf(sha256) };
  }),
);
const withoutKeys = createKeyring(() => assert.fail('there are no keys'));

/** What the guard says: `passed`, where the browser is sent to, or the code of its refusal. */
function verdict(
  token: string | undefined,
  { path = '/v1/queues', method = 'GET', headers = {} }: Asked,
  keyring = withoutKeys,
): string {
  let said = 'nothing';
  const socket = { remoteAddress: 'here' };
  const request = { path, url: path, method, headers: { host: 'ops:8002', ...headers }, socket } as unknown as Request;
  const response = {
    setHeader: () => undefined,
    once: () => undefined,
    redirect: (_status: number, to: string) => (said = to),
  } as unknown as Response;
  const wrongKeys = createWrongKeys();
  const entry = { token, keyring, closed: false, wrongKeys, audit: () => undefined, secure: false };
  try {
    createEntrance(entry).guard(request, response, () => (said = 'passed'));
  } catch (error) {
    assert.ok(error instanceof Failure);
    said = error.code;
  }
  return said;
}
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

test('with a token everything but the probes needs it, as a bearer or as the password of Basic', () => {
  const asked = (authorization: string): string => verdict('secret', { headers: { authorization } });
  assert.equal(verdict('secret', {}), 'unauthorized');
  assert.equal(asked('Bearer secret'), 'passed');
  assert.equal(asked('bearer secret'), 'passed');
  assert.equal(asked(basic('anybody:secret')), 'passed');
  assert.equal(asked(basic(':secret')), 'passed');
  for (const wrong of ['Bearer secre', 'Bearer secret2', basic('secret:'), 'Basic %%%', 'Digest secret', 'Bearer '])
    assert.equal(asked(wrong), 'unauthorized', wrong);
  for (const path of ['/livez', '/readyz']) assert.equal(verdict('secret', { path }), 'passed');
  for (const path of ['/metrics', '/', '/board', '/livez/x']) assert.equal(verdict('secret', { path }), 'unauthorized');
});

test('a page of another origin may read what it is allowed to, but change nothing', () => {
  const post = (headers: Record<string, string>): string => verdict(undefined, { method: 'POST', headers });
  assert.equal(post({}), 'passed');
  assert.equal(post({ origin: 'http://ops:8002', 'sec-fetch-site': 'same-origin' }), 'passed');
  assert.equal(post({ origin: 'http://evil.example' }), 'forbidden');
  assert.equal(post({ origin: 'null' }), 'forbidden');
  assert.equal(post({ 'sec-fetch-site': 'cross-site' }), 'forbidden');
  assert.equal(verdict(undefined, { headers: { origin: 'http://evil.example' } }), 'passed');
});

test('with keys each route needs its scope, whichever way the key comes', () => {
  const ways = (secret: string): Record<string, string>[] => [
    { authorization: `Bearer ${secret}` },
    { authorization: basic(`me:${secret}`) },
    { 'x-api-key': secret },
    { cookie: `other=1; batchyard_key=${secret}` },
  ];
  const routes = [
    ['GET', '/v1/queues', ['read', 'admin']],
    ['HEAD', '/', ['read', 'admin']],
    ['POST', '/v1/queues/m/pause', ['admin']],
    ['PUT', '/board/api/queues/m/pause', ['admin']],
    ['DELETE', '/v1/jobs/x', ['admin']],
    ['POST', '/v1/models/m/infer', ['infer']],
    ['POST', '/v1/models/m/jobs', ['infer']],
    ['POST', '/v1/models/m/jobs/x', ['admin']],
  ] as const;
  for (const [method, path, allowed] of routes) {
    assert.equal(verdict(undefined, { method, path }, withKeys), 'unauthorized');
    for (const [scope, secret] of Object.entries(SECRETS))
      for (const headers of ways(secret)) {
        const expected = (allowed as readonly string[]).includes(scope) ? 'passed' : 'forbidden';
        assert.equal(verdict(undefined, { method, path, headers }, withKeys), expected, `${method} ${path} ${scope}`);
      }
  }
});

test('a browser that has no key is sent to the login, its scripts and other programs are refused', () => {
  const page = { accept: 'text/html,*/*;q=0.8' };
  assert.equal(verdict(undefined, { path: '/', headers: page }, withKeys), '/login');
  assert.equal(verdict('secret', { path: '/board', headers: page }), '/login');
  assert.equal(verdict('secret', { path: '/', headers: { ...page, cookie: 'batchyard_key=old' } }), '/login');
  assert.equal(verdict('secret', { method: 'POST', path: '/', headers: page }), 'unauthorized');
  assert.equal(verdict('secret', { headers: { accept: 'application/json' } }), 'unauthorized');
  for (const path of ['/login', '/logout']) assert.equal(verdict('secret', { method: 'POST', path }), 'passed');
  const elsewhere = { origin: 'http://evil.example' };
  assert.equal(verdict('secret', { method: 'POST', path: '/login', headers: elsewhere }), 'forbidden');
});
