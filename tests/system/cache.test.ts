/** Results that are given again: in one gateway, across two, after a purge, for another model file, without Redis. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { simple } from '../../models/make-simple.ts';
import { writeModelFolder } from '../../models/model-folder.ts';
import { oneRow } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let models: string;
let one: System;
let other: System;
const start = (): Promise<System> =>
  startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_CACHE: 'on' });

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-cache-'));
  await makeTestModels(models, ['slower']);
  await appendFile(join(models, 'slower', 'config.pbtxt'), 'response_cache { enable: true }\n');
  await writeModelFolder(models, simple);
  redis = await startRedis();
  one = await start();
  other = await start();
});
after(async () => {
  await one.stop();
  await other.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Stats = { readonly hits: number; readonly misses: number; readonly shared: number };
const stats = async ({ ops }: System): Promise<Stats> => (await (await fetch(`${ops}/v1/cache`)).json()) as Stats;
async function ask({ url }: System, seed: number): Promise<string | null> {
  const answer = await post(`${url}/v2/models/simple/infer`, simpleBody(seed));
  assert.equal(answer.status, 200);
  checkSimple(seed, (await answer.json()) as Answer);
  return answer.headers.get('batchyard-cache');
}

test('an equal request is a hit, in the gateway that computed it and in another', async () => {
  assert.equal(await ask(one, 1), null);
  assert.equal(await ask(one, 1), 'hit');
  await until('the other gateway finds it', async () => ((await ask(other, 1)) === 'hit' ? true : undefined));
  const metrics = await (await fetch(`${one.ops}/metrics`)).text();
  assert.match(metrics, /^batchyard_cache_hits_total\{tier="memory"\} [1-9]/m);
});

test('equal requests that are under way share one job, also across gateways', async () => {
  const earlier = [await stats(one), await stats(other)];
  const body = oneRow('INPUT0', 'FP32', [7, 0, 0, 0]);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const answer = await post(`${(i % 2 === 0 ? one : other).url}/v2/models/slower/infer`, body);
      assert.equal(((await answer.json()) as Answer).outputs[0]?.data[0], 14);
      return answer.headers.get('batchyard-cache');
    }),
  );
  assert.equal(answers.filter((how) => how === null).length, 1);
  const now = [await stats(one), await stats(other)];
  const computed = now.reduce((sum, { misses }, i) => sum + misses - (earlier[i]?.misses ?? 0), 0);
  assert.equal(computed, 1);
});

test('a purge is obeyed by both gateways', async () => {
  for (const path of ['/v1/cache', '/v1/cache/simple']) {
    await ask(one, 2);
    await ask(other, 2);
    assert.equal((await fetch(`${one.ops}${path}`, { method: 'DELETE' })).status, 200);
    assert.equal(await ask(one, 2), null);
    // What it kept itself goes with its next look at Redis: then it finds the new result there.
    await until('the other gateway forgets', async () => {
      const { tiers } = (await (await fetch(`${other.ops}/v1/cache`)).json()) as {
        tiers: { memory: { entries: number } };
      };
      return tiers.memory.entries === 0 ? true : undefined;
    });
  }
  assert.equal((await fetch(`${one.ops}/v1/cache/nobody`, { method: 'DELETE' })).status, 404);
});

test('another file of a model never answers with the results of the old one', async () => {
  await ask(one, 3);
  assert.equal(await ask(one, 3), 'hit');
  await Promise.all([one.stop(), other.stop()]);
  const [sum, difference] = simple.nodes;
  assert.ok(sum && difference);
  await writeModelFolder(models, { ...simple, nodes: [{ ...sum, op: 'Sub' }, difference] });
  one = await start();
  const answer = await post(`${one.url}/v2/models/simple/infer`, simpleBody(3));
  assert.equal(answer.headers.get('batchyard-cache'), null);
  const { outputs } = (await answer.json()) as Answer;
  assert.deepEqual(outputs[0]?.data, outputs[1]?.data);
});
