/** GET /v1/jobs/{id}/events against a running system with two gateways and a worker that is killed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { readEvents, type EventReader } from '../support/event-stream.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { ended, oneRow, submitJob } from '../support/jobs.ts';
import { readApi } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let admin: Redis;
let system: System;
let other: ExtraGateway;
let models: string;
const streams: EventReader[] = [];
/** Of a job that waits all the time. */
let quiet: EventReader;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-job-events-'));
  await makeTestModels(models, ['simple', 'poison', 'busy']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
  other = await startGateway({ REDIS_URL: redis.url });
  await admin.hset('{by0}:busy@1:meta', 'paused', 1);
  quiet = await watch(system.url, await submitJob(system.url, 'busy', oneRow('WORK', 'FP32', [1])));
});
after(async () => {
  await quiet.close();
  await other.kill9();
  await system.stop();
  admin.disconnect();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

async function watch(url: string, id: string, lastId?: string): Promise<EventReader> {
  const stream = await readEvents(url, lastId, `/v1/jobs/${id}/events`);
  streams.push(stream);
  return stream;
}
const names = ({ seen }: EventReader): string[] => seen.map(({ event }) => event);
const pause = (): Promise<unknown> => admin.hset('{by0}:poison@1:meta', 'paused', 1);
async function resume(): Promise<void> {
  await admin.hdel('{by0}:poison@1:meta', 'paused');
  await admin.zadd('{by0}:poison@1:marker', 0, '0');
}

test('every state is told once, by both gateways under the same ids, and the stream ends with the job', async () => {
  await pause();
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [21]));
  const accepted = (await (await fetch(`${system.url}/v1/jobs/${id}`)).json()) as { status: string };
  assert.equal(accepted.status, 'queued');
  const both = await Promise.all([watch(system.url, id), watch(other.url, id)]);
  await until('both have begun', async () => (both.every(({ seen }) => seen.length === 1) ? true : undefined));
  await resume();
  for (const stream of both) {
    await stream.ended;
    assert.deepEqual(names(stream), ['queued', 'running', 'succeeded']);
    assert.deepEqual(stream.notes, ['retry: 2000']);
  }
  const [one, two] = both;
  assert.deepEqual(one?.seen, two?.seen);
  const last = one?.seen.at(-1);
  assert.deepEqual([last?.data['id'], last?.data['status'], last?.data['deliveries']], [id, 'succeeded', 1]);
});

test('Last-Event-ID goes on where it stopped, at another gateway too, and 204 says that nothing more will come', async () => {
  const id = await submitJob(system.url, 'simple', simpleBody(1));
  await ended(system.url, id);
  const all = await watch(system.url, id);
  await all.ended;
  const [queued, running, done] = all.seen;
  const rest = await watch(other.url, id, queued?.id);
  await rest.ended;
  assert.deepEqual(rest.seen, [running, done]);
  const headers = { 'last-event-id': done?.id ?? '' };
  assert.equal((await fetch(`${other.url}/v1/jobs/${id}/events`, { headers })).status, 204);
  assert.equal((await fetch(`${other.url}/v1/jobs/nothing/events`)).status, 404);
});

test('a job that fails says why, and one that is tried again goes on', async () => {
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [5_000]));
  await ended(system.url, id);
  const failed = await watch(system.url, id);
  await failed.ended;
  const last = failed.seen.at(-1);
  assert.deepEqual(
    [last?.event, (last?.data['error'] as { code: string } | undefined)?.code],
    ['failed', 'model_error'],
  );
  await pause();
  await fetch(`${system.url}/v1/jobs/${id}/retry`, { method: 'POST' });
  const again = await watch(system.url, id, last?.id);
  await until('it waits again', async () => (names(again)[0] === 'queued' ? true : undefined));
  await resume();
  await again.ended;
  assert.deepEqual(names(again), ['queued', 'running', 'failed']);
});

test(
  'streams are bounded: one more is told to come back, and those that end make room',
  { timeout: 60_000 },
  async () => {
    await pause();
    const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [1]));
    // One of 256 is the quiet one.
    const many = await Promise.all(Array.from({ length: 255 }, () => watch(system.url, id)));
    const refused = await fetch(`${system.url}/v1/jobs/${id}/events`);
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, 'overloaded']);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    await many.pop()?.close();
    await until('there is room', async () => {
      const answer = await fetch(`${system.url}/v1/jobs/${id}/events`, { signal: AbortSignal.timeout(1_000) });
      await answer.body?.cancel();
      return answer.status === 200 ? true : undefined;
    });
    await resume();
    for (const stream of many) {
      await stream.ended;
      assert.equal(names(stream).at(-1), 'succeeded');
    }
  },
);

test('a gateway that is told to end ends its streams, and they go on at another', { timeout: 60_000 }, async () => {
  await pause();
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [7]));
  const leaving = await startGateway({ REDIS_URL: redis.url });
  const first = await watch(leaving.url, id);
  await until('it has begun', async () => (first.seen.length === 1 ? true : undefined));
  const gone = once(leaving.child, 'exit');
  leaving.child.kill('SIGTERM');
  await first.ended;
  const [code] = await gone;
  assert.equal(code, 0);
  const second = await watch(other.url, id, first.seen.at(-1)?.id);
  await resume();
  await second.ended;
  assert.deepEqual([names(first), names(second)], [['queued'], ['running', 'succeeded']]);
});

test('a stream on which nothing happens says now and then that it is there', async () => {
  await until('a heartbeat has come', async () => (quiet.notes.includes(': still here') ? true : undefined));
  assert.deepEqual(names(quiet), ['queued']);
});

test('every event that was told, and each way in which a job ends, is as the document says', async () => {
  await pause();
  const submit = (code: number, timeoutMs?: number): Promise<string> =>
    submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [code]), timeoutMs);
  const cancelled = await watch(system.url, await submit(2));
  const late = await watch(system.url, await submit(3, 200));
  const taken = await watch(system.url, await submit(4));
  const idOf = ({ seen }: EventReader): string => String(seen[0]?.data['id']);
  await until('all are told', async () => ([cancelled, taken].every(({ seen }) => seen.length > 0) ? true : undefined));
  await fetch(`${system.url}/v1/jobs/${idOf(cancelled)}`, { method: 'DELETE' });
  await admin.del(`{by0}:poison@1:${idOf(taken)}`);
  await Promise.all([cancelled.ended, late.ended, taken.ended]);
  await resume();
  const api = await readApi(system.url);
  const named = api.checkEvents(
    'get /v1/jobs/{id}/events',
    streams.flatMap(({ seen }) => seen),
  );
  for (const name of ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired', 'gone'])
    assert.ok(named.has(name), name);
});
