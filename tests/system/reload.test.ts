/**
 * Files of models that change, come and go while 64 connections ask, on two workers: nothing that was asked for fails, and
 * what was accepted is answered.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { modelBytes, writeModelFolder, type ModelSource } from '../../models/model-folder.ts';
import { ended, oneRow, resultOf, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { factorOf, scaled } from '../support/scaled-model.ts';
import { startSteadyLoad } from '../support/steady-load.ts';
import { startSystem, until, type System } from '../support/system.ts';

const CONNECTIONS = 64;
let models: string;
let redis: TestRedis;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-reload-'));
  for (const name of ['steady', 'shaped']) await writeModelFolder(models, scaled(name, 1));
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_WORKERS: '2',
    BATCHYARD_MODEL_POLL: '0.3',
    LOG_LEVEL: 'error',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

/** Puts the file of a version in place as one step, as a deployment should. */
async function putFile(name: string, bytes: Uint8Array | string, version = '1'): Promise<void> {
  const file = join(models, name, version, 'model.onnx');
  await writeFile(`${file}.new`, bytes);
  await rename(`${file}.new`, file);
}

/** Waits until every answer is of this file: of 64 in a row, so that both workers have been asked. */
async function untilAllAnswer(path: string, factor: number): Promise<void> {
  await until(`${path} answers ${factor}`, async () => {
    const answers = await Promise.all(Array.from({ length: CONNECTIONS }, () => factorOf(system.url, path)));
    return answers.every((answer) => answer.factor === factor) ? true : undefined;
  });
}

test('a model gets another file, twice, then a broken one, then another version: no request fails', async () => {
  const load = startSteadyLoad(system.url, 'steady', CONNECTIONS);
  try {
    await until('it is under way', async () => ((load.counts()['200'] ?? 0) > 200 ? true : undefined));
    for (const factor of [2, 3]) {
      await putFile('steady', modelBytes(scaled('steady', factor)));
      await untilAllAnswer('steady', factor);
    }
    await putFile('steady', 'no model at all');
    await until('the broken file was told', async () =>
      system.output().includes('the model file is not a readable ONNX file') ? true : undefined,
    );
    await untilAllAnswer('steady', 3);
    await writeModelFolder(models, scaled('steady', 4), '2');
    await untilAllAnswer('steady', 4);
    assert.equal((await factorOf(system.url, 'steady/versions/2')).factor, 4);
  } finally {
    await load.stop();
  }
  const { 200: good = 0, ...others } = load.counts();
  assert.deepEqual(others, {}, load.complaints().join('\n'));
  assert.deepEqual(
    [...load.factors().keys()].toSorted((a, b) => a - b),
    [1, 2, 3, 4],
  );
  process.stdout.write(`# ${good} requests over four changes of the file, none failed\n`);
});

test('the older version is withdrawn once the newer one serves: its queue runs dry, then it is unknown', async () => {
  await until('version 1 is gone', async () =>
    (await factorOf(system.url, 'steady/versions/1')).status === 404 ? true : undefined,
  );
  const metadata = (await (await fetch(`${system.url}/v2/models/steady`)).json()) as { versions: string[] };
  assert.deepEqual(metadata.versions, ['2']);
});

test('while the repository is polled nothing is loaded by request', async () => {
  for (const what of ['load', 'unload']) {
    const answer = await fetch(`${system.url}/v2/repository/models/steady/${what}`, { method: 'POST' });
    const error = 'explicit model load / unload is not allowed if polling is enabled';
    assert.deepEqual([answer.status, await answer.json()], [400, { error }]);
  }
});

test('jobs that wait while their model gets other inputs run on the file they were made for', async () => {
  const operate = (what: string): Promise<Response> =>
    fetch(`${system.ops}/v1/queues/shaped@1/${what}`, { method: 'POST' });
  assert.equal((await operate('pause')).status, 200);
  const jobs = await Promise.all(
    Array.from({ length: 20 }, (_, i) => submitJob(system.url, 'shaped', oneRow('INPUT0', 'FP32', [i + 1]))),
  );
  const wider: ModelSource = {
    ...scaled('shaped', 10),
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [2] }],
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [2] }],
  };
  await writeModelFolder(models, wider);
  await until('the new file is known', async () => {
    const answer = (await (await fetch(`${system.url}/v2/models/shaped`)).json()) as { inputs: { shape: number[] }[] };
    return answer.inputs[0]?.shape[1] === 2 ? true : undefined;
  });
  const newer = await submitJob(system.url, 'shaped', oneRow('INPUT0', 'FP32', [1, 2]));
  assert.equal((await operate('resume')).status, 200);
  for (const [i, id] of jobs.entries()) {
    assert.equal((await ended(system.url, id)).status, 'succeeded');
    assert.deepEqual(await resultOf(system.url, id), [i + 1]);
  }
  assert.equal((await ended(system.url, newer)).status, 'succeeded');
  assert.deepEqual(await resultOf(system.url, newer), [10, 20]);
});

test('a model that appears is served, and one that disappears is served until it is unknown', async () => {
  await writeModelFolder(models, scaled('guest', 7));
  await untilAllAnswer('guest', 7);
  const id = await submitJob(system.url, 'guest', oneRow('INPUT0', 'FP32', [2]));
  assert.equal((await ended(system.url, id)).status, 'succeeded');
  const load = startSteadyLoad(system.url, 'guest', CONNECTIONS);
  await rename(join(models, 'guest'), join(models, '..', `${models.split('/').at(-1)}-guest`));
  await until('it is unknown', async () => ((load.counts()['404'] ?? 0) > CONNECTIONS ? true : undefined));
  await load.stop();
  await rm(`${models}-guest`, { recursive: true });
  assert.deepEqual(Object.keys(load.counts()).toSorted(), ['200', '404'], load.complaints().join('\n'));
  // Its results are kept as long as any.
  assert.deepEqual(await resultOf(system.url, id), [14]);
});
