import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseJsonConfig } from './json-config.ts';
import { readModelConfig } from './model-config.ts';
import { parseTextProto } from './text-proto.ts';

const TEXT = `
  name: "m" max_batch_size: 8
  input [ { name: "X" data_type: TYPE_FP32 dims: [ -1, 4 ] } ]
  dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 5000
    priority_levels: 2 default_priority_level: 1
    priority_queue_policy { key: 2 value { timeout_action: DELAY default_timeout_microseconds: 1000 } } }
  version_policy { specific { versions: [ 1, 3 ] } }
  parameters { key: "batchyard.target_ms" value { string_value: "30" } }
`;
const JSON_FORM = {
  name: 'm',
  max_batch_size: 8,
  input: [{ name: 'X', data_type: 'TYPE_FP32', dims: ['-1', 4] }],
  dynamic_batching: {
    preferred_batch_size: [4, 8],
    max_queue_delay_microseconds: '5000',
    priority_levels: 2,
    default_priority_level: 1,
    priority_queue_policy: { 2: { timeout_action: 'DELAY', default_timeout_microseconds: 1000 } },
  },
  version_policy: { specific: { versions: ['1', 3] } },
  parameters: { 'batchyard.target_ms': { string_value: '30' } },
};
const plain = (config: ReturnType<typeof readModelConfig>) => ({
  ...config,
  written: undefined,
  sha256: config.sha256('1'),
});

test('JSON and the text format say the same', () => {
  const expected = plain(readModelConfig(parseTextProto(TEXT)));
  assert.deepEqual(plain(readModelConfig(parseJsonConfig(JSON.stringify(JSON_FORM)))), expected);
  const { max_batch_size: maxBatchSize, ...others } = JSON_FORM;
  assert.deepEqual(plain(readModelConfig(parseJsonConfig(JSON.stringify({ ...others, maxBatchSize })))), expected);
});

test('names that JavaScript knows are names like others', () => {
  const config = readModelConfig(parseJsonConfig('{"__proto__": {"a": 1}, "constructor": 2, "toString": 3}'));
  assert.deepEqual(config.notes.length, 3);
  assert.equal(({} as { a?: unknown }).a, undefined);
});

test('what is no configuration is refused', () => {
  for (const text of ['', '[]', 'null', '3', '{"name": [["x"]]}', `{"a":${'{"a":'.repeat(40)}1${'}'.repeat(41)}`])
    assert.throws(() => parseJsonConfig(text), text);
});

test('no reason shows what is in the file', () => {
  assert.throws(() => parseJsonConfig('root:x:0:0:secret'), { message: 'it is not JSON' });
});
