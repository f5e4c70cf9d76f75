/** Model files that are broken or mean harm, beside one that is good: that one serves, the others are not known. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

let models: string;
let redis: TestRedis;
let system: System;
let broken: readonly string[];
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-broken-'));
  await makeTestModels(models, ['simple']);
  const good = await readFile(join(models, 'simple/1/model.onnx'));
  const files: Readonly<Record<string, Uint8Array>> = {
    truncated: good.subarray(0, good.length / 2),
    random: Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 7919) % 251)),
    empty: Buffer.alloc(0),
    text: Buffer.from('hello'),
    unconfigured: good,
  };
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(models, name, '1'), { recursive: true });
    await writeFile(join(models, name, '1/model.onnx'), bytes);
  }
  await writeFile(join(models, 'unconfigured/config.pbtxt'), 'max_batch_size: }');
  await mkdir(join(models, 'linked/1'), { recursive: true });
  await symlink(join(models, 'simple/1/model.onnx'), join(models, 'linked/1/model.onnx'));
  broken = [...Object.keys(files), 'linked'];
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, LOG_LEVEL: 'error' });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const infer = (model: string): Promise<Response> => post(`${system.url}/v2/models/${model}/infer`, simpleBody(1));

test('the good model serves, and the broken ones are 404', async () => {
  const answer = await infer('simple');
  assert.equal(answer.status, 200);
  checkSimple(1, (await answer.json()) as Answer);
  for (const name of broken) {
    const refused = await infer(name);
    assert.deepEqual(
      [refused.status, await refused.json()],
      [404, { error: `Request for unknown model: '${name}' is not found` }],
    );
  }
});

test('the repository index tells of each, with a reason that shows no path', async () => {
  const answer = await fetch(`${system.url}/v2/repository/index`, { method: 'POST' });
  const lines = (await answer.json()) as { name: string; state: string; reason: string }[];
  assert.deepEqual(
    lines.filter(({ state }) => state === 'READY').map(({ name }) => name),
    ['simple'],
  );
  for (const name of broken) {
    const line = lines.find((one) => one.name === name);
    assert.equal(line?.state, 'UNAVAILABLE', name);
    assert.ok(line.reason.length > 0 && !line.reason.includes(models), line.reason);
  }
});

test('each is named in the log, with a sentence that shows no path', () => {
  const lines = system.output().split('\n');
  for (const name of broken) {
    const line = lines.find((one) => one.includes('a model cannot be served') && one.includes(`"model":"${name}"`));
    assert.ok(line, `${name} is not told of`);
    const { sentence } = JSON.parse(line) as { sentence: string };
    assert.ok(sentence.length > 0 && !sentence.includes(models), sentence);
  }
});
