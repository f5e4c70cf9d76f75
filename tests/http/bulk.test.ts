/** POST …/jobs/bulk against a running system: answers in order and as they come, good lines beside bad ones, and its bounds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { ended } from '../support/jobs.ts';
import { processesOf, rssBytes } from '../support/processes.ts';
import { readApi, type Api } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const ROUTE = 'post /v1/models/{model}/jobs/bulk';
const MIB = 1_048_576;

let redis: TestRedis;
let system: System;
let api: Api;
before(async () => {
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MAX_JSON_BYTES: String(MIB) });
  api = await readApi(system.url);
});
after(async () => {
  await system.stop();
  await redis.stop();
});

type Line = {
  readonly status: number;
  readonly id?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly replayed?: boolean;
};

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

async function bulk(
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = {},
  path = '/v1/models/simple/jobs/bulk',
) {
  const answer = await fetch(system.url + path, { method: 'POST', body, headers });
  const type = answer.headers.get('content-type');
  const text = await api.check<string>(ROUTE, answer);
  return {
    status: answer.status,
    type,
    lines: type === 'application/x-ndjson' ? linesOf(text) : [],
    body: text as unknown,
  };
}
const many = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify(simpleBody(from + i))).join('\n');

test('a thousand lines are a thousand jobs, in order, and each gives its own result', async () => {
  const { status, type, lines } = await bulk(`${many(1_000)}\n`);
  assert.deepEqual([status, type, lines.length], [200, 'application/x-ndjson', 1_000]);
  assert.ok(lines.every((line) => line.status === 202));
  for (const i of [0, 1, 499, 999]) {
    const answer = await fetch(`${system.url}/v1/jobs/${lines[i]?.id}/result?wait=30s`);
    checkSimple(i, (await answer.json()) as Answer);
  }
  const versioned = await fetch(`${system.url}/v1/models/simple/versions/1/jobs/bulk`, {
    method: 'POST',
    body: many(2),
  });
  assert.deepEqual(
    linesOf(await versioned.text()).map((line) => line.status),
    [202, 202],
  );
});

test('good lines are accepted though others are not, and the lines beyond a thousand are told so', async () => {
  const wrong = JSON.stringify({ inputs: [{ name: 'INPUT0', shape: [1, 8], datatype: 'INT32', data: [1] }] });
  const long = JSON.stringify({ id: 'x'.repeat(MIB) });
  const good = JSON.stringify(simpleBody(1));
  const { lines } = await bulk([good, '{', '', wrong, '[]', long, good].join('\n'));
  assert.deepEqual(
    lines.map(({ status, code }) => `${status} ${code ?? ''}`.trim()),
    ['202', '400 bad_request', '400 invalid_input', '400 bad_request', '413 too_large', '202'],
  );
  assert.ok(lines.every(({ id, detail }) => (id === undefined) === (typeof detail === 'string')));
  assert.equal((await ended(system.url, lines[5]?.id ?? '')).status, 'succeeded');

  const over = await bulk(many(1_003));
  assert.deepEqual([over.lines.length, over.lines.at(-1)?.code], [1_001, 'too_large']);
});

test('gzip, a priority for all, and the same key again for the same jobs', async () => {
  const headers = { 'idempotency-key': 'bulk 1', 'batchyard-priority': 'low', 'content-encoding': 'gzip' };
  const first = await bulk(gzipSync(many(20)), headers);
  const job = (await (await fetch(`${system.url}/v1/jobs/${first.lines[3]?.id}`)).json()) as { priority: string };
  assert.equal(job.priority, 'low');
  const { 'content-encoding': _, ...plain } = headers;
  const again = await bulk(many(25), plain);
  assert.deepEqual(
    again.lines.slice(0, 20),
    first.lines.map((line) => ({ ...line, replayed: true })),
  );
  assert.ok(again.lines.slice(20).every(({ status, replayed }) => status === 202 && replayed === undefined));
  const reused = await bulk(many(2, 100), plain);
  assert.deepEqual(
    reused.lines.map(({ status, code }) => [status, code]),
    [
      [422, 'key_reused'],
      [422, 'key_reused'],
    ],
  );
});

test('a request without lines, of an unknown model, or of broken gzip is refused as a whole', async () => {
  const refused = async (...args: Parameters<typeof bulk>): Promise<unknown> => {
    const { status, body } = await bulk(...args);
    return `${status} ${(body as { code: string }).code}`;
  };
  assert.equal(await refused(''), '400 bad_request');
  assert.equal(await refused('\n \n'), '400 bad_request');
  assert.equal(await refused('not gzip', { 'content-encoding': 'gzip' }), '400 bad_request');
  assert.equal(await refused('x', { 'content-encoding': 'br' }), '415 unsupported_encoding');
  assert.equal(await refused(many(1), {}, '/v1/models/nobody/jobs/bulk'), '404 model_not_found');
  const get = await fetch(`${system.url}/v1/models/simple/jobs/bulk`);
  assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
});

test('an answer comes while the request is still being sent, and a client that goes leaves what it had sent', async () => {
  const sent = request(`${system.url}/v1/models/simple/jobs/bulk`, { method: 'POST' });
  sent.on('error', () => undefined);
  sent.write(`${many(1)}\n`);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.setEncoding('utf8').on('error', () => undefined);
  let text = '';
  answer.on('data', (part: string) => (text += part));
  await until('the first answer is there', async () => (linesOf(text).length === 1 ? true : undefined));
  sent.write(`${many(1, 1)}\n`);
  await until('the second too', async () => (linesOf(text).length === 2 ? true : undefined));
  sent.destroy();
  for (const { id = '' } of linesOf(text)) assert.equal((await ended(system.url, id)).status, 'succeeded');
});

test('sixty megabytes of lines pass through a gateway that holds a few of them', async () => {
  const [pid = 0] = processesOf(system, 'gateway');
  const earlier = rssBytes(pid);
  const padded = JSON.stringify({ ...simpleBody(1), parameters: { pad: 'p'.repeat(0.9 * MIB) } });
  let highest = 0;
  const sent = request(`${system.url}/v1/models/simple/jobs/bulk`, { method: 'POST' });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  for (let i = 0; i < 60; i += 1) {
    if (!sent.write(`${padded}\n`)) await once(sent, 'drain');
    highest = Math.max(highest, rssBytes(pid));
  }
  sent.end();
  const [answer] = await answered;
  let text = '';
  for await (const part of answer) text += String(part);
  assert.equal(linesOf(text).filter(({ status }) => status === 202).length, 60);
  assert.ok(highest - earlier < 120 * MIB, `${Math.round((highest - earlier) / MIB)} MiB more`);
});
