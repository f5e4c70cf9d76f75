/** Idempotency-Key and Prefer against a running system with two gateways, one of which is killed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { ended, oneRow } from '../support/jobs.ts';
import { readApi, type Api } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const SUBMIT = '/v1/models/simple/jobs';
const ROUTE = 'post /v1/models/{model}/jobs';

let redis: TestRedis;
let admin: Redis;
let system: System;
let other: ExtraGateway;
let models: string;
let api: Api;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-idempotency-'));
  await makeTestModels(models, ['simple', 'poison']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_MAX_WAITING: '400' });
  other = await startGateway({ REDIS_URL: redis.url, BATCHYARD_MAX_WAITING: '400' });
  api = await readApi(system.url);
});
after(async () => {
  await other.kill9();
  await system.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Accepted = { readonly id: string; readonly submitted_at: string };

const submit = (url: string, key: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  post(url + SUBMIT, body, { 'idempotency-key': key, ...headers });
async function accepted(answer: Response): Promise<Accepted & { replayed: string | null }> {
  const replayed = answer.headers.get('idempotency-replayed');
  const body = await api.check<Accepted>(ROUTE, answer);
  assert.equal(answer.status, 202, JSON.stringify(body));
  assert.equal(answer.headers.get('location'), `/v1/jobs/${body.id}`);
  return { ...body, replayed };
}
/** Jobs of the model that Redis holds. */
const stored = async (): Promise<number> =>
  (await admin.keys('{by0}:simple@1:*-*')).filter((key) => !key.endsWith(':lock')).length;

test('the same key and body get the same answer, whatever has become of the job; another body gets 422', async () => {
  const first = await accepted(await submit(system.url, 'k1', simpleBody(1)));
  assert.equal(first.replayed, null);
  assert.equal((await ended(system.url, first.id)).status, 'succeeded');
  for (const url of [system.url, other.url]) {
    const again = await accepted(await submit(url, 'k1', simpleBody(1)));
    assert.deepEqual(again, { ...first, replayed: 'true' });
    const reused = await submit(url, 'k1', simpleBody(2));
    assert.deepEqual([reused.status, (await api.check(ROUTE, reused))['code']], [422, 'key_reused']);
  }
  const elsewhere = await post(`${system.url}/v1/models/poison/jobs`, simpleBody(1), { 'idempotency-key': 'k1' });
  assert.equal(elsewhere.status, 422, 'the same body for another model is another request');
  const another = await accepted(await submit(system.url, 'k2', simpleBody(1)));
  assert.notEqual(another.id, first.id);
  const wrong = await submit(system.url, 'k'.repeat(256), simpleBody(1));
  assert.deepEqual([wrong.status, (await api.check(ROUTE, wrong))['code']], [400, 'bad_request']);
});

test('a key outlives its job: what is no longer kept is not computed again', async () => {
  const first = await accepted(await submit(system.url, 'gone', simpleBody(3)));
  await ended(system.url, first.id);
  await admin.del(`{by0}:simple@1:${first.id}`);
  assert.equal((await accepted(await submit(other.url, 'gone', simpleBody(3)))).id, first.id);
  const [, [key = '']] = await admin.scan('0', 'MATCH', '{by0}:x:idem:*', 'COUNT', 1_000);
  const [ttl, counts] = [await admin.pttl(key), await admin.hvals('{by0}:x:idem-counts')];
  assert.ok(ttl > 23.9 * 3_600_000 && ttl <= 24 * 3_600_000, String(ttl));
  assert.equal(
    counts.reduce((sum, count) => sum + Number(count), 0),
    (await admin.keys('{by0}:x:idem:*')).length,
  );
});

test('many at the same instant through two gateways are one job', async () => {
  for (let round = 0; round < 5; round += 1) {
    const earlier = await stored();
    const urls = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? system.url : other.url));
    const all = await Promise.all(urls.map(async (url) => accepted(await submit(url, `race ${round}`, simpleBody(9)))));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    assert.equal(all.filter(({ replayed }) => replayed === null).length, 1);
    assert.equal(await stored(), earlier + 1);
  }
});

test('a key is not taken by a request that was refused, and a full queue does not hide a job that is known', async () => {
  await admin.hset('{by0}:simple@1:meta', 'paused', 1);
  try {
    const first = await accepted(await submit(system.url, 'before', simpleBody(1)));
    const refused = async (i: number): Promise<boolean> =>
      (await submit(system.url, `fill ${i}`, simpleBody(i))).status === 503;
    let full = 0;
    while (!(await refused(full))) full += 1;
    assert.equal((await submit(other.url, `fill ${full}`, simpleBody(full))).status, 503);
    assert.deepEqual((await accepted(await submit(system.url, 'before', simpleBody(1)))).id, first.id);
    await admin.hdel('{by0}:simple@1:meta', 'paused');
    await admin.zadd('{by0}:simple@1:marker', 0, '0');
    await until('there is room', async () => ((await refused(full)) ? undefined : true));
  } finally {
    await admin.hdel('{by0}:simple@1:meta', 'paused');
  }
});

test(
  'a gateway killed among its submits leaves no key that blocks, and no key without its job',
  { timeout: 60_000 },
  async () => {
    for (let round = 0; round < 3; round += 1) {
      const keys = Array.from({ length: 60 }, (_, i) => `kill ${round} ${i}`);
      const earlier = await stored();
      const told = new Map<string, string>();
      const victim = await startGateway({ REDIS_URL: redis.url });
      const asked = keys.map(async (key, i) => {
        await new Promise((resolve) => setTimeout(resolve, i / 4));
        const answer = await submit(victim.url, key, simpleBody(i)).catch(() => undefined);
        if (answer?.status === 202) told.set(key, ((await answer.json().catch(() => ({}))) as Accepted).id);
      });
      await until('some are told', async () => (told.size > 5 * round ? true : undefined));
      await victim.kill9();
      await Promise.all(asked);
      for (const [i, key] of keys.entries()) {
        const answer = await accepted(await submit(other.url, key, simpleBody(i)));
        if (told.get(key) !== undefined) assert.equal(answer.id, told.get(key));
        assert.equal((await ended(system.url, answer.id)).status, 'succeeded');
      }
      assert.equal(await stored(), earlier + keys.length);
    }
  },
);

test('Prefer: wait answers with the result when it is ready in time, and with the job when it is not', async () => {
  const done = await submit(system.url, 'waits', simpleBody(5), { prefer: 'wait=10' });
  assert.deepEqual([done.status, done.headers.get('preference-applied')], [200, 'wait=10']);
  assert.match(done.headers.get('location') ?? '', /^\/v1\/jobs\//);
  checkSimple(5, await api.check<Answer>(ROUTE, done));
  const replayed = await submit(other.url, 'waits', simpleBody(5), { prefer: 'wait=10' });
  assert.equal(replayed.headers.get('idempotency-replayed'), 'true');
  checkSimple(5, await api.check<Answer>(ROUTE, replayed));

  await admin.hset('{by0}:poison@1:meta', 'paused', 1);
  const late = await post(`${system.url}/v1/models/poison/jobs`, oneRow('CODE', 'INT32', [1]), { prefer: 'wait=1' });
  assert.deepEqual([late.status, late.headers.get('preference-applied')], [202, 'wait=1']);
  await api.check(ROUTE, late);
  await admin.hdel('{by0}:poison@1:meta', 'paused');
  // A job that failed is told by its own routes.
  const failed = await post(`${system.url}/v1/models/poison/jobs`, oneRow('CODE', 'INT32', [5_000]), {
    prefer: 'wait=10',
  });
  assert.equal(failed.status, 202);
});

test('Prefer: respond-async makes a job of a synchronous request, and failures keep the form of /v2', async () => {
  const route = 'post /v2/models/{model}/infer';
  const infer = (body: unknown, prefer: string): Promise<Response> =>
    post(`${system.url}/v2/models/simple/infer`, body, { prefer });
  const answer = await infer(simpleBody(7), 'respond-async');
  assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [202, 'respond-async']);
  const { id } = await api.check<Accepted>(route, answer);
  const result = await fetch(`${system.url}/v1/jobs/${id}/result?wait=30s`);
  checkSimple(7, (await result.json()) as Answer);
  const both = await infer(simpleBody(8), 'respond-async, wait=10');
  assert.equal(both.headers.get('preference-applied'), 'respond-async, wait=10');
  checkSimple(8, await api.check<Answer>(route, both));
  const plain = await infer(simpleBody(9), 'handling=strict');
  checkSimple(9, await api.check<Answer>(route, plain));
  const broken = await infer({ inputs: [] }, 'respond-async');
  assert.equal(broken.status, 400);
  assert.equal(typeof (await api.check<{ error: string }>(route, broken)).error, 'string');
});
