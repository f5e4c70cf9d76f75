import assert from 'node:assert/strict';
import { test } from 'node:test';

import { matchJob, matchModel, pathOf } from './paths.ts';

test('model paths with and without a version', () => {
  assert.deepEqual(matchModel('/v2/models/simple/infer'), { model: 'simple', version: undefined, rest: '/infer' });
  assert.deepEqual(matchModel('/v2/models/simple/versions/2/ready'), { model: 'simple', version: '2', rest: '/ready' });
  assert.deepEqual(matchModel('/v2/models/a%2Db'), { model: 'a-b', version: undefined, rest: '' });
});

for (const name of [
  '..',
  '%2e%2e%2f',
  '..%5c',
  '%00',
  '%252e%252e',
  'a%2fb',
  '.hidden',
  'a'.repeat(129),
  '%F0%9F%98%80',
  '%zz',
]) {
  test(`the name ${name.slice(0, 20)} is unsafe`, () => {
    assert.equal(matchModel(`/v2/models/${name}/infer`), 'unsafe');
  });
}

for (const path of [
  '//v2/models/a/infer',
  '/V2/models/a/infer',
  '/v2/../v2/models/a/infer',
  '/v2/models//infer',
  '/v1/queues',
]) {
  test(`${path} is no model path`, () => {
    assert.equal(matchModel(path), undefined);
  });
}

test('job paths; an id that cannot exist leads nowhere', () => {
  assert.deepEqual(matchJob('/v1/jobs/abc-1/result'), { id: 'abc-1', part: 'result' });
  assert.deepEqual(matchJob('/v1/jobs/a:b'), { id: '', part: undefined });
  assert.deepEqual(matchJob(`/v1/jobs/${'a'.repeat(300)}`), { id: '', part: undefined });
  assert.deepEqual(matchJob('/v1/jobs/abc-1/retry'), { id: 'abc-1', part: 'retry' });
  assert.equal(matchJob('/v1/jobs/abc-1/retry/'), undefined);
  assert.equal(matchJob('/v1/jobs'), undefined);
});

test('the query is no part of the path', () => {
  assert.equal(pathOf('/v1/jobs/a?wait=3s'), '/v1/jobs/a');
});
