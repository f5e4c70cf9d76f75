import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RepositoryLine, RepositoryReport } from '@batchyard/shared/contract/repository';

import { loadProblem, mergeReports, readIndexRequest, readLoadRequest, readUnloadRequest } from './repository-index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const refused = (work: () => unknown, text: string | RegExp): void =>
  assert.throws(work, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'bad_request');
    if (typeof text === 'string') assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  });
const report = (...models: RepositoryLine[]): RepositoryReport => ({ control: 'explicit', obeyed: [], models });

test('the index may be asked with nothing, and for those that are ready', () => {
  assert.equal(readIndexRequest(bytes('')), false);
  assert.equal(readIndexRequest(bytes('{}')), false);
  assert.equal(readIndexRequest(bytes('{"ready":false}')), false);
  assert.equal(readIndexRequest(bytes('{"ready":true}')), true);
  for (const value of ['1', '"true"', 'null', '[]'])
    refused(() => readIndexRequest(bytes(`{"ready":${value}}`)), "Invalid value for 'ready': expected a boolean");
  for (const body of ['[]', 'null', '3', '{', '{"ready":true}x'])
    refused(() => readIndexRequest(bytes(body)), 'failed to parse the request JSON buffer');
  refused(() => readIndexRequest(Uint8Array.of(0x7b, 0xff, 0x7d)), 'failed to parse the request JSON buffer');
});

test('a load may bring a configuration as a text of JSON, and nothing else', () => {
  const given = (parameters: unknown) => readLoadRequest('m', bytes(JSON.stringify({ parameters })));
  assert.equal(readLoadRequest('m', bytes('')), undefined);
  assert.equal(given({}), undefined);
  assert.equal(given({ config: '{"max_batch_size":4}' }), '{"max_batch_size":4}');
  refused(() => given({ config: { max_batch_size: 4 } }), /^failed to load 'm', .*must be a string of JSON$/);
  refused(() => given({ config: '{' }), /^failed to load 'm', .*is not JSON$/);
  refused(() => given({ config: `"${'x'.repeat(70_000)}"` }), /^failed to load 'm', .*more than 65536/);
  refused(() => given({ 'file:1/model.onnx': 'AAAA' }), /^failed to load 'm', files cannot be given/);
  refused(() => given({ other: 1 }), /^failed to load 'm', the parameter 'other' is not known$/);
  refused(() => given([]), /expected an object/);
});

test('an unload may speak of dependents, of which there are none', () => {
  readUnloadRequest(bytes(''));
  readUnloadRequest(bytes('{"parameters":{"unload_dependents":true}}'));
  refused(() => readUnloadRequest(bytes('{"parameters":{"unload_dependents":1}}')), /expected a boolean/);
});

test('what several workers tell is one line a version: the best state, every reason once', () => {
  const merged = mergeReports([
    report(
      { name: 'b', version: '1', state: 'READY', reason: '' },
      { name: 'a', version: '10', state: 'UNAVAILABLE', reason: 'broken' },
      { name: 'a', version: '2', state: 'READY', reason: '' },
      { name: 'c', state: 'UNAVAILABLE', reason: 'unloaded' },
    ),
    report(
      { name: 'b', version: '1', state: 'LOADING', reason: 'late' },
      { name: 'a', version: '10', state: 'UNAVAILABLE', reason: 'broken' },
      { name: 'b', state: 'UNAVAILABLE', reason: 'unloaded' },
      { name: 'c', state: 'UNAVAILABLE', reason: 'unloaded' },
    ),
  ]);
  assert.deepEqual(merged, [
    { name: 'a', version: '2', state: 'READY', reason: '' },
    { name: 'a', version: '10', state: 'UNAVAILABLE', reason: 'broken' },
    { name: 'b', version: '1', state: 'READY', reason: 'late' },
    { name: 'c', state: 'UNAVAILABLE', reason: 'unloaded' },
  ]);
});

test('a load has failed where the model is not there, or a version of it has a problem', () => {
  const ready: RepositoryLine = { name: 'm', version: '1', state: 'READY', reason: '' };
  assert.equal(loadProblem(report(ready), 'm'), undefined);
  assert.equal(loadProblem(report(ready), 'n'), 'failed to poll from model repository');
  assert.equal(loadProblem(report({ ...ready, reason: 'the newer file is broken' }), 'm'), 'the newer file is broken');
  assert.equal(loadProblem(report(ready, { ...ready, version: '2', state: 'UNAVAILABLE', reason: 'x' }), 'm'), 'x');
  assert.equal(loadProblem(report({ ...ready, state: 'LOADING' }), 'm'), 'no version is available');
});
