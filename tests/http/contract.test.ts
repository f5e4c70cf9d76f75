/** The HTTP contract against a running system: status, texts and headers that clients match on, and what bad input gets. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { makeTestModels } from '../../models/make-test-models.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-contract-'));
  await makeTestModels(models, ['simple', 'poison', 'slower', 'identity_fp32', 'unbatched_sum']);
  system = await startSystem({ BATCHYARD_MODELS: models });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

const infer = (body: unknown, headers: Record<string, string> = {}, model = 'simple'): Promise<Response> =>
  post(`${system.url}/v2/models/${model}/infer`, body, headers);
const errorOf = async (answer: Response): Promise<string> => ((await answer.json()) as { error: string }).error;
const get = (path: string): Promise<Response> => fetch(system.url + path);

/** Raw bytes over a socket, and all that comes back until it is closed or quiet. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(system.url).port), '127.0.0.1');
    let text = '';
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (part) => (text += part.toString()));
    socket.on('close', done);
    socket.on('error', done);
    socket.setTimeout(1_500, done);
    socket.write(bytes);
  });
}
async function stillWell(): Promise<void> {
  assert.equal((await get('/livez')).status, 200);
  const answer = await infer(simpleBody(1));
  checkSimple(1, (await answer.json()) as Answer);
}

test('health, server metadata and model metadata', async () => {
  assert.deepEqual(await (await get('/v2/health/live')).json(), { live: true });
  assert.deepEqual(await (await get('/v2/health/ready')).json(), { live: true, ready: true });
  const server = (await (await get('/v2')).json()) as { name: string };
  assert.equal(server.name, 'batchyard');
  assert.deepEqual(await (await get('/v2/models/simple/versions/1/ready')).json(), { name: 'simple', ready: true });
  const metadata = (await (await get('/v2/models/simple')).json()) as { inputs: unknown[]; platform: string };
  assert.deepEqual(metadata.inputs[0], { name: 'INPUT0', datatype: 'INT32', shape: [-1, 16] });
  assert.equal(metadata.platform, 'onnxruntime_onnx');
});

test('errors of /v2 have the one content type that clients read', async () => {
  const answer = await infer({}, {}, 'nobody');
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(await errorOf(answer), "Request for unknown model: 'nobody' is not found");
  const version = await get('/v2/models/simple/versions/9');
  assert.deepEqual(
    [version.status, await errorOf(version)],
    [404, "Request for unknown model: 'simple' version 9 is not found"],
  );
});

test('wrong methods and unknown paths', async () => {
  const wrong = await get('/v2/models/simple/infer');
  assert.deepEqual(
    [wrong.status, wrong.headers.get('allow'), await errorOf(wrong)],
    [405, 'POST', 'Method Not Allowed'],
  );
  const unknown = await get('/v2/nothing');
  assert.deepEqual([unknown.status, await errorOf(unknown)], [404, 'Not Found']);
  assert.equal((await fetch(`${system.url}/v2`, { method: 'DELETE' })).status, 405);
});

test('no operations path answers on the public port, whatever the spelling', async () => {
  for (const path of [
    '/v1/queues',
    '//v1/queues',
    '/v2/../v1/queues',
    '/v1%2fqueues',
    '/V1/queues',
    '/v1/queues.',
    '/metrics',
    '/board',
    '/v1/workers',
  ]) {
    const text = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 404/, path);
  }
});

test('names that are no names touch nothing', async () => {
  for (const name of [
    '%2e%2e%2f',
    '..%5c..',
    '%00',
    '__proto__',
    'constructor',
    'toString',
    'a'.repeat(129),
    '%F0%9F%98%80',
  ]) {
    assert.equal((await infer(simpleBody(1), {}, name)).status, 404, name);
    assert.equal((await get(`/v1/jobs/${name}`)).status, 404, name);
  }
});

test('priorities and timeouts by header and parameter', async () => {
  for (const headers of [
    { 'batchyard-priority': 'urgent' },
    { 'batchyard-timeout-ms': '0' },
    { 'batchyard-timeout-ms': '-1' },
  ]) {
    assert.equal((await infer(simpleBody(1), headers)).status, 400);
  }
  for (const parameters of [
    { priority: 9 },
    { priority: 1.5 },
    { priority: 'high!' },
    { timeout: 0 },
    { triton_x: 1 },
  ]) {
    assert.equal((await infer({ ...simpleBody(1), parameters })).status, 400);
  }
  const ok = await infer(
    { ...simpleBody(2), parameters: { priority: 1, timeout: 5_000_000 } },
    { 'batchyard-priority': 'low' },
  );
  checkSimple(2, (await ok.json()) as Answer);
});

test('a deadline shorter than a run is refused at once with Retry-After', async () => {
  const started = performance.now();
  const body = { inputs: [{ name: 'INPUT0', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] };
  const answer = await infer(body, { 'batchyard-timeout-ms': '5' }, 'slower');
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.ok(performance.now() - started < 1_000);
});

test('what cannot be answered in time is told so: at once where it can be foreseen, at its deadline otherwise', async () => {
  const body = {
    inputs: [{ name: 'INPUT0', shape: [16, 4], datatype: 'FP32', data: Array.from({ length: 64 }, (_, i) => i) }],
  };
  const many = await Promise.all(
    Array.from({ length: 24 }, () => infer(body, { 'batchyard-timeout-ms': '250' }, 'slower')),
  );
  const late = many.filter((answer) => answer.status !== 200);
  assert.ok(late.length > 0);
  for (const answer of late) {
    assert.deepEqual([answer.status, Number(answer.headers.get('retry-after')) > 0], [503, true]);
    assert.match(
      await errorOf(answer),
      /^(Request timeout expired|the predicted wait is \d.* (misses|is too close to) the deadline of 250 ms|a run takes \d+ ms, which is more than the deadline of 250 ms)$/,
    );
  }
});

test('a row that the model cannot compute fails alone', async () => {
  const one = (code: number): Promise<Response> =>
    infer({ inputs: [{ name: 'CODE', shape: [1, 1], datatype: 'INT32', data: [code] }] }, {}, 'poison');
  const answers = await Promise.all([1, 2, 5_000, 3, 4, 5, 6, 7].map(one));
  for (const [i, answer] of answers.entries()) {
    const body = (await answer.json()) as Answer & { error?: string };
    if (i === 2) assert.deepEqual([answer.status, body.error], [500, 'the model could not compute this input']);
    else assert.deepEqual(body.outputs[0]?.data, [[1, 2, 0, 3, 4, 5, 6, 7].map((code) => 2 * code)[i]]);
  }
});

test('a model without a batch axis serves one request at a time', async () => {
  const answer = await infer(
    { inputs: [{ name: 'X', shape: [3], datatype: 'FP32', data: [1, 2, 3.5] }] },
    {},
    'unbatched_sum',
  );
  assert.deepEqual(((await answer.json()) as Answer).outputs[0]?.data, [6.5]);
});

test('compressed bodies, both ways', async () => {
  const packed = gzipSync(JSON.stringify(simpleBody(5, 8)));
  const answer = await fetch(`${system.url}/v2/models/simple/infer`, {
    method: 'POST',
    body: packed,
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  checkSimple(5, (await answer.json()) as Answer, 8);
  const send = (body: NonNullable<RequestInit['body']>, encoding: string): Promise<Response> =>
    fetch(`${system.url}/v2/models/simple/infer`, { method: 'POST', body, headers: { 'content-encoding': encoding } });
  assert.equal((await send(packed.subarray(0, 40), 'gzip')).status, 400);
  assert.equal((await send('x', 'br')).status, 415);
  assert.equal((await send(gzipSync(Buffer.alloc(64 * 1_048_576)), 'gzip')).status, 413);
  await stillWell();
});

test('bodies over the limit are refused before they are read, and while they come in chunks', async () => {
  const head = 'POST /v2/models/simple/infer HTTP/1.1\r\nHost: x\r\n';
  assert.match(await raw(`${head}Content-Length: 99999999999\r\n\r\n`), /^HTTP\/1\.1 413/);
  assert.match(await raw(`${head}Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n`), /^HTTP\/1\.1 413/);
  const stream = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1_048_576).fill(32));
    },
  });
  const chunked = await fetch(`${system.url}/v2/models/simple/infer`, {
    method: 'POST',
    body: stream,
    duplex: 'half',
  } as RequestInit).catch(() => undefined);
  assert.ok(chunked === undefined || chunked.status === 413);
  await stillWell();
});

for (const [what, bytes, status] of [
  [
    'two lengths',
    'POST /v2/models/simple/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    400,
  ],
  [
    'length and chunks',
    'POST /v2/models/simple/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['a folded header', 'GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
  ['headers of 20 KiB', `GET /livez HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(20_000)}\r\n\r\n`, 431],
  ['a TLS hello', '\u0016\u0003\u0001\u0002\u0000\u0001', 400],
] as const) {
  test(`${what}: ${status} and closed`, async () => {
    assert.match(await raw(bytes), new RegExp(`^HTTP/1\\.1 ${status}`));
    await stillWell();
  });
}

test('pipelined requests are answered in order', async () => {
  const body = (seed: number): string => JSON.stringify(simpleBody(seed));
  const request = (seed: number): string =>
    `POST /v2/models/simple/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body(seed).length}\r\n\r\n${body(seed)}`;
  const text = await raw([11, 12, 13].map(request).join(''));
  assert.deepEqual(
    [...text.matchAll(/"id":"(\d+)"/g)].map((match) => match[1]),
    ['11', '12', '13'],
  );
});

test('a job: accepted, looked at, waited for, its result in both forms', async () => {
  const accepted = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(21), { 'batchyard-priority': 'high' });
  assert.equal(accepted.status, 202);
  const job = (await accepted.json()) as {
    id: string;
    status: string;
    priority: string;
    durable: boolean;
    links: { self: string };
  };
  assert.deepEqual(
    [job.status, job.priority, job.durable, accepted.headers.get('location')],
    ['queued', 'high', true, job.links.self],
  );
  const result = await get(`/v1/jobs/${job.id}/result?wait=20s`);
  checkSimple(21, (await result.json()) as Answer);
  const binary = await fetch(`${system.url}/v1/jobs/${job.id}/result`, {
    headers: { accept: 'application/octet-stream' },
  });
  assert.equal(binary.headers.get('content-type'), 'application/octet-stream');
  const shown = await get(`/v1/jobs/${job.id}`);
  const line = (await shown.json()) as { status: string; batch: { reason: string; batch_rows: number } };
  assert.equal(line.status, 'succeeded');
  assert.ok(line.batch.batch_rows >= 1 && line.batch.reason.length > 0);
  const again = await fetch(`${system.url}/v1/jobs/${job.id}`, {
    headers: { 'if-none-match': shown.headers.get('etag') ?? '' },
  });
  assert.equal(again.status, 304);
  const cancelled = await fetch(`${system.url}/v1/jobs/${job.id}`, { method: 'DELETE' });
  const problem = (await cancelled.json()) as { code: string };
  assert.deepEqual(
    [cancelled.status, cancelled.headers.get('content-type'), problem.code],
    [409, 'application/problem+json', 'conflict'],
  );
});

test('a failed job keeps its problem, an unknown one is 404', async () => {
  const body = { inputs: [{ name: 'CODE', shape: [1, 1], datatype: 'INT32', data: [4_000] }] };
  const { id } = (await (await post(`${system.url}/v1/models/poison/jobs`, body)).json()) as { id: string };
  const result = await get(`/v1/jobs/${id}/result?wait=20s`);
  const problem = (await result.json()) as { code: string; retryable: boolean };
  assert.deepEqual([result.status, problem.code, problem.retryable], [500, 'model_error', false]);
  assert.equal((await get('/v1/jobs/aaaaaaa-bbbbbbbbbbbbbbbbbbbb')).status, 404);
  assert.equal((await get('/v1/jobs/a:b')).status, 404);
});

test('a waiting job is cancelled, the same answer when asked again, and its result is 409', async () => {
  const body = {
    inputs: [{ name: 'INPUT0', shape: [16, 4], datatype: 'FP32', data: Array.from({ length: 64 }, () => 1) }],
  };
  const submit = async (): Promise<string> =>
    ((await (await post(`${system.url}/v1/models/slower/jobs`, body)).json()) as { id: string }).id;
  const ids = await Promise.all(Array.from({ length: 12 }, submit));
  const last = ids.at(-1) ?? '';
  const cancel = async (): Promise<number> =>
    (await fetch(`${system.url}/v1/jobs/${last}`, { method: 'DELETE' })).status;
  assert.deepEqual([await cancel(), await cancel()], [200, 200]);
  const result = await get(`/v1/jobs/${last}/result`);
  assert.deepEqual([result.status, ((await result.json()) as { code: string }).code], [409, 'cancelled']);
  for (const id of ids.slice(0, -1)) assert.equal((await get(`/v1/jobs/${id}/result?wait=30s`)).status, 200);
});

test('the operations port: metrics, probes, workers, queues and the board', async () => {
  const ops = async (path: string): Promise<string> => {
    const answer = await fetch(system.ops + path);
    assert.equal(answer.status, 200, path);
    return answer.text();
  };
  assert.match(
    await ops('/metrics'),
    /batchyard_http_request_duration_seconds_count\{route="infer",method="POST",status="200"\}/,
  );
  assert.match(await ops('/metrics'), /batchyard_workers\{state="serving"\} [1-9]/);
  assert.equal((JSON.parse(await ops('/readyz?verbose')) as { ready: boolean }).ready, true);
  const { workers } = JSON.parse(await ops('/v1/workers')) as { workers: Record<string, unknown>[] };
  for (const field of [
    'id',
    'pid',
    'host',
    'state',
    'models',
    'in_flight',
    'load',
    'response_ms',
    'rss_bytes',
    'ops_port',
    'started_at',
    'last_seen_ms',
  ]) {
    assert.ok(workers[0] && field in workers[0], field);
  }
  const { queues } = JSON.parse(await ops('/v1/queues')) as { queues: { model: string }[] };
  assert.equal(queues.length, 5);
  // The board holds a connection for each queue, from the first look on.
  const clients = async (): Promise<number> => (JSON.parse(await ops('/v1/redis')) as { clients: number }).clients;
  const unseen = await clients();
  assert.match(await ops('/board/'), /<html/);
  const board = await ops('/board/api/queues?activeQueue=simple%401&status=completed');
  assert.match(board, /"simple@1"/);
  assert.doesNotMatch(board, /"(in|out)":/);
  await until('a connection for each queue', async () => ((await clients()) >= unseen + 5 ? true : undefined));
});

test('a client that hangs up leaves no job behind', async () => {
  const body = JSON.stringify({
    inputs: [{ name: 'INPUT0', shape: [16, 4], datatype: 'FP32', data: Array.from({ length: 64 }, () => 1) }],
  });
  const stop = new AbortController();
  const hung = Array.from({ length: 12 }, () =>
    fetch(`${system.url}/v2/models/slower/infer`, { method: 'POST', body, signal: stop.signal }).catch(() => undefined),
  );
  await until('they wait', async () => {
    const line = (await (await fetch(`${system.ops}/v1/queues/slower`)).json()) as { depth: number };
    return line.depth > 3 ? true : undefined;
  });
  stop.abort();
  await Promise.all(hung);
  await until(
    'none is left',
    async () => {
      const line = (await (await fetch(`${system.ops}/v1/queues/slower`)).json()) as { depth: number; active: number };
      return line.depth + line.active === 0 ? true : undefined;
    },
    2_000,
  );
});
