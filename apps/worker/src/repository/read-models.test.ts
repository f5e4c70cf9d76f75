import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { simple } from '../../../../models/make-simple.ts';
import { modelBytes, writeModelFolder } from '../../../../models/model-folder.ts';
import { createModelReader } from './read-models.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'batchyard-reader-'));
  await writeModelFolder(root, simple);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const LONG_AGO = new Date(1_000_000_000_000);
/** As if it had been written long ago, so that nobody waits for its end. */
async function put(path: string, content: Uint8Array | string): Promise<void> {
  const file = join(root, path);
  await writeFile(`${file}.new`, content);
  await utimes(`${file}.new`, LONG_AGO, LONG_AGO);
  await rename(`${file}.new`, file);
}
const readerOf = (pauses: number[] = []) =>
  createModelReader({
    root,
    async pause(ms) {
      pauses.push(ms);
    },
  });

test('a model is read again when something of its folder has changed, or another configuration is given', async () => {
  const reader = readerOf();
  const first = await reader.open('simple');
  assert.equal(await reader.open('simple'), first);
  const given = await reader.open('simple', '{"max_batch_size": 2}');
  assert.deepEqual([given.models[0]?.config.maxBatchSize, given === first], [2, false]);
  await put('simple/1/model.onnx', modelBytes({ ...simple, name: 'other' }));
  const second = await reader.open('simple');
  assert.notEqual(second.models[0]?.sha256, first.models[0]?.sha256);
  assert.notEqual(second.models[0]?.stamp, first.models[0]?.stamp);
  await put('simple/config.pbtxt', 'max_batch_size: 3');
  const third = await reader.open('simple');
  assert.equal(third.models[0]?.sha256, second.models[0]?.sha256);
  assert.notEqual(third.models[0]?.stamp, second.models[0]?.stamp);
});

test('a file that is being written is waited for, but not for ever', async () => {
  const pauses: number[] = [];
  let writes = 0;
  const file = join(root, 'simple/1/model.onnx');
  const reader = createModelReader({
    root,
    async pause(ms) {
      pauses.push(ms);
      writes += 1;
      if (writes < 4) await writeFile(file, 'x'.repeat(writes));
      else if (writes === 4) await writeFile(file, modelBytes(simple));
    },
  });
  await writeFile(file, '');
  assert.deepEqual((await reader.open('simple')).problems, []);
  assert.equal(pauses.length, 5);
});

test('a folder that is gone, or is none, has no models and no problems', async () => {
  const reader = readerOf();
  await mkdir(join(root, 'empty'));
  await writeFile(join(root, 'file'), '');
  for (const name of ['nothing', 'empty', 'file'])
    assert.deepEqual(await reader.open(name), { models: [], problems: [] });
  assert.deepEqual(await reader.names(), ['empty', 'simple']);
  assert.deepEqual([await reader.isModel('simple'), await reader.isModel('empty')], [true, false]);
});

test('a repository that cannot be read is told, without its path', async () => {
  const reader = createModelReader({ root: join(root, 'nowhere'), pause: async () => undefined });
  await assert.rejects(reader.names(), { message: 'the model repository cannot be read (ENOENT)' });
});
