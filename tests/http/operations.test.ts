/** The operations port against a running system: queues and jobs looked into and worked on, behind its token. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, oneRow, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const TOKEN = 'token-of-the-tests';
let redis: TestRedis;
let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-operations-'));
  await makeTestModels(models, ['poison', 'simple']);
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_OPS_TOKEN: TOKEN,
    BATCHYARD_RESULT_TTL: '120',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Json = Record<string, unknown>;
type Page = { jobs: { id: string; status: string }[]; next_cursor: string | null };

const ops = (path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(system.ops + path, { method, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
async function told<T = Json>(path: string, method = 'GET'): Promise<T> {
  const answer = await ops(path, method);
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return (await answer.json()) as T;
}
const good = (code: number): unknown => oneRow('CODE', 'INT32', [code]);
/** The test model has no such row: it fails on this input alone. */
const BAD = oneRow('CODE', 'INT32', [5_000]);

test('every route but the probes needs the token', async () => {
  for (const path of ['/', '/metrics', '/v1/queues', '/board', '/v1/events', '/v1/jobs/x']) {
    const answer = await fetch(system.ops + path);
    assert.equal(answer.status, 401, path);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    await answer.arrayBuffer();
  }
  for (const path of ['/livez', '/readyz']) assert.equal((await fetch(system.ops + path)).status, 200);
  const wrong = await fetch(`${system.ops}/v1/queues`, { headers: { authorization: 'Bearer another' } });
  assert.equal(wrong.status, 401);
  const basic = `Basic ${Buffer.from(`me:${TOKEN}`).toString('base64')}`;
  assert.equal((await fetch(`${system.ops}/`, { headers: { authorization: basic } })).status, 200);
  const elsewhere = await ops('/v1/queues/simple/pause', 'POST', { origin: 'http://elsewhere.example' });
  assert.equal(elsewhere.status, 403);
});

test('Bull Board is mounted to be read, with its own files', async () => {
  assert.equal((await ops('/board')).status, 200);
  const shown = await until('it shows the queues', async () => {
    const { queues } = await told<{ queues: { name: string; readOnlyMode: boolean }[] }>('/board/api/queues');
    return queues.length === 2 ? queues : undefined;
  });
  assert.ok(shown.every(({ readOnlyMode }) => readOnlyMode));
  const paused = await ops('/board/api/queues/simple%401/pause', 'PUT');
  assert.ok(paused.status >= 400, String(paused.status));
  assert.equal((await told('/v1/queues/simple'))['paused'], false);
});

test('a queue is paused, drained of what waits, whose waiters are told, and resumed', async () => {
  assert.deepEqual(await told('/v1/queues/poison/pause', 'POST'), { queue: 'poison@1', paused: true });
  const attached = post(`${system.url}/v2/models/poison/infer`, good(3));
  const durable = await submitJob(system.url, 'poison', good(4));
  await until('both wait', async () => ((await told('/v1/queues/poison'))['depth'] === 2 ? true : undefined));
  const { jobs } = await told<Page>('/v1/queues/poison/jobs?state=waiting');
  assert.deepEqual(
    jobs.map(({ status }) => status),
    ['queued', 'queued'],
  );
  assert.deepEqual(await told('/v1/queues/poison/drain', 'POST'), { queue: 'poison@1', drained: 2, more: false });
  const answer = await attached;
  assert.deepEqual([answer.status, await answer.json()], [503, { error: 'the queue was drained' }]);
  assert.equal((await ended(system.url, durable)).error?.code, 'removed');
  assert.deepEqual(await told('/v1/queues/poison/resume', 'POST'), { queue: 'poison@1', paused: false });
  // What was drained by mistake can be tried again: it kept its input.
  const again = await told('/v1/queues/poison/retry-failed?error=removed', 'POST');
  assert.deepEqual([again['retried'], again['left']], [1, 0]);
  assert.equal((await ended(system.url, durable)).status, 'succeeded');
});

test('failed jobs are grouped by their error, looked into, tried again and cleaned', async () => {
  const ids = await Promise.all([1, 2, 3].map(() => submitJob(system.url, 'poison', BAD)));
  for (const id of ids) assert.equal((await ended(system.url, id)).error?.code, 'model_error');
  const { groups } = await told<{ groups: { code: string; count: number; queue: string; error: string }[] }>(
    '/v1/failures',
  );
  const group = groups.find(({ code }) => code === 'model_error');
  assert.equal(group?.count, 3);

  const job = await told<{ inputs: Json[]; hint: string; can_retry: boolean; timeline: Json; error: Json }>(
    `/v1/jobs/${ids[0]}`,
  );
  const { name, datatype, shape, min, max, mean } = job.inputs[0] ?? {};
  assert.deepEqual([name, datatype, shape, min, max, mean], ['CODE', 'INT32', [1, 1], 5_000, 5_000, 5_000]);
  assert.ok(job.can_retry && job.hint.length > 20 && Number(job.timeline['finished']) > 0);

  const first = await told<Page>('/v1/queues/poison/jobs?state=failed&limit=2');
  const second = await told<Page>(`/v1/queues/poison/jobs?state=failed&limit=2&cursor=${first.next_cursor}`);
  const seen = [...first.jobs, ...second.jobs].map(({ id }) => id);
  assert.deepEqual([seen.length, new Set(seen).size], [3, 3]);
  assert.equal((await told<Page>('/v1/queues/poison/jobs?state=failed&error=nothing+of+it')).jobs.length, 0);
  assert.equal((await told<Page>('/v1/queues/poison/jobs?state=failed&since=1h')).jobs.length, 3);

  const query = new URLSearchParams({ error: group?.error ?? '' }).toString();
  assert.equal((await told(`/v1/queues/poison/retry-failed?${query}`, 'POST'))['retried'], 3);
  await until('they have failed again', async () =>
    (await told('/v1/queues/poison'))['failed'] === 3 ? true : undefined,
  );
  const kept = await told('/v1/queues/poison/clean?state=failed&older_than=1h', 'POST');
  assert.equal(kept['cleaned'], 0);
  const cleaned = await told('/v1/queues/poison/clean?state=failed', 'POST');
  assert.deepEqual([cleaned['cleaned'], cleaned['more']], [3, false]);
  assert.equal((await fetch(`${system.url}/v1/jobs/${ids[0]}`)).status, 410);
});

test('a job that succeeded shows its batch, its mates and what it gave', async () => {
  await told('/v1/queues/poison/pause', 'POST');
  const ids = await Promise.all([5, 6, 7].map((code) => submitJob(system.url, 'poison', good(code))));
  await told('/v1/queues/poison/resume', 'POST');
  for (const id of ids) assert.equal((await ended(system.url, id)).status, 'succeeded');
  const job = await told<{ batch: { batch_rows: number }; batch_mates: unknown[]; outputs: Json[]; timeline: Json }>(
    `/v1/jobs/${ids[0]}`,
  );
  assert.equal(job.batch_mates.length, job.batch.batch_rows - 1);
  assert.equal(job.outputs[0]?.['mean'], 10);
  const { queued, started, ran_from: ranFrom, finished } = job.timeline as Record<string, number>;
  const steps = [queued, started, ranFrom, finished];
  assert.deepEqual(
    steps,
    steps.toSorted((a = 0, b = 0) => a - b),
  );
});

test('what is wrong with a question is said', async () => {
  const cases: [string, string, number, RegExp][] = [
    ['GET', '/v1/queues/nobody', 404, /no queue of a model 'nobody'/],
    ['GET', '/v1/queues/simple/jobs?state=gone', 400, /state is one of waiting/],
    ['GET', '/v1/queues/simple/jobs?limit=0', 400, /limit is a number of 1 to 200/],
    ['GET', '/v1/queues/simple/jobs?since=yesterday', 400, /since is a time/],
    ['GET', `/v1/queues/simple/jobs?error=${'x'.repeat(600)}`, 400, /at most 512/],
    ['POST', '/v1/queues/simple/clean?state=active', 400, /state is completed or failed/],
    ['POST', '/v1/queues/simple/drain?limit=x', 400, /limit is a number/],
    ['GET', '/v1/jobs/nothing', 404, /no such job/],
    ['GET', '/v1/workers/nobody', 404, /no such worker/],
    ['POST', '/v1/nowhere', 404, /Not Found/],
  ];
  for (const [method, path, status, text] of cases) {
    const answer = await ops(path, method);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', path);
    const problem = (await answer.json()) as { status: number; detail: string };
    assert.deepEqual([answer.status, problem.status], [status, status], path);
    assert.match(problem.detail, text);
  }
});

test('Redis and the models are told as an operator wants to see them', async () => {
  const facts = await told('/v1/redis');
  assert.deepEqual([facts['append_only'], facts['fsync'], facts['policy']], [true, 'everysec', 'noeviction']);
  assert.ok(Number(facts['used_bytes']) > 100_000);
  const { models: lines } = await told<{ models: { name: string; inputs: { shape: number[] }[] }[] }>('/v1/models');
  assert.deepEqual(lines.map(({ name }) => name).toSorted(), ['poison', 'simple']);
  const tried = await fetch(`${system.ops}/v1/models/poison/infer`, {
    method: 'POST',
    body: JSON.stringify(good(9)),
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(((await tried.json()) as { outputs: { data: number[] }[] }).outputs[0]?.data[0], 18);
});
