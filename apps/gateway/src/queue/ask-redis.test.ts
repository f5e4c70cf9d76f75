import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';

import { askRedis } from './ask-redis.ts';

test('an answer of Redis passes unchanged', async () => {
  assert.equal(await askRedis(async (a: number, b: number) => a + b)(1, 2), 3);
});

test('a question that Redis did not answer can be asked again, which is no defect of ours', async () => {
  const ask = askRedis(async () => {
    throw new Error('LOADING Redis is loading the dataset in memory');
  });
  await assert.rejects(ask(), (error) => error instanceof Failure && error.code === 'queue_unavailable');
});
