import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { readInstances } from './instance-group.ts';
import { readWarmup, warmupTensors } from './model-warmup.ts';
import { parseTextProto } from './text-proto.ts';

const sample = (inputs: string) =>
  readWarmup(parseTextProto(`model_warmup { name: "s" batch_size: 2 count: 3 inputs { ${inputs} } }`));

test('samples are read with their inputs; a file by a plain name', () => {
  assert.deepEqual(readWarmup({}), []);
  assert.deepEqual(sample('key: "A" value { data_type: TYPE_STRING dims: 3 input_data_file: "raw" }')[0], {
    name: 's',
    rows: 2,
    count: 3,
    inputs: [{ name: 'A', datatype: 'BYTES', dims: [3], from: { kind: 'file', file: 'raw' } }],
  });
  for (const [inputs, reason] of [
    ['value { data_type: TYPE_FP32 dims: 1 zero_data: true }', /has no key/],
    ['key: "A" value { data_type: TYPE_BF16 dims: 1 zero_data: true }', /unknown data_type/],
    ['key: "A" value { data_type: TYPE_FP32 dims: -1 zero_data: true }', /dims of A/],
    ['key: "A" value { data_type: TYPE_FP32 dims: 1 }', /needs zero_data, random_data or input_data_file/],
    ['key: "A" value { data_type: TYPE_FP32 dims: 1 input_data_file: "../x" }', /plain file name/],
  ] as const)
    assert.throws(() => sample(inputs), reason, inputs);
  assert.throws(() => readWarmup(parseTextProto('model_warmup { count: 1001 }')), /at most 1000/);
});

test('tensors are zeros, the same noise each time, or what a file holds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-warmup-'));
  await mkdir(join(folder, 'warmup'));
  await writeFile(join(folder, 'warmup', 'texts'), Buffer.from('\u0001\0\0\0a\u0002\0\0\0bc', 'latin1'));
  await writeFile(join(folder, 'warmup', 'cut'), Buffer.from('\u0005\0\0\0a', 'latin1'));
  const made = async (inputs: string) => {
    const [first] = sample(inputs);
    assert.ok(first);
    return (await warmupTensors(folder, first))[0];
  };
  try {
    const zeros = await made('key: "A" value { data_type: TYPE_INT64 dims: 3 zero_data: true }');
    assert.deepEqual([zeros?.shape, zeros?.data], [[2, 3], new Uint8Array(48)]);
    const noise = await made('key: "A" value { data_type: TYPE_FP32 dims: 3 random_data: true }');
    assert.deepEqual(noise, await made('key: "A" value { data_type: TYPE_FP32 dims: 3 random_data: true }'));
    const floats = new Float32Array(new Uint8Array((noise?.data ?? []) as Uint8Array).buffer);
    assert.ok(floats.every((value) => value >= 0 && value < 1) && new Set(floats).size > 1);
    const texts = await made('key: "A" value { data_type: TYPE_STRING dims: 1 input_data_file: "texts" }');
    assert.deepEqual(texts?.data, ['a', 'bc']);
    const file = (name: string) => `key: "A" value { data_type: TYPE_STRING dims: 1 input_data_file: "${name}" }`;
    await assert.rejects(made(file('cut')), /ends within an element/);
    await assert.rejects(made(file('none')), /is not a plain file/);
    await assert.rejects(
      made('key: "A" value { data_type: TYPE_FP32 dims: 99000000 zero_data: true }'),
      /more than 67108864 bytes/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('instances are the sum of all groups', () => {
  const count = (text: string): number => readInstances(parseTextProto(text));
  assert.equal(count(''), 1);
  assert.equal(count('instance_group { }'), 1);
  assert.equal(count('instance_group [ { count: 2 }, { count: 3 kind: KIND_CPU } ]'), 5);
  for (const text of ['instance_group { count: 17 }', 'instance_group { count: 0 }', 'instance_group { kind: KIND_X }'])
    assert.throws(() => count(text), /instance_group/, text);
});
