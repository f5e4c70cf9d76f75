import assert from 'node:assert/strict';
import { test } from 'node:test';

import { firstCurl, startTable } from './start-table.ts';

test('the first command runs the simple model where it is served, else looks at the first model', () => {
  assert.match(
    firstCurl({ url: 'http://h', models: ['a@1', 'simple@1'] }),
    /^curl -s http:\/\/h\/v2\/models\/simple\/infer -d '\{/,
  );
  assert.equal(firstCurl({ url: 'http://h', models: ['a@1'] }), 'curl -s http://h/v2/models/a');
});

test('the table says when nothing is kept', () => {
  const facts = { url: 'u', ops: 'o', models: ['a@1'], redis: 'r', workers: 1 };
  assert.match(startTable({ ...facts, durable: false }), /NO: what is queued is lost/);
  assert.match(startTable({ ...facts, durable: true }), /append-only file/);
});
