/** Polls, cancels, full queues, absent workers and a gateway that shuts down: what each gets, and that nothing is lost. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Redis } from 'ioredis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { processesOf } from '../support/processes.ts';
import { exchange, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MAX_WAITING = 8;

let redis: TestRedis;
let system: System;
let models: string;
let worker: number;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-limits-'));
  await makeTestModels(models, ['simple']);
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_RESULT_TTL: '1',
    BATCHYARD_MAX_WAITING: String(MAX_WAITING),
  });
  [worker = 0] = processesOf(system, 'worker');
});
after(async () => {
  process.kill(worker, 'SIGCONT');
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Problem = { readonly code: string; readonly detail: string };
const infer = (seed: number, headers: Record<string, string> = {}): Promise<Response> =>
  post(`${system.url}/v2/models/simple/infer`, simpleBody(seed), headers);
const submit = (seed: number): Promise<Response> => post(`${system.url}/v1/models/simple/jobs`, simpleBody(seed));
const get = (path: string): Promise<Response> => fetch(system.url + path);
const depth = async (): Promise<number> =>
  ((await (await fetch(`${system.ops}/v1/queues/simple`)).json()) as { depth: number }).depth;

/** Runs while the worker stands still, so that nothing is taken from the queue. */
async function whileStopped<T>(run: () => Promise<T>): Promise<T> {
  process.kill(worker, 'SIGSTOP');
  try {
    return await run();
  } finally {
    process.kill(worker, 'SIGCONT');
  }
}

/** Until a good request is answered again. */
async function stillWell(seed: number): Promise<void> {
  assert.equal((await get('/livez')).status, 200);
  const answer = await until('a good request is answered', async () => {
    const got = await infer(seed, { 'batchyard-timeout-ms': '2000' });
    return got.status === 200 ? ((await got.json()) as Answer) : undefined;
  });
  checkSimple(seed, answer);
}

test('a job nobody has ever sent is 404, however it is asked for', async () => {
  const { id } = (await (await submit(1)).json()) as { id: string };
  const other = `${id.slice(0, 8)}${'a'.repeat(20)}`;
  for (const path of [`/v1/jobs/${other}`, `/v1/jobs/${other}/result`, `/v1/jobs/${other}?wait=1e9`]) {
    const answer = await get(path);
    assert.deepEqual([answer.status, ((await answer.json()) as Problem).code], [404, 'not_found'], path);
  }
  assert.equal((await fetch(`${system.url}/v1/jobs/${other}`, { method: 'DELETE' })).status, 404);
});

test('wait=1e9 answers when the job ends', async () => {
  const { id } = (await (await submit(2)).json()) as { id: string };
  const answer = await get(`/v1/jobs/${id}/result?wait=1e9`);
  assert.equal(answer.status, 200);
  checkSimple(2, (await answer.json()) as Answer);
});

test('a wait that is no time is 400', async () => {
  const { id } = (await (await submit(3)).json()) as { id: string };
  for (const text of ['-1', 'NaN', '5m', ''])
    assert.equal((await get(`/v1/jobs/${id}?wait=${text}`)).status, 400, text);
});

test('a job whose retention is over is 410, and later 404', async () => {
  const { id } = (await (await submit(4)).json()) as { id: string };
  checkSimple(4, (await (await get(`/v1/jobs/${id}/result?wait=20s`)).json()) as Answer);
  const becomes = (path: string, status: number): Promise<Problem> =>
    until(`${path} is ${status}`, async () => {
      const answer = await get(path);
      const problem = (await answer.json()) as Problem;
      return answer.status === status ? problem : undefined;
    });
  assert.equal((await becomes(`/v1/jobs/${id}/result`, 410)).code, 'gone');
  assert.equal((await get(`/v1/jobs/${id}`)).status, 410);
  assert.equal((await becomes(`/v1/jobs/${id}`, 404)).code, 'not_found');
});

test('cancelled twice, a waiting job gives the same answer both times', async () => {
  await whileStopped(async () => {
    const { id } = (await (await submit(5)).json()) as { id: string };
    const cancel = async (): Promise<unknown> => {
      const answer = await fetch(`${system.url}/v1/jobs/${id}`, { method: 'DELETE' });
      return [answer.status, await answer.json()];
    };
    assert.deepEqual(await cancel(), await cancel());
  });
  await stillWell(5);
});

test('1,000 pollers of one job cost Redis a few commands each, and next to nothing while they wait', async (t) => {
  const client = new Redis(redis.url);
  const calls = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
  await whileStopped(async () => {
    const { id } = (await (await submit(6)).json()) as { id: string };
    const earlier = await calls();
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => get(`/v1/jobs/${id}?wait=2s`)));
    const each = ((await calls()) - earlier) / 1_000;
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(((await answer.json()) as { status: string }).status, 'queued');
    }
    t.diagnostic(`${each} commands a poller`);
    assert.ok(each < 10, `${each} commands a poller`);
  });
  client.disconnect();
  await stillWell(6);
});

test('a full queue is 503 with Retry-After on both ways, and what it had accepted is answered', async () => {
  const accepted = await whileStopped(async () => {
    const ids: string[] = [];
    // The stopped worker has asked for jobs and may still be given some, which then wait no longer.
    await until('the queue is full', async () => {
      const answer = await submit(100 + ids.length);
      if (answer.status === 202) ids.push(((await answer.json()) as { id: string }).id);
      return answer.status === 503 ? true : undefined;
    });
    const job = await submit(7);
    assert.deepEqual([job.status, ((await job.json()) as Problem).code], [503, 'queue_full']);
    assert.ok(Number(job.headers.get('retry-after')) >= 1);
    const sync = await infer(7);
    assert.deepEqual([sync.status, await sync.json()], [503, { error: 'Exceeds maximum queue size' }]);
    assert.ok(Number(sync.headers.get('retry-after')) >= 1);
    assert.equal(await depth(), MAX_WAITING);
    return ids;
  });
  const results = await Promise.all(accepted.map((id) => get(`/v1/jobs/${id}/result?wait=20s`)));
  for (const [i, result] of results.entries()) checkSimple(100 + i, (await result.json()) as Answer);
  await stillWell(7);
});

test('without a live worker the sync way is 503 at once, and a job is accepted and runs later', async () => {
  const id = await whileStopped(async () => {
    await until('the worker is missed', async () => {
      const answer = await infer(8, { 'batchyard-timeout-ms': '200' });
      const { error } = (await answer.json()) as { error: string };
      return error.endsWith("'simple' version 1 is not at ready state") ? true : undefined;
    });
    const started = performance.now();
    const refused = await infer(8);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.ok(performance.now() - started < 1_000);
    assert.equal((await get('/v2/models/simple/ready')).status, 503);
    const accepted = await submit(8);
    assert.equal(accepted.status, 202);
    return ((await accepted.json()) as { id: string }).id;
  });
  const result = await until('the job has run', async () => {
    const answer = await get(`/v1/jobs/${id}/result?wait=20s`);
    return answer.status === 200 ? ((await answer.json()) as Answer) : undefined;
  });
  checkSimple(8, result);
  await stillWell(8);
});

test('a gateway that drains answers what it has and refuses what follows with Connection: close', async () => {
  const port = Number(new URL(system.url).port);
  const [gateway = 0] = processesOf(system, 'gateway');
  const request = (seed: number): Buffer =>
    rawRequest('POST /v2/models/simple/infer', JSON.stringify(simpleBody(seed)));
  const refuses = (): Promise<true | undefined> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => resolve(undefined)).on('error', () => resolve(true));
      socket.on('connect', () => socket.destroy());
    });
  process.kill(worker, 'SIGSTOP');
  const got = await exchange(port, '', {
    limitMs: 20_000,
    write(socket) {
      socket.write(request(9));
      void (async () => {
        await until('the request waits', async () => ((await depth()) > 0 ? true : undefined));
        process.kill(gateway, 'SIGTERM');
        await until('it takes no new connections', refuses);
        socket.write(request(10));
        process.kill(worker, 'SIGCONT');
      })();
    },
  });
  assert.deepEqual(
    got.answers.map(({ status }) => status),
    [200, 503],
  );
  checkSimple(9, JSON.parse(got.answers[0]?.body.toString() ?? '') as Answer);
  const last = got.answers[1];
  assert.deepEqual(JSON.parse(last?.body.toString() ?? ''), { error: 'the server is shutting down' });
  assert.equal(last?.headers.get('connection'), 'close');
  assert.ok(Number(last?.headers.get('retry-after')) >= 1);
  assert.equal(got.closed, true);
});
