import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveBody, modelMetadata, modelReadyBody, readyBody, serverMetadata } from './metadata.ts';
import { SIMPLE, identity } from './testing/samples.ts';

test('model metadata has the batch axis as -1 where the model has one', () => {
  assert.deepEqual(modelMetadata(SIMPLE), {
    name: 'simple',
    versions: ['1'],
    platform: 'onnxruntime_onnx',
    inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [-1, 16] })),
    outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [-1, 16] })),
  });
  const unbatched = modelMetadata(identity('FP32', [-1, 3], { maxBatchSize: 0 }), ['1', '2']);
  assert.deepEqual(unbatched.versions, ['1', '2']);
  assert.deepEqual(unbatched.inputs[0]?.shape, [-1, 3]);
});

test('server metadata and health are JSON with the keys of the protocol only', () => {
  const server = { name: 'batchyard', version: '1.2.3', extensions: ['binary_tensor_data'], secret: 1 };
  assert.deepEqual(serverMetadata(server), { name: 'batchyard', version: '1.2.3', extensions: ['binary_tensor_data'] });
  assert.deepEqual(
    [liveBody(), readyBody(true), readyBody(false)],
    [{ live: true }, { live: true, ready: true }, { live: true, ready: false }],
  );
  assert.deepEqual(modelReadyBody('simple', false), { name: 'simple', ready: false });
});
