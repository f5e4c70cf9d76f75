/** What a request gets that is wrong as HTTP, and that the gateway is as well after it as before: inputs that no library would send. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { processesOf, rssBytes } from '../support/processes.ts';
import { exchange, rawRequest, type Exchange } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

const MIB = 1_048_576;
const INFER = 'POST /v2/models/simple/infer';
const SUBMIT = 'POST /v1/models/simple/jobs';

let redis: TestRedis;
let system: System;
let port: number;
let started: number[];
before(async () => {
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_HEADERS_TIMEOUT: '0.5',
    BATCHYARD_REQUEST_TIMEOUT: '1',
  });
  port = Number(new URL(system.url).port);
  started = processesOf(system, 'gateway');
});
after(async () => {
  await system.stop();
  await redis.stop();
});

let seed = 0;
afterEach(async () => {
  assert.equal((await fetch(`${system.url}/livez`)).status, 200);
  seed += 1;
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(seed));
  assert.equal(answer.status, 200);
  checkSimple(seed, (await answer.json()) as Answer);
});

const good = (id: number): Buffer => rawRequest(INFER, JSON.stringify(simpleBody(id)));
const statuses = ({ answers }: Exchange): number[] => answers.map(({ status }) => status);
const jsonOf = ({ answers }: Exchange): Record<string, unknown> =>
  JSON.parse(answers[0]?.body.toString() ?? '') as Record<string, unknown>;
/** Waits for the server to close, as it must. */
async function refused(bytes: string | Buffer, write?: (socket: Socket) => void): Promise<Exchange> {
  const got = await exchange(port, bytes, write === undefined ? {} : { write });
  assert.equal(got.closed, true, 'the connection is still open');
  assert.equal(got.rest.byteLength, 0);
  return got;
}

test('an unknown route is 404 in the form of its part of the interface', async () => {
  const two = await exchange(port, rawRequest('GET /v2/nothing'), { answers: 1 });
  assert.deepEqual([statuses(two), jsonOf(two)], [[404], { error: 'Not Found' }]);
  const one = await exchange(port, rawRequest('GET /v1/nothing'), { answers: 1 });
  assert.deepEqual([statuses(one), jsonOf(one)['code']], [[404], 'not_found']);
  assert.equal(one.answers[0]?.headers.get('content-type'), 'application/problem+json');
});

test('a wrong method is 405 with Allow', async () => {
  for (const [line, allow] of [
    ['PUT /v2/models/simple/infer', 'POST'],
    ['GET /v1/models/simple/jobs', 'POST'],
    ['POST /v1/jobs/aaaaaaa-bbbbbbbbbbbbbbbbbbbb', 'GET, DELETE'],
    ['DELETE /v1/jobs/aaaaaaa-bbbbbbbbbbbbbbbbbbbb/result', 'GET'],
    ['POST /v2/models/simple', 'GET, HEAD'],
    ['POST /livez', 'GET, HEAD'],
  ] as const) {
    const got = await exchange(port, rawRequest(line), { answers: 1 });
    assert.deepEqual([statuses(got), got.answers[0]?.headers.get('allow')], [[405], allow], line);
    if (line.includes('/v1/')) assert.equal(jsonOf(got)['code'], 'method_not_allowed');
  }
});

test('no body is 400', async () => {
  for (const line of [INFER, SUBMIT]) {
    assert.deepEqual(statuses(await exchange(port, rawRequest(line), { answers: 1 })), [400]);
    const unframed = await exchange(port, `${line} HTTP/1.1\r\nHost: x\r\n\r\n`, { answers: 1 });
    assert.deepEqual(statuses(unframed), [400]);
  }
});

test('an unsupported Content-Encoding is 415', async () => {
  for (const encoding of ['br', 'zstd', 'gzip, gzip', 'x'.repeat(1_000)]) {
    const got = await exchange(port, rawRequest(INFER, '{}', { 'Content-Encoding': encoding }), { answers: 1 });
    assert.deepEqual(statuses(got), [415], encoding.slice(0, 20));
  }
});

test('corrupt gzip is 400', async () => {
  const packed = gzipSync(JSON.stringify(simpleBody(1)));
  const flipped = Buffer.from(packed);
  flipped.writeUInt8(flipped.readUInt8(40) ^ 0xff, 40);
  for (const body of [packed.subarray(0, 60), flipped, Buffer.from('{}'), Buffer.alloc(0)]) {
    const got = await exchange(port, rawRequest(INFER, body, { 'Content-Encoding': 'gzip' }), { answers: 1 });
    assert.deepEqual(statuses(got), [400]);
  }
});

test('a gzip bomb of 1 MB that would be 1 GB is 413 while it inflates', async () => {
  const [gateway = 0] = processesOf(system, 'gateway');
  const layer = gzipSync(Buffer.alloc(64 * MIB));
  const bomb = Buffer.concat(Array.from({ length: 16 }, () => layer));
  const request = rawRequest(INFER, bomb, { 'Content-Encoding': 'gzip' });
  const held = rssBytes(gateway);
  const got = await exchange(port, request, { answers: 1 });
  assert.deepEqual(statuses(got), [413]);
  assert.match(String(jsonOf(got)['error']), /exceeds|inflates/);
  assert.ok(rssBytes(gateway) - held < 64 * MIB);
});

test('a Content-Length over the limit is 413 before the body is read', async () => {
  for (const line of [INFER, SUBMIT]) {
    const got = await refused(rawRequest(line, '', { 'Content-Length': 8 * MIB + 1 }));
    assert.deepEqual(statuses(got), [413]);
  }
  const binary = { 'Content-Length': 64 * MIB + 1, 'Inference-Header-Content-Length': 100 };
  assert.deepEqual(statuses(await refused(rawRequest(INFER, '', binary))), [413]);
});

test('a client that sends all of a body over the limit still reads the 413', async () => {
  const request = rawRequest(INFER, Buffer.alloc(9 * MIB, ' '));
  for (let turn = 0; turn < 10; turn += 1) assert.deepEqual(statuses(await exchange(port, request)), [413]);
});

test('a chunked body over the limit is 413', async () => {
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MIB, ' '), Buffer.from('\r\n')]);
  const head = rawRequest(INFER, '', { 'Transfer-Encoding': 'chunked' });
  const got = await exchange(port, Buffer.concat([head, ...Array.from({ length: 9 }, () => chunk)]));
  assert.deepEqual(statuses(got), [413]);
});

test('65,536 tiny chunks cost the gateway less than 10 MiB', async () => {
  const [gateway = 0] = processesOf(system, 'gateway');
  const document = JSON.stringify(simpleBody(7));
  const text = document.padEnd(65_536);
  const chunks = Array.from(text, (letter) => `1\r\n${letter}\r\n`).join('');
  const request = rawRequest(INFER, `${chunks}0\r\n\r\n`, { 'Transfer-Encoding': 'chunked' });
  // What such a request leaves the heap to grow to, before it is measured that many of them grow it no further.
  for (let turn = 0; turn < 3; turn += 1) await exchange(port, request, { answers: 1 });
  const held = rssBytes(gateway);
  for (let turn = 0; turn < 5; turn += 1) {
    const got = await exchange(port, request, { answers: 1 });
    assert.deepEqual(statuses(got), [200]);
    checkSimple(7, jsonOf(got) as Answer);
    assert.ok(rssBytes(gateway) - held < 10 * MIB, `${rssBytes(gateway) - held} bytes more`);
  }
});

test('a body that ends before its length is 408 and closed', async () => {
  for (const framing of [{ 'Content-Length': 500 }, { 'Transfer-Encoding': 'chunked' }]) {
    const request = rawRequest(INFER, '5\r\n{"i', framing);
    const got = await refused('', (socket) => void socket.end(request));
    assert.deepEqual(statuses(got), [408]);
  }
});

test('a client that hangs up in the middle of a body is forgotten', async () => {
  await exchange(port, rawRequest(INFER, '{"inputs"', { 'Content-Length': 500 }), { limitMs: 20 });
});

for (const [what, bytes] of [
  ['a length and chunks', rawRequest(INFER, '0\r\n\r\n', { 'Content-Length': 5, 'Transfer-Encoding': 'chunked' })],
  ['chunks and a length', rawRequest(INFER, '0\r\n\r\n', { 'Transfer-Encoding': 'chunked', 'Content-Length': 5 })],
  ['two different lengths', rawRequest(INFER, '{}', { 'Content-Length': 2, 'content-length': 3 })],
  ['the same length twice', rawRequest(INFER, '{}', { 'Content-Length': 2, 'content-length': 2 })],
  ['a negative length', rawRequest(INFER, '{}', { 'Content-Length': -2 })],
  ['a length with a sign', rawRequest(INFER, '{}', { 'Content-Length': '+2' })],
  ['a length over 2^64', rawRequest(INFER, '{}', { 'Content-Length': '99999999999999999999999' })],
  ['a coding after chunked', rawRequest(INFER, '0\r\n\r\n', { 'Transfer-Encoding': 'chunked, gzip' })],
  ['a negative chunk size', rawRequest(INFER, '-1\r\n{}\r\n0\r\n\r\n', { 'Transfer-Encoding': 'chunked' })],
  ['a chunk that ends with a bare LF', rawRequest(INFER, '2\n{}\n0\n\n', { 'Transfer-Encoding': 'chunked' })],
  ['bare LF after the request line', 'GET /livez HTTP/1.1\nHost: x\r\n\r\n'],
  ['bare LF after a header', 'GET /livez HTTP/1.1\r\nHost: x\nA: b\r\n\r\n'],
  ['bare LF at the end of the head', 'GET /livez HTTP/1.1\r\nHost: x\r\n\n'],
  ['a bare CR in a header', 'GET /livez HTTP/1.1\r\nHost: x\rA: b\r\n\r\n'],
  ['a folded header', 'GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
  ['a space before the colon', 'GET /livez HTTP/1.1\r\nHost : x\r\n\r\n'],
  ['NUL in a header', 'GET /livez HTTP/1.1\r\nHost: x\r\nA: b\u0000c\r\n\r\n'],
  ['an unknown method', 'FETCH /livez HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS hello on the plain port', Buffer.from('16030100a5010000a103030000', 'hex')],
] as const) {
  test(`${what}: 400 and closed`, async () => {
    assert.deepEqual(statuses(await refused(bytes)), [400]);
  });
}

test('headers over 16 KiB, in one or in many, and a path as long: 431 and closed', async () => {
  for (const bytes of [
    rawRequest('GET /livez', '', { A: 'b'.repeat(16_400) }),
    `GET /livez HTTP/1.1\r\n${'A: b\r\n'.repeat(6_000)}\r\n`,
    rawRequest(`GET /livez?${'b'.repeat(16_400)}`),
    rawRequest(INFER, `2\r\n{}\r\n0\r\nA: ${'b'.repeat(16_400)}\r\n\r\n`, { 'Transfer-Encoding': 'chunked' }),
  ]) {
    assert.deepEqual(statuses(await refused(bytes)), [431]);
  }
});

test('a head that comes too slowly is 408 and closed', async () => {
  assert.deepEqual(statuses(await refused('GET /livez HTTP/1.1\r\nHost: ')), [408]);
});

test('a body that comes too slowly is 408 and closed, in the form of its part of the interface', async () => {
  const [two, one] = await Promise.all([
    refused(rawRequest(INFER, '{', { 'Content-Length': 500 })),
    refused(rawRequest(SUBMIT, '{', { 'Content-Length': 500 })),
  ]);
  assert.deepEqual([statuses(two), jsonOf(two)], [[408], { error: 'Request Timeout' }]);
  assert.deepEqual([statuses(one), jsonOf(one)['code']], [[408], 'request_timeout']);
});

test('pipelined requests are served in order, whichever is ready first', async () => {
  const lines = ['GET /livez', 'GET /v2/nothing', 'GET /v2'];
  const bytes = Buffer.concat([good(31), ...lines.map((line) => rawRequest(line)), good(32), good(33)]);
  const got = await exchange(port, bytes, { answers: 6 });
  assert.deepEqual(statuses(got), [200, 200, 404, 200, 200, 200]);
  const answer = (i: number): Answer => JSON.parse(got.answers[i]?.body.toString() ?? '') as Answer;
  for (const [i, id] of [
    [0, 31],
    [4, 32],
    [5, 33],
  ] as const)
    checkSimple(id, answer(i));
});

test('what is no HTTP behind a good request is answered behind its answer', async () => {
  const got = await refused(Buffer.concat([good(34), good(35), Buffer.from('GARBAGE\r\n\r\n'.repeat(3))]));
  assert.deepEqual(statuses(got), [200, 200, 400]);
  checkSimple(34, jsonOf(got) as Answer);
});

test('Expect: 100-continue over the limit is 413 without asking for the body', async () => {
  for (const line of [INFER, SUBMIT]) {
    const got = await refused(rawRequest(line, '', { Expect: '100-continue', 'Content-Length': 8 * MIB + 1 }));
    assert.deepEqual([statuses(got), got.continued], [[413], false]);
  }
});

test('Expect: 100-continue asks for no body that is refused unread', async () => {
  const expecting = { Expect: '100-continue', 'Content-Length': 5 };
  for (const [line, headers, status] of [
    ['POST /v2/models/nobody/infer', {}, 404],
    [INFER, { 'Batchyard-Priority': 'urgent' }, 400],
    [INFER, { 'Content-Encoding': 'br' }, 415],
    ['GET /v2/models/simple/infer', {}, 405],
  ] as const) {
    const got = await refused(rawRequest(line, '', { ...expecting, ...headers }));
    assert.deepEqual([statuses(got), got.continued], [[status], false], line);
  }
});

test('Expect: 100-continue within the limit is asked for and answered', async () => {
  const body = JSON.stringify(simpleBody(36));
  const got = await exchange(port, '', {
    answers: 1,
    write(socket) {
      socket.write(rawRequest(INFER, '', { Expect: '100-continue', 'Content-Length': body.length }));
      socket.once('data', () => socket.write(body));
    },
  });
  assert.deepEqual([statuses(got), got.continued], [[200], true]);
  checkSimple(36, jsonOf(got) as Answer);
});

test('any other expectation is 417', async () => {
  const two = await refused(rawRequest(INFER, '{}', { Expect: 'tea' }));
  assert.deepEqual(statuses(two), [417]);
  const one = await refused(rawRequest(SUBMIT, '{}', { Expect: 'tea' }));
  assert.deepEqual([statuses(one), jsonOf(one)['code']], [[417], 'expectation_failed']);
});

test('a target in absolute form is its path, one without a path is 404', async () => {
  assert.deepEqual(statuses(await exchange(port, rawRequest('GET http://x/livez'), { answers: 1 })), [200]);
  assert.deepEqual(statuses(await exchange(port, rawRequest('GET http://[::1/livez'), { answers: 1 })), [200]);
  for (const target of ['*', 'http://x', 'http:///../livez', 'ftp://x/livez', 'http://x/v1/queues']) {
    const got = await exchange(port, rawRequest(`OPTIONS ${target}`), { answers: 1 });
    assert.deepEqual(statuses(got), [404], target);
  }
});

test('nothing of it was said in a page, a stack or a crash', async () => {
  assert.deepEqual(processesOf(system, 'gateway'), started);
  assert.doesNotMatch(system.output(), /Error|Warning|ended/);
});
