/** What is told of models: their configuration and labels, and statistics that are the cluster's and outlive its processes. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let models: string;
let system: System;
const start = (): Promise<System> =>
  startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_CACHE: 'memory' });
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-inquiries-'));
  await makeTestModels(models, ['poison', 'simple', 'identity_cached', 'unbatched_sum']);
  const file = join(models, 'simple', 'config.pbtxt');
  const config = await readFile(file, 'utf8');
  const labelled = 'output { name: "OUTPUT0" data_type: TYPE_INT32 dims: 16 label_filename: "labels.txt" }';
  await writeFile(file, `${config.replace(/^output .*"OUTPUT0".*$/m, '')}${labelled}\n`);
  await appendFile(file, 'dynamic_batching { preferred_batch_size: 4 }\nmetric_tags { key: "team" value: "search" }\n');
  await writeFile(join(models, 'simple', 'labels.txt'), 'zero\none\n');
  redis = await startRedis();
  system = await start();
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

async function told<T>(path: string, status = 200): Promise<T> {
  const answer = await fetch(system.url + path);
  assert.equal(answer.status, status, path);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  return (await answer.json()) as T;
}
const infer = async (model: string, body: unknown): Promise<number> => {
  const answer = await post(`${system.url}/v2/models/${model}/infer`, body);
  await answer.arrayBuffer();
  return answer.status;
};

type Duration = { count: number; ns: number };
type Statistics = {
  name: string;
  version: string;
  last_inference: number;
  inference_count: number;
  execution_count: number;
  inference_stats: Record<string, Duration>;
  batch_stats: { batch_size: number; compute_infer: Duration }[];
};
const statistics = async (path: string): Promise<Statistics[]> =>
  (await told<{ model_stats: Statistics[] }>(path)).model_stats;
const countsOf = ({ inference_stats: blocks }: Statistics): Record<string, number> =>
  Object.fromEntries(Object.entries(blocks).map(([name, { count }]) => [name, count]));

test('the configuration is that of the file, whole, with the tensors that are served', async () => {
  const config = await told<Record<string, unknown>>('/v2/models/simple/config');
  assert.deepEqual(await told('/v2/models/simple/versions/1/config'), config);
  assert.deepEqual([config['name'], config['max_batch_size']], ['simple', 8]);
  assert.deepEqual(config['metric_tags'], { team: 'search' });
  assert.deepEqual((config['dynamic_batching'] as Record<string, unknown>)['preferred_batch_size'], [4]);
  const outputs = config['output'] as { name: string; label_filename: string; dims: number[] }[];
  assert.deepEqual(
    outputs.map((one) => [one.name, one.label_filename, one.dims]),
    [
      ['OUTPUT0', 'labels.txt', [16]],
      ['OUTPUT1', '', [16]],
    ],
  );
  const unbatched = await told<Record<string, unknown>>('/v2/models/unbatched_sum/config');
  assert.deepEqual([unbatched['max_batch_size'], unbatched['dynamic_batching']], [0, undefined]);
  const problem = { error: "Request for unknown model: 'nobody' is not found" };
  assert.deepEqual(await told('/v2/models/nobody/config', 404), problem);
  const version = { error: "Request for unknown model: 'simple' version 9 is not found" };
  assert.deepEqual(await told('/v2/models/simple/versions/9/config', 404), version);
});

test('classes have the labels of the file, as far as it has any', async () => {
  const asked = { ...simpleBody(1), outputs: [{ name: 'OUTPUT0', parameters: { classification: 16 } }] };
  const answer = await post(`${system.url}/v2/models/simple/infer`, asked);
  const { outputs } = (await answer.json()) as { outputs: { datatype: string; data: string[] }[] };
  assert.equal(outputs[0]?.datatype, 'BYTES');
  const labels = outputs[0]?.data.map((text) => text.split(':').slice(1).join(':')).toSorted();
  assert.deepEqual(labels, ['0:zero', '1:one', ...Array.from({ length: 14 }, (_, i) => String(i + 2))].toSorted());
});

test('statistics count what ran, what failed and what the cache answered, and outlive gateway and worker', async () => {
  const of = async (model: string): Promise<Statistics> => {
    const [found, ...others] = await statistics(`/v2/models/${model}/stats`);
    assert.ok(found && others.length === 0);
    return found;
  };
  const none = await of('poison');
  assert.deepEqual(Object.keys(none.inference_stats), [
    'success',
    'fail',
    'queue',
    'compute_input',
    'compute_infer',
    'compute_output',
    'cache_hit',
    'cache_miss',
  ]);
  const good = oneRow('CODE', 'INT32', [3]);
  const rounds = Array.from({ length: 20 }, () => infer('poison', good));
  assert.deepEqual(new Set(await Promise.all(rounds)), new Set([200]));
  assert.equal(await infer('poison', oneRow('CODE', 'INT32', [5_000])), 500);
  const same = oneRow('INPUT0', 'FP32', [1, 2]);
  for (let i = 0; i < 4; i += 1) assert.equal(await infer('identity_cached', same), 200);
  const poison = await until('the failure is counted', async () => {
    const found = await of('poison');
    return countsOf(found)['fail'] === 1 ? found : undefined;
  });
  assert.equal(poison.inference_count, 20);
  assert.deepEqual(countsOf(poison), {
    ...countsOf(none),
    success: 20,
    fail: 1,
    queue: 20,
    compute_input: 20,
    compute_infer: 20,
    compute_output: 20,
  });
  assert.equal(
    poison.batch_stats.reduce((sum, one) => sum + one.batch_size * one.compute_infer.count, 0),
    20,
  );
  assert.equal(
    poison.batch_stats.reduce((sum, one) => sum + one.compute_infer.count, 0),
    poison.execution_count,
  );
  for (const block of ['success', 'fail', 'queue', 'compute_infer'])
    assert.ok((poison.inference_stats[block]?.ns ?? 0) > 0);
  assert.ok(Math.abs(Date.now() - poison.last_inference) < 60_000);
  const cached = await until('the hits are counted', async () => {
    const found = await of('identity_cached');
    return countsOf(found)['cache_hit'] === 3 ? found : undefined;
  });
  assert.deepEqual([cached.inference_count, cached.execution_count], [1, 1]);
  const { success, queue, compute_infer: computed, cache_miss: missed } = countsOf(cached);
  assert.deepEqual([success, queue, computed, missed], [4, 4, 1, 1]);

  assert.equal(await system.stop(), 0);
  system = await start();
  const all = await statistics('/v2/models/stats');
  assert.deepEqual(all.map((one) => one.name).toSorted(), ['identity_cached', 'poison', 'simple', 'unbatched_sum']);
  assert.deepEqual(
    all.find((one) => one.name === 'poison'),
    poison,
  );
  assert.deepEqual(
    all.find((one) => one.name === 'identity_cached'),
    cached,
  );
  assert.deepEqual(await statistics('/v2/models/poison/versions/1/stats'), [poison]);
  await told('/v2/models/poison/versions/7/stats', 404);
  await told('/v2/models/nobody/stats', 404);
  assert.equal((await fetch(`${system.url}/v2/models/stats`, { method: 'POST' })).status, 405);
});
