import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
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

test('what is withdrawn is offered as long as a worker goes on serving it, and its queue stays known', async () => {
  const served = { queue: 'a@1', signature: 's', sessions: 1, intra_op_threads: 1, latency: [] };
  const state = { models: [model('a'), model('a', '2')], lines: [] as { leaving?: boolean; queue: string }[] };
  const heartbeat = () => ({ id: 'w', state: 'serving', host: 'h', models: state.lines }) as unknown as Heartbeat;
  const fleet = createFleetView({
    models: async () => state.models,
    workers: async () => [{ heartbeat: heartbeat(), silentMs: 0 }],
    memoryShare: async () => 0,
  });
  const look = async () => {
    await fleet.refresh();
    return [fleet.model('a')?.model.version, fleet.versions('a').join(), fleet.known('a'), fleet.ready()];
  };
  assert.deepEqual(await look(), ['2', '2,1', true, true], 'a worker without models is ready to be given some');
  state.lines = [served];
  assert.deepEqual(await look(), ['1', '1', true, true]);
  state.models = [{ ...model('a'), withdrawn: true }];
  assert.deepEqual(await look(), ['1', '1', true, true], 'by another worker than the one that withdrew it');
  state.lines = [{ ...served, leaving: true }];
  assert.deepEqual(
    await look(),
    ['2', '2', true, false],
    'only the version that nobody serves is left to be asked for',
  );
  assert.deepEqual([fleet.byQueue('a@1')?.offered, fleet.models().length], [false, 2]);
});

test('a worker counts once for each session that its cores carry', async () => {
  const latency = [{ rows: 1, p50_ms: 1, p99_ms: 1 }];
  const rate = async (sessions: number, cores: number): Promise<number | undefined> => {
    const line = { queue: 'a@1', signature: 's', sessions, intra_op_threads: 1, latency };
    const heartbeat = { id: 'w', state: 'serving', host: 'h', cores, models: [line] } as unknown as Heartbeat;
    const fleet = createFleetView({
      models: async () => [model('a')],
      workers: async () => [{ heartbeat, silentMs: 0 }],
      memoryShare: async () => 0,
    });
    await fleet.refresh();
    return fleet.model('a')?.rowsPerMs;
  };
  assert.deepEqual([await rate(1, 4), await rate(3, 4), await rate(8, 4), await rate(0, 4)], [1, 3, 4, 1]);
});
