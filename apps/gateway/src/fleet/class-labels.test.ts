import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';

import { createClassLabels } from './class-labels.ts';

const model = (details?: string): Model => ({
  name: 'm',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 0,
  inputs: [],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [2] }],
  signature: 'abcdefgh',
  nan: 'pass',
  ...(details === undefined ? {} : { details }),
});

test('labels are read once for each change of the details, and only 32 models are kept', async () => {
  const asked: string[] = [];
  const labels = createClassLabels((queue) => {
    asked.push(queue);
    return Promise.resolve({ config: {}, labels: { Y: [`${queue} ${asked.length}`] } });
  });
  assert.equal(await labels({ model: model(), queue: 'old@1' }), undefined);
  assert.deepEqual(await labels({ model: model('a'), queue: 'm@1' }), { Y: ['m@1 1'] });
  assert.deepEqual(await labels({ model: model('a'), queue: 'm@1' }), { Y: ['m@1 1'] });
  assert.deepEqual(await labels({ model: model('b'), queue: 'm@1' }), { Y: ['m@1 2'] });
  assert.deepEqual(asked, ['m@1', 'm@1']);
  for (let i = 0; i < 32; i += 1) await labels({ model: model('c'), queue: `n${i}@1` });
  await labels({ model: model('b'), queue: 'm@1' });
  assert.equal(asked.at(-1), 'm@1');
  await labels({ model: model('c'), queue: 'n31@1' });
  assert.equal(asked.at(-1), 'm@1');
});

test('what cannot be read is told, and asked again', async () => {
  let away = true;
  const labels = createClassLabels(() =>
    away ? Promise.reject(new Error('away')) : Promise.resolve({ config: {}, labels: { Y: ['a'] } }),
  );
  await assert.rejects(labels({ model: model('a'), queue: 'm@1' }), /away/);
  away = false;
  assert.deepEqual(await labels({ model: model('a'), queue: 'm@1' }), { Y: ['a'] });
});
