/** Several versions of a model at once, by its version policy: each answers for itself, and the newest for the model. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { writeModelFolder } from '../../models/model-folder.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { factorOf, scaled } from '../support/scaled-model.ts';
import { startSystem, type System } from '../support/system.ts';

const POLICIES: Readonly<Record<string, readonly string[]>> = {
  newest: [],
  latest: ['version_policy { latest { num_versions: 2 } }'],
  all: ['version_policy { all { } }'],
  specific: ['version_policy { specific { versions: [1, 3, 7] } }'],
};
const SERVED: Readonly<Record<string, readonly string[]>> = {
  newest: ['10'],
  latest: ['10', '3'],
  all: ['10', '3', '1'],
  specific: ['3', '1'],
  broken: ['3', '1'],
  fromjson: ['3', '1'],
};

let models: string;
let redis: TestRedis;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-versions-'));
  for (const [name, settings] of Object.entries({ ...POLICIES, broken: POLICIES['all'] ?? [] }))
    for (const version of ['1', '3', '10'])
      await writeModelFolder(models, scaled(name, Number(version), settings), version);
  await writeFile(join(models, 'broken/10/model.onnx'), 'no model');
  for (const version of ['1', '3', '10'])
    await writeModelFolder(models, { ...scaled('fromjson', Number(version)), withoutConfig: true }, version);
  await writeFile(
    join(models, 'fromjson/config.json'),
    JSON.stringify({ max_batch_size: 4, version_policy: { specific: { versions: ['1', '3'] } } }),
  );
  // No version: neither a number, nor a folder.
  await mkdir(join(models, 'newest/latest'));
  await writeFile(join(models, 'newest/11'), '');
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, LOG_LEVEL: 'error' });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

for (const [name, versions] of Object.entries(SERVED)) {
  test(`${name}: ${versions.join(' and ')}, each by itself, and the newest where none is named`, async () => {
    const [newest] = versions;
    assert.deepEqual(await factorOf(system.url, name), { status: 200, factor: Number(newest), version: newest });
    for (const version of versions)
      assert.deepEqual(await factorOf(system.url, `${name}/versions/${version}`), {
        status: 200,
        factor: Number(version),
        version,
      });
    for (const version of ['1', '3', '7', '10', '11'].filter((one) => !versions.includes(one)))
      assert.deepEqual(await factorOf(system.url, `${name}/versions/${version}`), { status: 404 }, version);
    const metadata = (await (await fetch(`${system.url}/v2/models/${name}`)).json()) as { versions: string[] };
    assert.deepEqual(metadata.versions, versions);
  });
}

test('a version that is broken or named in vain is told, with its version and the reason', () => {
  const lines = system
    .output()
    .split('\n')
    .filter((line) => line.includes('a model cannot be served'))
    .map((line) => JSON.parse(line) as { model: string; version: string; sentence: string });
  const told = lines.map(({ model, version, sentence }) => `${model} ${version}: ${sentence}`).toSorted();
  assert.deepEqual(told, [
    'broken 10: the model file is not a readable ONNX file',
    'specific 7: version_policy names it, and there is no such folder',
  ]);
});
