/** What a repository makes of models that are broken or dangerous: each is told with its reason, and the others stay. */
import assert from 'node:assert/strict';
import { appendFile, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import fc from 'fast-check';

import { simple } from '../../../../models/make-simple.ts';
import { modelBytes, parameter, writeModelFolder, type ModelSource } from '../../../../models/model-folder.ts';
import { externalLocations } from './external-data.ts';
import { createModelReader } from './read-models.ts';

let scratch: string;
let root: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'batchyard-repository-'));
  root = join(scratch, 'models');
  await writeModelFolder(root, simple);
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

/** X + W, with W in another file. */
const addsWeights = (location: string): ModelSource => ({
  name: 'adds',
  maxBatchSize: 0,
  inputs: [{ name: 'X', datatype: 'FP32', shape: [2] }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [2] }],
  nodes: [{ op: 'Add', inputs: ['X', 'W'], outputs: ['Y'] }],
  initializers: [{ name: 'W', datatype: 'FP32', shape: [2], data: { location } }],
});
const weights = Buffer.from(Float32Array.of(1, 2).buffer);

/** The reason why `name` is not served; `simple` is, whatever that is. */
async function reasonOf(name: string): Promise<string | undefined> {
  const reader = createModelReader({ root, pause: async () => undefined });
  const opened = await Promise.all((await reader.names()).map((one) => reader.open(one)));
  const models = opened.flatMap((one) => one.models);
  const problems = opened.flatMap((one) => one.problems);
  assert.ok(models.some((model) => model.name === 'simple'));
  const found = problems.find(({ model }) => model === name)?.sentence;
  assert.equal(
    found === undefined,
    models.some((model) => model.name === name),
  );
  assert.ok(!found?.includes(scratch), found);
  return found;
}

test('Models: a name that is no safe path segment: refused', async () => {
  for (const name of ['a b', 'a@1', 'ä', 'a'.repeat(129)]) {
    await writeModelFolder(root, { ...simple, name });
    assert.equal(await reasonOf(name), 'the name is no safe path segment', name);
  }
});

test('Models: empty, text and random bytes as model.onnx: refused, the others serve on', async () => {
  for (const [bytes, reason] of [
    ['', 'the model file is empty'],
    ['hello', 'the model file is not a readable ONNX file'],
    [Buffer.alloc(400, 0xff), 'the model file is not a readable ONNX file'],
    [modelBytes(simple).subarray(0, 60), 'the model file is not a readable ONNX file'],
  ] as const) {
    await mkdir(join(root, 'bad', '1'), { recursive: true });
    await writeFile(join(root, 'bad', '1', 'model.onnx'), bytes);
    assert.equal(await reasonOf('bad'), reason);
  }
});

test('Models: a model file that is missing, a folder or a symbolic link: refused', async () => {
  const file = join(root, 'odd', '1', 'model.onnx');
  await mkdir(join(root, 'odd', '1'), { recursive: true });
  assert.equal(await reasonOf('odd'), 'the model file is missing');
  await mkdir(file);
  assert.equal(await reasonOf('odd'), 'the model file is not a plain file');
  await rm(file, { recursive: true });
  await symlink(join(root, 'simple', '1', 'model.onnx'), file);
  assert.equal(await reasonOf('odd'), 'the model file is not a plain file');
});

test('Models: config.pbtxt that does not parse: line and column', async () => {
  await writeModelFolder(root, { ...simple, name: 'bad' });
  await appendFile(join(root, 'bad', 'config.pbtxt'), '  $\n');
  const lines = (await readFile(join(root, 'bad', 'config.pbtxt'), 'utf8')).split('\n').length - 1;
  assert.match((await reasonOf('bad')) ?? '', new RegExp(`^config\\.pbtxt: .*\\b${lines}\\b.*\\b3\\b`));
});

test('Models: a configuration that is no file, or larger than a megabyte: refused', async () => {
  await writeModelFolder(root, { ...simple, name: 'bad' });
  const config = join(root, 'bad', 'config.pbtxt');
  await appendFile(config, `#${'x'.repeat(1_048_576)}\n`);
  assert.equal(await reasonOf('bad'), 'config.pbtxt has more than 1048576 bytes');
  await rm(config);
  await mkdir(config);
  assert.equal(await reasonOf('bad'), 'config.pbtxt is not a file');
});

test('Models: wrong sha256 in the manifest: refused; it covers the files that the model keeps data in', async () => {
  await writeModelFolder(root, addsWeights('weights.bin'));
  await writeFile(join(root, 'adds', '1', 'weights.bin'), weights);
  const sha256 = createHash('sha256')
    .update(modelBytes(addsWeights('weights.bin')))
    .update(weights)
    .digest('hex');
  await appendFile(join(root, 'adds', 'config.pbtxt'), `${parameter('batchyard.sha256', sha256)}\n`);
  assert.equal(await reasonOf('adds'), undefined);
  await writeFile(join(root, 'adds', '1', 'weights.bin'), Buffer.alloc(8));
  assert.match((await reasonOf('adds')) ?? '', /not the one of batchyard\.sha256/);
});

test("Models: external data outside the model's folder, by path, symlink or hard link: refused", async () => {
  const outside = join(scratch, 'weights.bin');
  await writeFile(outside, weights);
  for (const location of ['../../../weights.bin', outside, '..', '.', 'a/../../x', '..\\x', '']) {
    await writeModelFolder(root, addsWeights(location));
    assert.equal(await reasonOf('adds'), 'the model keeps data outside its version folder', location);
  }
  await writeModelFolder(root, addsWeights('weights.bin'));
  assert.equal(await reasonOf('adds'), 'a file with data of the model is missing');
  const inside = join(root, 'adds', '1', 'weights.bin');
  for (const make of [symlink, link]) {
    await make(outside, inside);
    assert.equal(await reasonOf('adds'), 'the model keeps data in a file that is a link');
    await rm(inside);
  }
  await writeFile(inside, weights);
  assert.equal(await reasonOf('adds'), undefined);
});

test('external data is found wherever a tensor may be: in attributes, subgraphs, functions, sparse tensors', () => {
  const message = (number: number, content: Buffer): Buffer => {
    assert.ok(content.byteLength < 128 && number < 2_048);
    const tag = number * 8 + 2;
    const head = tag < 128 ? [tag] : [(tag % 128) + 128, Math.floor(tag / 128)];
    return Buffer.concat([Buffer.from([...head, content.byteLength]), content]);
  };
  const wrapped = (...path: number[]): Buffer =>
    path.reduceRight<Buffer>(
      (content, number) => message(number, content),
      Buffer.concat([message(1, Buffer.from('location')), message(2, Buffer.from('w'))]),
    );
  for (const path of [
    [7, 5, 13],
    [7, 15, 1, 13],
    [7, 15, 2, 13],
    [7, 1, 5, 5, 13],
    [7, 1, 5, 10, 13],
    [7, 1, 5, 6, 5, 13],
    [7, 1, 5, 11, 1, 5, 22, 1, 13],
    [25, 7, 5, 5, 13],
    [20, 1, 5, 13],
  ])
    assert.deepEqual(externalLocations(wrapped(...path)), ['w'], path.join('.'));
  assert.deepEqual(externalLocations(wrapped(7, 5, 8)), []);
});

test('whatever bytes a model file has, it gives locations or the one sentence', () => {
  const good = Buffer.from(modelBytes(addsWeights('w')));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        externalLocations(bytes);
      } catch (error) {
        assert.equal((error as Error).message, 'the model file is not a readable ONNX file');
      }
    }),
  );
});

test('labels are read with the configuration; a label file that is no plain file of the folder: refused', async () => {
  const labelled = async (filename: string): Promise<void> => {
    await writeModelFolder(root, { ...simple, name: 'bad' });
    const output = `output { name: "OUTPUT0" data_type: TYPE_INT32 dims: 16 label_filename: ${JSON.stringify(filename)} }`;
    const config = await readFile(join(root, 'bad', 'config.pbtxt'), 'utf8');
    await writeFile(join(root, 'bad', 'config.pbtxt'), `${config.replace(/^output .*"OUTPUT0".*$/m, '')}${output}\n`);
  };
  await labelled('labels.txt');
  assert.match((await reasonOf('bad')) ?? '', /label_filename of OUTPUT0 is not a plain file/);
  await symlink(join(root, 'simple', 'config.pbtxt'), join(root, 'bad', 'labels.txt'));
  assert.match((await reasonOf('bad')) ?? '', /label_filename of OUTPUT0 is not a plain file/);
  await rm(join(root, 'bad', 'labels.txt'));
  await writeFile(join(root, 'bad', 'labels.txt'), 'cat\r\n\ndög\n');
  assert.equal(await reasonOf('bad'), undefined);
  const [found] = (await createModelReader({ root, pause: async () => undefined }).open('bad')).models;
  assert.deepEqual(found?.details.labels, { OUTPUT0: ['cat', '', 'dög'] });
  assert.deepEqual(found?.details.config['max_batch_size'], [8]);
  for (const filename of ['../simple/config.pbtxt', '.hidden', 'a/b', 'a\\b']) {
    await labelled(filename);
    assert.match((await reasonOf('bad')) ?? '', /must be a plain file name/, filename);
  }
});
