import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';

import { modelConfig, type ConfigMessage } from './model-config.ts';

const MODEL: Model = {
  name: 'm',
  version: '3',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'X', datatype: 'BYTES', shape: [-1] }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [4] }],
  signature: 'abcdefgh',
  nan: 'pass',
};
const first = (config: ConfigMessage, field: string): ConfigMessage =>
  (config[field] as readonly ConfigMessage[])[0] ?? {};

test('a model without a file has every primitive field, and what it serves with', () => {
  const config = modelConfig(MODEL);
  assert.deepEqual(first(config, 'input'), {
    name: 'X',
    data_type: 'TYPE_STRING',
    format: 'FORMAT_NONE',
    dims: [-1],
    is_shape_tensor: false,
    allow_ragged_batch: false,
    optional: false,
    is_non_linear_format_io: false,
  });
  assert.deepEqual(first(config, 'output'), {
    name: 'Y',
    data_type: 'TYPE_FP32',
    dims: [4],
    label_filename: '',
    is_shape_tensor: false,
    is_non_linear_format_io: false,
  });
  const { name, platform, backend, runtime, max_batch_size, default_model_filename, parameters } = config;
  assert.deepEqual(
    [name, platform, backend, runtime, max_batch_size, default_model_filename, parameters],
    ['m', 'onnxruntime_onnx', 'onnxruntime', '', 8, 'model.onnx', {}],
  );
  for (const field of ['batch_input', 'batch_output', 'model_warmup']) assert.deepEqual(config[field], []);
  for (const field of ['cc_model_filenames', 'metric_tags']) assert.deepEqual(config[field], {});
  assert.deepEqual(config['version_policy'], { latest: { num_versions: 1 } });
  assert.deepEqual(config['response_cache'], { enable: false });
  assert.deepEqual(config['dynamic_batching'], {
    preferred_batch_size: [],
    max_queue_delay_microseconds: 0,
    preserve_ordering: false,
    priority_levels: 0,
    default_priority_level: 0,
    priority_queue_policy: {},
  });
});

test('what the file says is shown in its own words, and unknown fields are not', () => {
  const config = modelConfig(
    { ...MODEL, responseCache: true },
    {
      version_policy: [{ specific: [{ versions: [1, 3] }] }],
      output: [{ name: ['Y'], label_filename: ['labels.txt'], dims: [4] }],
      dynamic_batching: [
        {
          preferred_batch_size: [4, 8],
          max_queue_delay_microseconds: [9_007_199_254_740_991],
          priority_queue_policy: [{ key: [2], value: [{ max_queue_size: [7] }] }],
        },
      ],
      parameters: [{ key: ['batchyard.nan'], value: [{ string_value: ['pass'] }] }],
      metric_tags: [{ key: ['team'], value: ['search'] }],
      model_warmup: [{ name: ['w'], batch_size: [1], inputs: [{ key: ['X'], value: [{ zero_data: [true] }] }] }],
      made_up: ['x'],
      constructor: ['x'],
    },
  );
  assert.deepEqual(config['version_policy'], { specific: { versions: [1, 3] } });
  assert.equal(first(config, 'output')['label_filename'], 'labels.txt');
  const batching = config['dynamic_batching'] as ConfigMessage;
  assert.deepEqual(batching['preferred_batch_size'], [4, 8]);
  assert.match(JSON.stringify(batching), /"max_queue_delay_microseconds":9007199254740991,/);
  assert.deepEqual(batching['priority_queue_policy'], {
    '2': {
      timeout_action: 'REJECT',
      default_timeout_microseconds: 0,
      allow_timeout_override: false,
      max_queue_size: 7,
    },
  });
  assert.deepEqual(config['parameters'], { 'batchyard.nan': { string_value: 'pass' } });
  assert.deepEqual(config['metric_tags'], { team: 'search' });
  assert.deepEqual(first(config, 'model_warmup')['inputs'], {
    X: { data_type: 'TYPE_INVALID', dims: [], zero_data: true },
  });
  assert.deepEqual(config['response_cache'], { enable: true });
  assert.equal('made_up' in config, false);
  assert.equal(Object.hasOwn(config, 'constructor'), false);
});

test('a model without a batch axis has no dynamic batching', () => {
  const config = modelConfig({ ...MODEL, maxBatchSize: 0 }, { dynamic_batching: [{}] });
  assert.deepEqual(['dynamic_batching' in config, config['max_batch_size']], [false, 0]);
});
