import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';

import { createFleetView } from './fleet-view.ts';

const model = (name: string, version = '1'): Model => ({
  name,
  version,
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [],
  outputs: [],
  signature: 's',
  nan: 'pass',
});

test('a model that has gone from Redis is known for ten seconds more: an emptied Redis hears of it again', async () => {
  const state = { nowMs: 0, models: [model('a'), model('a', '2'), model('b')] };
  const fleet = createFleetView(
    { models: async () => state.models, workers: async () => [], memoryShare: async () => 0 },
    () => state.nowMs,
  );
  const at = async (nowMs: number): Promise<string[]> => {
    state.nowMs = nowMs;
    await fleet.refresh();
    return fleet.models().map(({ queue }) => queue);
  };
  const all = ['a@2', 'a@1', 'b@1'];
  assert.deepEqual(await at(0), all);
  state.models = [];
  assert.deepEqual(await at(10_000), all);
  assert.equal(fleet.model('a')?.model.version, '2');
  state.models = [model('b')];
  assert.deepEqual(await at(10_001), ['b@1']);
  assert.equal(fleet.known('a'), false);
  assert.equal(fleet.byQueue('a@1'), undefined);
});
