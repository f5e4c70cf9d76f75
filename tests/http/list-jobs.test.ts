/** GET /v1/jobs and tags against a running system: filters, pages that nothing moves, and an index that goes with its jobs. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow } from '../support/jobs.ts';
import { readApi, type Api } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

type Job = {
  readonly id: string;
  readonly status: string;
  readonly model_name: string;
  readonly priority: string;
  readonly submitted_at: string;
  readonly tags?: Record<string, string>;
};
type Page = { readonly jobs: readonly Job[]; readonly next_cursor: string | null };

const INDEX = '{by0}:x:simple@1:jobs';

let redis: TestRedis;
let admin: Redis;
let system: System;
let models: string;
let api: Api;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-list-'));
  await makeTestModels(models, ['simple', 'poison']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_RESULT_TTL: '3600' });
  api = await readApi(system.url);
});
after(async () => {
  await system.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

async function list(query: string): Promise<Page> {
  const answer = await fetch(`${system.url}/v1/jobs?${query}`);
  assert.equal(answer.status, 200, query);
  return api.check<Page>('get /v1/jobs', answer);
}
const idsOf = ({ jobs }: Page): string[] => jobs.map(({ id }) => id);
async function submit(model: string, body: unknown, headers: Record<string, string> = {}): Promise<string> {
  const answer = await post(`${system.url}/v1/models/${model}/jobs`, body, headers);
  const { id } = await api.check<{ id: string }>('post /v1/models/{model}/jobs', answer);
  assert.equal(answer.status, 202);
  return id;
}

test('jobs are found by model, status, class, tags and age, the latest first', async () => {
  const a = await submit('simple', simpleBody(1), { 'batchyard-tags': 'team=vision, run=1' });
  await ended(system.url, a);
  const middle = new Date().toISOString();
  await until('time goes by', async () => (new Date().toISOString() > middle ? true : undefined));
  const b = await submit('poison', oneRow('CODE', 'INT32', [5_000]), { 'batchyard-tags': 'team=text' });
  await ended(system.url, b);
  const c = await submit('simple', simpleBody(2), {
    'batchyard-priority': 'high',
    'batchyard-tags': 'team=vision,run=2',
  });
  await ended(system.url, c);
  await post(`${system.url}/v2/models/simple/infer`, simpleBody(3));

  assert.deepEqual(idsOf(await list('')), [c, b, a]);
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['model=simple', [c, a]],
    ['model=poison', [b]],
    ['model=nobody', []],
    ['status=failed', [b]],
    ['status=succeeded', [c, a]],
    ['status=queued', []],
    ['priority=high', [c]],
    ['tag=team', [c, b, a]],
    ['tag=team=vision', [c, a]],
    ['tag=team=vision&tag=run=2', [c]],
    ['tag=nothing', []],
    ['tag=team=vis', []],
    [`since=${middle}`, [c, b]],
    ['since=1h', [c, b, a]],
    ['model=simple&status=succeeded&priority=normal&since=1h', [a]],
    ['unknown=parameter&limit=1', [c]],
  ];
  for (const [query, wanted] of cases) assert.deepEqual(idsOf(await list(query)), wanted, query);
  const shown = (await (await fetch(`${system.url}/v1/jobs/${c}`)).json()) as Job;
  assert.deepEqual(shown.tags, { team: 'vision', run: '2' });
  assert.deepEqual((await list('priority=high')).jobs[0], shown);
});

test('what cannot be read is 400', async () => {
  for (const query of [
    'status=done',
    'priority=urgent',
    'limit=0',
    'limit=201',
    'limit=x',
    'cursor=x',
    'since=soon',
    'model=../x',
  ]) {
    const answer = await fetch(`${system.url}/v1/jobs?${query}`);
    assert.deepEqual([answer.status, (await api.check('get /v1/jobs', answer))['code']], [400, 'bad_request'], query);
  }
  const tagged = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(1), { 'batchyard-tags': 'no value' });
  assert.equal(tagged.status, 400);
  const wrong = await fetch(`${system.url}/v1/jobs`, { method: 'DELETE' });
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET']);
});

test('pages go on where they stopped, whatever comes and goes between them', async () => {
  const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify(simpleBody(i))).join('\n');
  const headers = { 'batchyard-tags': 'batch=pages' };
  const bulk = await fetch(`${system.url}/v1/models/simple/jobs/bulk`, { method: 'POST', body: lines, headers });
  const mine = (await bulk.text())
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Job).id);
  await until('all have ended', async () =>
    (await list('status=queued')).jobs.length + (await list('status=running')).jobs.length === 0 ? true : undefined,
  );
  const [seen, gone]: [Job[], Set<string>] = [[], new Set()];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Page = await list(`tag=batch=pages&limit=90&cursor=${cursor}`);
    seen.push(...page.jobs);
    cursor = page.next_cursor;
    await submit('simple', simpleBody(1), headers);
    const victim = mine[gone.size] ?? '';
    await admin.del(`{by0}:simple@1:${victim}`);
    gone.add(victim);
  }
  const ids = new Set(seen.map(({ id }) => id));
  assert.equal(ids.size, seen.length, 'none is told twice');
  assert.deepEqual(
    [...ids].filter((id) => !mine.includes(id)),
    [],
    'none that came meanwhile',
  );
  assert.deepEqual(
    mine.filter((id) => !gone.has(id) && !ids.has(id)),
    [],
    'none that stayed is left out',
  );
  const times = seen.map(({ submitted_at }) => submitted_at);
  assert.deepEqual(times, times.toSorted().toReversed());
});

test('another tenant sees none of them, and the index goes with its jobs', async () => {
  assert.ok(idsOf(await list('limit=200')).length === 200);
  await admin.zadd(INDEX, 0, `acme 9999999999999 ${idsOf(await list('limit=1'))[0]}`);
  assert.ok((await list('limit=200')).jobs.every(({ submitted_at }) => submitted_at < '2200'));
  await admin.zrem(INDEX, ...(await admin.zrangebylex(INDEX, '[acme ', '(acme :')));
  // The sweep finds what other tools removed.
  const [id = ''] = idsOf(await list('model=simple&limit=1'));
  await admin.del(`{by0}:simple@1:${id}`);
  await until('the sweep has been there', async () => {
    const members = await admin.zrange(INDEX, '0', '-1');
    return members.some((member) => member.endsWith(id)) ? undefined : true;
  });
  const cleaned = await fetch(`${system.ops}/v1/queues/simple/clean?state=completed&limit=10000`, { method: 'POST' });
  assert.equal(cleaned.status, 200);
  await until('nothing is left', async () => ((await admin.zcard(INDEX)) === 0 ? true : undefined));
  assert.deepEqual(idsOf(await list('model=simple')), []);
});
