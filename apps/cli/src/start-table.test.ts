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

test('the table says whether what is queued is kept, and which mode was asked for', () => {
  const facts = {
    url: 'u',
    grpc: undefined,
    ops: ['o'],
    models: ['a@1'],
    redis: 'r',
    workers: 1,
    durability: 'auto',
  } as const;
  const table = (appendOnly: boolean, policy: string): string =>
    startTable({ ...facts, persistence: { appendOnly, policy } });
  assert.match(table(true, 'noeviction'), /append-only file .*durability auto/);
  assert.match(table(false, 'noeviction'), /NO: what is queued is lost .*durability auto/);
  assert.match(table(true, 'allkeys-lru'), /NO: Redis evicts/);
});
