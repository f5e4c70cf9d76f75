import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { createGuard } from './guard.ts';

type Asked = { path?: string; method?: string; headers?: Record<string, string> };

/** What the guard says: `passed`, or the code of its refusal. */
function verdict(token: string | undefined, { path = '/v1/queues', method = 'GET', headers = {} }: Asked): string {
  let said = 'nothing';
  const request = { path, method, headers: { host: 'ops:8002', ...headers } } as unknown as Request;
  const response = { setHeader: () => undefined } as unknown as Response;
  try {
    createGuard(token)(request, response, () => (said = 'passed'));
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
