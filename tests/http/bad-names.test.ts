/** What names, ids and controls get that mean something elsewhere: in paths, in prototypes, in BullMQ, in logs. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { exchange, rawRequest, type Exchange } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

let redis: TestRedis;
let system: System;
let port: number;
before(async () => {
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, LOG_LEVEL: 'trace' });
  port = Number(new URL(system.url).port);
});
after(async () => {
  await system.stop();
  await redis.stop();
});

let seed = 0;
afterEach(async () => {
  assert.equal((await fetch(`${system.url}/livez`)).status, 200);
  seed += 1;
  const answer = await infer(simpleBody(seed));
  assert.equal(answer.status, 200);
  checkSimple(seed, (await answer.json()) as Answer);
});

const infer = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  post(`${system.url}/v2/models/simple/infer`, body, headers);
const submit = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  post(`${system.url}/v1/models/simple/jobs`, body, headers);
const ask = (line: string, body = ''): Promise<Exchange> => exchange(port, rawRequest(line, body), { answers: 1 });
const statusOf = async (line: string, body = ''): Promise<number | undefined> =>
  (await ask(line, body)).answers[0]?.status;

for (const name of [
  '../../etc/passwd',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%252e%252e%252fetc%252fpasswd',
  '..\\..\\etc\\passwd',
  '..%5c..%5cetc',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  'simple%00',
  '.',
  '..',
  '%c0%ae%c0%ae',
]) {
  test(`as a name the path ${name} is 404 and nothing of a file is told`, async () => {
    for (const line of [
      `POST /v2/models/${name}/infer`,
      `POST /v1/models/${name}/jobs`,
      `POST /v2/models/simple/versions/${name}/infer`,
      `GET /v2/models/${name}`,
      `GET /v1/jobs/${name}`,
    ]) {
      const got = await ask(line, JSON.stringify(simpleBody(1)));
      assert.equal(got.answers[0]?.status, 404, line);
      assert.doesNotMatch(got.answers[0]?.body.toString() ?? '', /root:|ENOENT|node_modules/, line);
    }
  });
}

for (const [what, name] of [
  ['129 characters', 'a'.repeat(129)],
  ['300 characters', 'a'.repeat(300)],
  ['control characters', 'a%01%7f'],
  ['a zero-width space', 'simple%E2%80%8B'],
  ['an emoji', '%F0%9F%98%80'],
  ['a colon', 'simple:1'],
  ['an at sign', 'simple@1'],
  ['CR and LF', 'a%0d%0ainjected'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['toString', 'toString'],
  ['what is no percent-encoding', '%zz'],
] as const) {
  test(`a model or a job whose name is ${what} is 404`, async () => {
    const body = JSON.stringify(simpleBody(1));
    assert.equal(await statusOf(`POST /v2/models/${name}/infer`, body), 404);
    assert.equal(await statusOf(`POST /v1/models/${name}/jobs`, body), 404);
    assert.equal(await statusOf(`GET /v1/jobs/${name}`), 404);
    assert.equal(await statusOf(`GET /v1/jobs/${name}/result`), 404);
    assert.equal(await statusOf(`DELETE /v1/jobs/${name}`), 404);
  });
}

test('raw control characters and bytes beyond ASCII in a path are 400 or 404', async () => {
  for (const name of ['a\u0001b', 'a\u007fb', 'a\u00e9b', 'a\tb']) {
    const status = await statusOf(`GET /v2/models/${name}`);
    assert.ok(status === 400 || status === 404, `${JSON.stringify(name)}: ${status}`);
  }
});

test('a version that is not there, whatever number it reads as, is 404', async () => {
  for (const version of ['-1', '1e3', '9999999999', '01', '1.0', '0x1', '__proto__']) {
    const body = JSON.stringify(simpleBody(1));
    assert.equal(await statusOf(`POST /v2/models/simple/versions/${version}/infer`, body), 404, version);
    assert.equal(await statusOf(`GET /v2/models/simple/versions/${version}/ready`), 404, version);
    assert.equal(await statusOf(`POST /v1/models/simple/versions/${version}/jobs`, body), 404, version);
  }
});

test('the id of a request comes back as sent, and is 400 over 64 characters', async () => {
  for (const id of ['a b', 'é😀', '"\\\u0000\u001f', '__proto__', '</script>', 'x'.repeat(64)]) {
    const answer = await infer({ ...simpleBody(3), id });
    assert.equal(answer.status, 200, id);
    assert.equal(((await answer.json()) as { id: string }).id, id);
  }
  assert.equal((await infer({ ...simpleBody(3), id: 'x'.repeat(65) })).status, 400);
  assert.equal((await infer({ ...simpleBody(3), id: 7 })).status, 400);
});

test('CR and LF in ids and paths begin no line in the logs', async () => {
  const mark = '\r\n{"level":60,"msg":"injected"}';
  const answer = await infer({ ...simpleBody(4), id: mark });
  assert.equal(((await answer.json()) as { id: string }).id, mark);
  await submit({ ...simpleBody(4), id: mark });
  await statusOf(`GET /v2/models/${encodeURIComponent(mark)}`);
  await infer(simpleBody(4), { 'x-request-id': encodeURIComponent(mark) });
  assert.doesNotMatch(system.output(), /^\{"level":60,"msg":"injected"\}/m);
});

test('priorities outside the range are 400, by parameter and by header, on both ways', async () => {
  for (const priority of [-1, 1.5, 9, 5, 'high!', '1', null, true, [1], 1e300]) {
    const body = { ...simpleBody(5), parameters: { priority } };
    assert.deepEqual([(await infer(body)).status, (await submit(body)).status], [400, 400], JSON.stringify(priority));
  }
  for (const text of ['-1', '1', 'high!', 'HIGH', 'high, low', '', 'constructor', '__proto__']) {
    const headers = { 'batchyard-priority': text };
    const statuses = [(await infer(simpleBody(5), headers)).status, (await submit(simpleBody(5), headers)).status];
    assert.deepEqual(statuses, [400, 400], text);
  }
});

test('timeouts of no time are 400, by parameter and by header, on both ways', async () => {
  for (const timeout of [0, -1, 1.5, '5', null, true, [5]]) {
    const body = { ...simpleBody(6), parameters: { timeout } };
    assert.deepEqual([(await infer(body)).status, (await submit(body)).status], [400, 400], JSON.stringify(timeout));
  }
  const nan = JSON.stringify(simpleBody(6)).replace('{', '{"parameters":{"timeout":NaN},');
  assert.equal(await statusOf('POST /v2/models/simple/infer', nan), 400);
  for (const text of ['0', '-1', '0.0', 'NaN', 'Infinity', '1e12', '0x10', '', '5s', '5, 6', '9'.repeat(40)]) {
    const headers = { 'batchyard-timeout-ms': text };
    const statuses = [(await infer(simpleBody(6), headers)).status, (await submit(simpleBody(6), headers)).status];
    assert.deepEqual(statuses, [400, 400], text);
  }
});

test('a timeout of years counts as a day', async () => {
  for (const [body, headers] of [
    [simpleBody(7), { 'batchyard-timeout-ms': '1000000000000' }],
    [{ ...simpleBody(7), parameters: { timeout: 1e15 } }, {}],
  ] as const) {
    const job = (await (await submit(body, headers)).json()) as {
      submitted_at: string;
      deadline: string;
    };
    assert.equal(Date.parse(job.deadline) - Date.parse(job.submitted_at), 24 * 3_600_000);
  }
});

test("options of BullMQ's in a body are never applied", async () => {
  const options = {
    delay: 3_600_000,
    attempts: 50,
    jobId: 'smuggled',
    lifo: true,
    removeOnComplete: true,
    removeOnFail: true,
    repeat: { every: 10 },
    parent: { id: '1', queue: 'q' },
    priority: 1,
  };
  for (const body of [
    { ...simpleBody(8), opts: options },
    { ...simpleBody(8), ...options, priority: undefined },
    { ...simpleBody(8), parameters: { ...options, opts: options } },
  ]) {
    const answer = await submit(body);
    if (answer.status === 400) continue;
    const job = (await answer.json()) as { id: string };
    assert.notEqual(job.id, 'smuggled');
    const result = await fetch(`${system.url}/v1/jobs/${job.id}/result?wait=20s`);
    checkSimple(8, (await result.json()) as Answer);
    assert.equal((await fetch(`${system.url}/v1/jobs/${job.id}`)).status, 200);
  }
  assert.equal(await statusOf('GET /v1/jobs/smuggled'), 404);
});
