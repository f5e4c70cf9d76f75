/** Models loaded and unloaded by request, on all workers, and by those that start later. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { modelBytes, writeModelFolder } from '../../models/model-folder.ts';
import { readApi } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { factorOf, scaled } from '../support/scaled-model.ts';
import { post } from '../support/simple-client.ts';
import { startSteadyLoad } from '../support/steady-load.ts';
import { startSystem, until, type System } from '../support/system.ts';

let models: string;
let redis: TestRedis;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-explicit-'));
  await writeModelFolder(models, scaled('first', 1));
  await writeModelFolder(models, scaled('second', 2));
  await writeModelFolder(models, scaled('broken', 3));
  await writeFile(join(models, 'broken/1/model.onnx'), 'no model');
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_WORKERS: '2',
    BATCHYARD_MODEL_CONTROL: 'explicit',
    BATCHYARD_LOAD_MODELS: 'first',
    LOG_LEVEL: 'fatal',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Line = { readonly name: string; readonly version?: string; readonly state: string; readonly reason: string };
const repository = (what: string, body?: unknown): Promise<Response> =>
  fetch(`${system.url}/v2/repository/${what}`, {
    method: 'POST',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const index = async (body?: unknown): Promise<Line[]> => (await (await repository('index', body)).json()) as Line[];
/** Status and text; the text of success is empty. */
async function told(what: string, body?: unknown): Promise<readonly [number, string]> {
  const answer = await repository(what, body);
  const text = await answer.text();
  assert.equal(answer.headers.get('content-type'), answer.status === 200 ? null : 'application/json');
  return [answer.status, text === '' ? '' : (JSON.parse(text) as { error: string }).error];
}
/** By how many workers of how many. */
async function servedBy(queue: string): Promise<readonly [number, number]> {
  const workers = (await system.workers()).filter(({ state }) => state === 'serving');
  const served = workers.filter((one) => JSON.stringify(one.models).includes(`"${queue}"`));
  return [served.length, workers.length];
}

test('what is named at the start is loaded, and the index tells of the rest', async () => {
  assert.deepEqual(await index(), [
    { name: 'broken', state: 'UNAVAILABLE', reason: 'unloaded' },
    { name: 'first', version: '1', state: 'READY', reason: '' },
    { name: 'second', state: 'UNAVAILABLE', reason: 'unloaded' },
  ]);
  assert.deepEqual(await index({ ready: true }), [{ name: 'first', version: '1', state: 'READY', reason: '' }]);
  assert.deepEqual(await index(''), await index({}));
  assert.deepEqual(await told('index', { ready: 'yes' }), [400, "Invalid value for 'ready': expected a boolean"]);
  assert.equal((await factorOf(system.url, 'second')).status, 404);
});

test('what the routes answer is what the document says', async () => {
  const api = await readApi(system.url);
  await api.check('post /v2/repository/index', await repository('index'));
  await api.check('post /v2/repository/index', await repository('index', '{'));
  for (const what of ['load', 'unload']) {
    const route = `post /v2/repository/models/{model}/${what}`;
    for (const [model, body] of [
      ['second', undefined],
      ['second', '['],
      ['nobody', undefined],
      ['%2e%2e', undefined],
      ['second', 'x'.repeat(300_000)],
    ] as const)
      await api.check(route, await repository(`models/${model}/${what}`, body));
  }
  assert.deepEqual([...api.checked()].filter((one) => one.startsWith('200')).length, 3);
});

test('a model is loaded by both workers before the answer comes, and unloaded', async () => {
  assert.deepEqual(await told('models/second/load'), [200, '']);
  assert.deepEqual(await factorOf(system.url, 'second'), { status: 200, factor: 2, version: '1' });
  assert.deepEqual(await servedBy('second@1'), [2, 2]);
  assert.equal((await index({ ready: true })).length, 2);
  // It is loaded: nothing to do.
  assert.deepEqual(await told('models/second/load', {}), [200, '']);
  assert.deepEqual(await told('models/second/unload', { parameters: { unload_dependents: true } }), [200, '']);
  assert.equal((await factorOf(system.url, 'second')).status, 404);
  assert.equal((await fetch(`${system.url}/v2/models/second/ready`)).status, 404);
  assert.deepEqual(await told('models/second/unload'), [200, '']);
  await until('its queue ran dry', async () => ((await servedBy('second@1'))[0] === 0 ? true : undefined));
  const line = (await index()).find(({ name }) => name === 'second');
  assert.deepEqual(line, { name: 'second', state: 'UNAVAILABLE', reason: 'unloaded' });
});

test('what cannot be loaded is told with the reason', async () => {
  assert.deepEqual(await told('models/broken/load'), [
    400,
    "failed to load 'broken', the model file is not a readable ONNX file",
  ]);
  const line = (await index()).find(({ name }) => name === 'broken');
  assert.deepEqual(line, {
    name: 'broken',
    version: '1',
    state: 'UNAVAILABLE',
    reason: 'the model file is not a readable ONNX file',
  });
  assert.deepEqual(await told('models/nobody/load'), [
    400,
    "failed to load 'nobody', failed to poll from model repository",
  ]);
  assert.equal((await told('models/nothing/unload'))[0], 400);
  for (const name of ['..%2f..%2fetc', '%2e%2e', 'a'.repeat(129)])
    assert.deepEqual(await told(`models/${name}/load`), [404, 'Not Found']);
  assert.equal((await fetch(`${system.url}/v2/repository/index`)).status, 405);
});

test('a configuration given with the request counts, until the next load', async () => {
  const rows = (count: number): unknown => ({
    inputs: [{ name: 'INPUT0', shape: [count, 1], datatype: 'FP32', data: Array.from({ length: count }, () => 1) }],
  });
  const asked = async (count: number): Promise<number> =>
    (await post(`${system.url}/v2/models/first/infer`, rows(count))).status;
  assert.equal(await asked(8), 200);
  const config = JSON.stringify({ name: 'first', max_batch_size: 4 });
  assert.deepEqual(await told('models/first/load', { parameters: { config } }), [200, '']);
  assert.deepEqual([await asked(4), await asked(8)], [200, 400]);
  const [status, text] = await told('models/first/load', { parameters: { config: '{"max_batch_size":-1}' } });
  assert.equal(status, 400);
  assert.match(text, /^failed to load 'first', .*max_batch_size must be 0 to 4096/);
  assert.deepEqual([await asked(4), await asked(8)], [200, 400], 'what served serves on');
  assert.deepEqual(await told('models/first/load'), [200, '']);
  assert.equal(await asked(8), 200);
});

test('a newer file is taken when it is loaded, while 64 connections ask: none fails', async () => {
  const load = startSteadyLoad(system.url, 'first', 64);
  const file = join(models, 'first/1/model.onnx');
  await writeFile(`${file}.new`, modelBytes(scaled('first', 5)));
  await rename(`${file}.new`, file);
  await until('it is under way', async () => ((load.counts()['200'] ?? 0) > 100 ? true : undefined));
  assert.deepEqual(await told('models/first/load'), [200, '']);
  await until('it is answered by the newer file', async () => (load.factors().has(5) ? true : undefined));
  await load.stop();
  assert.deepEqual(Object.keys(load.counts()), ['200'], load.complaints().join('\n'));
  assert.deepEqual(await factorOf(system.url, 'first'), { status: 200, factor: 5, version: '1' });
});

test('a worker that starts later follows what was wished', async () => {
  assert.deepEqual(await told('models/second/load'), [200, '']);
  const scale = { method: 'POST', body: JSON.stringify({ count: 3 }) };
  assert.equal((await fetch(`${system.ops}/v1/workers/scale`, scale)).status, 202);
  await until('a third worker serves', async () => {
    const [, all] = await servedBy('second@1');
    return all === 3 ? true : undefined;
  });
  assert.deepEqual(await servedBy('second@1'), [3, 3]);
  assert.deepEqual(await servedBy('first@1'), [3, 3]);
});

test('the examples of docs/models.md do what they say', async () => {
  const page = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8');
  const [, example = ''] = /## Load and unload by request[^]*?```\n([^]*?)```/.exec(page) ?? [];
  assert.equal(example.match(/^curl /gm)?.length, 3);
  const script = example
    .replaceAll('curl ', 'curl -sSf ')
    .replaceAll('localhost:8000', new URL(system.url).host)
    .replaceAll('/simple/', '/second/');
  await promisify(execFile)('sh', ['-euc', script]);
  assert.equal((await factorOf(system.url, 'second')).status, 404);
});
