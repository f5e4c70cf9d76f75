import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { readModelConfig } from './model-config.ts';
import { ConfigError } from './text-fields.ts';
import { parseTextProto, TextProtoError } from './text-proto.ts';

const CONFIG = `
# a comment
name: "simple"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] },
  { name: 'INPUT' "1" data_type: TYPE_STRING dims: -1 }
]
output { name: "OUTPUT0"; data_type: TYPE_FP32; dims: [ 16 ]; }
dynamic_batching { max_queue_delay_microseconds: 2000 }
response_cache < enable: true >
parameters: { key: "intra_op_thread_count" value: { string_value: "2" } }
parameters { key: "batchyard.nan" value { string_value: "reject" } }
parameters { key: "strange" value { string_value: "x" } }
`;

test('a configuration in the names of Triton is read', () => {
  const config = readModelConfig(parseTextProto(CONFIG));
  assert.deepEqual(
    [config.name, config.maxBatchSize, config.maxQueueDelayMs, config.intraOpThreads, config.nan],
    ['simple', 8, 2, 2, 'reject'],
  );
  assert.deepEqual(config.inputs[1], { name: 'INPUT1', datatype: 'BYTES', dims: [-1] });
  assert.equal(config.responseCache, true);
  assert.deepEqual(config.notes, ['parameter strange has no meaning here yet']);
});

for (const [text, what] of [
  ['name: "a', 'line 1, column 7'],
  ['name "a"', 'expected ":"'],
  ['input {', 'expected "}"'],
  ['a: [1 2]', 'expected ","'],
  ['max_batch_size: }', 'unexpected "}"'],
  ['\n\n  $', 'line 3, column 3'],
] as const) {
  test(`${JSON.stringify(text)} is told with its place`, () => {
    assert.throws(
      () => parseTextProto(text),
      (error) => error instanceof TextProtoError && error.message.includes(what),
    );
  });
}

for (const [text, what] of [
  ['max_batch_size: -1', 'max_batch_size'],
  ['max_batch_size: "8"', 'max_batch_size'],
  ['input { name: "A" data_type: TYPE_COMPLEX }', 'data_type'],
  ['ensemble_scheduling { }', 'ensemble_scheduling'],
  ['parameters { key: "batchyard.nan" value { string_value: "maybe" } }', 'batchyard.nan'],
  ['default_model_filename: "../x"', 'default_model_filename'],
  ['max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }', 'preferred_batch_size'],
  ['dynamic_batching { max_queue_delay_microseconds: -1 }', 'max_queue_delay_microseconds'],
  ['dynamic_batching { priority_levels: 2 }', 'default_priority_level'],
  ['dynamic_batching { priority_queue_policy { key: 1 value { } } }', 'priority_queue_policy.key'],
  ['dynamic_batching { default_queue_policy { timeout_action: DROP } }', 'timeout_action'],
  ['dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }', 'preserve_ordering'],
  ['parameters { key: "batchyard.target_ms" value { string_value: "fast" } }', 'batchyard.target_ms'],
] as const) {
  test(`${text} names the field`, () => {
    assert.throws(
      () => readModelConfig(parseTextProto(text)),
      (error) => error instanceof ConfigError && error.message.includes(what),
    );
  });
}

const BATCHING = `
max_batch_size: 8
dynamic_batching {
  preferred_batch_size: [ 8, 4, 8 ]
  max_queue_delay_microseconds: 1500
  priority_levels: 3
  default_priority_level: 2
  default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 2500 max_queue_size: 9 }
  priority_queue_policy { key: 1 value { allow_timeout_override: true } }
}`;

test("Triton's dynamic_batching is read whole, and a size or a delay makes the model dynamic", () => {
  const config = readModelConfig(parseTextProto(BATCHING));
  assert.deepEqual([config.strategy, config.preferredRows, config.maxQueueDelayMs], ['dynamic', [4, 8], 1.5]);
  const none = { timeout_action: 'REJECT', default_timeout_ms: 0, allow_timeout_override: false, max_queue_size: 0 };
  assert.deepEqual(config.queueing, {
    priority_levels: 3,
    default_priority_level: 2,
    default_policy: { ...none, timeout_action: 'DELAY', default_timeout_ms: 2.5, max_queue_size: 9 },
    policies: { '1': { ...none, allow_timeout_override: true } },
  });
});

test('a strategy of its own comes first, and a model that names neither size nor delay is adaptive', () => {
  const strategy = (text: string): string => readModelConfig(parseTextProto(text)).strategy;
  const own = 'parameters { key: "batchyard.strategy" value { string_value: "latency-optimized" } }';
  assert.equal(strategy(BATCHING + own), 'latency-optimized');
  assert.equal(strategy('dynamic_batching { }'), 'adaptive');
  assert.equal(strategy('dynamic_batching { preserve_ordering: true max_queue_delay_microseconds: 0 }'), 'dynamic');
});

test('no text makes the reader throw anything but its own error', () => {
  const piece = fc.constantFrom('a', ':', '{', '}', '[', ']', '<', '>', ',', '"x"', '1', '-', '#c\n', ' ', '"', '\\');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseTextProto(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof TextProtoError);
      }
    }),
  );
});
