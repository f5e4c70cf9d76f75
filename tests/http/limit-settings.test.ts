/** Limits other than the defaults: each setting moves the limit that docs/settings.md says it moves. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { exchange, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

const INFER = '/v2/models/simple/infer';

let redis: TestRedis;
let system: System;
before(async () => {
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_SERVER_NAME: 'yard',
    BATCHYARD_MAX_ELEMENTS: '64',
    BATCHYARD_MAX_INFLATION: '2',
    BATCHYARD_MAX_HEADER_BYTES: '2048',
    BATCHYARD_MAX_WAITING_BYTES: '65536',
  });
});
after(async () => {
  await system.stop();
  await redis.stop();
});

const detail = async (answer: Response): Promise<string> => JSON.stringify(await answer.json());

test('the server goes by its name', async () => {
  assert.equal(((await (await fetch(`${system.url}/v2`)).json()) as { name: string }).name, 'yard');
});

test('a tensor has so many elements, and no more', async () => {
  assert.equal((await post(system.url + INFER, simpleBody(1, 4))).status, 200);
  const answer = await post(system.url + INFER, simpleBody(1, 5));
  assert.equal(answer.status, 413);
  assert.match(await detail(answer), /64/);
});

test('a compressed body inflates to so many times its size', async () => {
  const padded = JSON.stringify(simpleBody(1)).padEnd(2 * 1_048_576);
  const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
  const send = (body: string) => fetch(system.url + INFER, { method: 'POST', body: gzipSync(body), headers });
  const answer = await send(padded);
  assert.equal(answer.status, 413);
  assert.match(await detail(answer), /ratio of 2 to 1/);
  assert.equal((await send(JSON.stringify(simpleBody(1)))).status, 200);
});

test('request line and headers have so many bytes', async () => {
  const port = Number(new URL(system.url).port);
  const statusOf = async (bytes: number): Promise<number | undefined> => {
    const { answers } = await exchange(port, rawRequest('GET /v2', '', { 'X-Long': 'x'.repeat(bytes) }), {
      answers: 1,
    });
    return answers[0]?.status;
  };
  assert.deepEqual([await statusOf(1_500), await statusOf(2_500)], [200, 431]);
});

test('inputs that wait have so many bytes together', async () => {
  const pause = await fetch(`${system.ops}/v1/queues/simple/pause`, { method: 'POST' });
  assert.ok(pause.ok);
  const ids: string[] = [];
  let refused: Response | undefined;
  while (!refused && ids.length < 2_000) {
    const answer = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(1, 4));
    if (answer.status === 202) ids.push(((await answer.json()) as { id: string }).id);
    else refused = answer;
  }
  assert.equal(refused?.status, 503);
  assert.match(await detail(refused), /queue_full/);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  // 64 KiB of inputs of half a KiB each, and what a job costs beside them.
  assert.ok(ids.length > 10 && ids.length < 200, `${ids.length} waited`);
  await fetch(`${system.ops}/v1/queues/simple/resume`, { method: 'POST' });
});
