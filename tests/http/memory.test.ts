/** Memory of the running system: bodies, answers and copies are bounded, and none of it stays when its cause has gone. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { processesOf, rssBytes } from '../support/processes.ts';
import { exchange, rawRequest } from '../support/raw-http.ts';
import { startRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MIB = 1_048_576;
const LIMIT = 24 * MIB;
const INFER = 'POST /v2/models/simple/infer';

type Passed = { readonly bytes: number; readonly per_byte: number };
type Copies = { readonly request: Passed; readonly result: Passed };
type Memory = {
  readonly gateway: {
    readonly rss_bytes: number;
    readonly in_flight: {
      readonly request_bytes: number;
      readonly unread_answer_bytes: number;
      readonly paused: number;
      readonly pauses: number;
      readonly refused: number;
    };
    readonly copies: Copies;
  };
  readonly workers: readonly {
    readonly rss_bytes: number;
    readonly pool: Readonly<Record<'limit_bytes' | 'used_bytes' | 'idle_bytes' | 'reuse_ratio', number>>;
    readonly copies: Copies;
  }[];
};

let system: System;
let models: string;
let port: number;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-memory-'));
  await makeTestModels(models, ['simple', 'identity_fp32']);
  system = await startSystem({
    BATCHYARD_MODELS: models,
    BATCHYARD_MAX_JSON_BYTES: String(MIB),
    BATCHYARD_MAX_BINARY_BYTES: String(16 * MIB),
    BATCHYARD_MAX_BYTES_IN_FLIGHT: String(LIMIT),
    BATCHYARD_ANSWER_TIMEOUT: '1',
  });
  port = Number(new URL(system.url).port);
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

const memory = async (): Promise<Memory> => (await (await fetch(`${system.ops}/v1/memory`)).json()) as Memory;
const becomes = (what: string, holds: (now: Memory) => boolean): Promise<Memory> =>
  until(what, async () => {
    const now = await memory();
    return holds(now) ? now : undefined;
  });
async function stillWell(seed: number): Promise<void> {
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(seed));
  assert.equal(answer.status, 200);
  checkSimple(seed, (await answer.json()) as Answer);
}

/** One row of so many floats, in and out as bytes. */
function large(floats: number): Buffer {
  const data = Buffer.from(Float32Array.from({ length: floats }, (_, i) => i).buffer);
  const head = JSON.stringify({
    inputs: [
      { name: 'INPUT0', shape: [1, floats], datatype: 'FP32', parameters: { binary_data_size: data.byteLength } },
    ],
    parameters: { binary_data_output: true },
  });
  return rawRequest('POST /v2/models/identity_fp32/infer', Buffer.concat([Buffer.from(head), data]), {
    'Content-Length': head.length + data.byteLength,
    'Inference-Header-Content-Length': head.length,
  });
}

test('a large request and its result are copied at most twice in each process', async (t) => {
  const floats = 2 * MIB;
  const earlier = await memory();
  const turns = 4;
  for (let turn = 0; turn < turns; turn += 1) {
    const got = await exchange(port, large(floats), { answers: 1, limitMs: 20_000 });
    const [answer] = got.answers;
    assert.equal(answer?.status, 200);
    const header = Number(answer.headers.get('inference-header-content-length'));
    const values = new Float32Array(Uint8Array.from(answer.body.subarray(header)).buffer);
    assert.deepEqual([values.length, values[1], values.at(-1)], [floats, 1, floats - 1]);
  }
  const sent = turns * floats * 4;
  const told = await becomes('the worker has told of it', ({ workers }) =>
    workers.every(({ copies }) => copies.request.bytes >= sent && copies.result.bytes >= sent),
  );
  assert.ok(earlier.gateway.copies.request.bytes < sent);
  for (const [name, { request, result }] of [
    ['gateway', told.gateway.copies],
    ['worker', told.workers[0]?.copies ?? told.gateway.copies],
  ] as const) {
    t.diagnostic(`${name}: ${request.per_byte.toFixed(3)} a request byte, ${result.per_byte.toFixed(3)} a result byte`);
    assert.ok(request.bytes >= sent && result.bytes >= sent);
    // A little more than two: the header of a blob is copied as well, but is no body.
    assert.ok(request.per_byte > 0.9 && request.per_byte <= 2.001, `${name}: ${request.per_byte} a request byte`);
    assert.ok(result.per_byte > 0.9 && result.per_byte <= 2.001, `${name}: ${result.per_byte} a result byte`);
  }
});

test('the operations port and the metrics tell of every process', async () => {
  const { gateway, workers } = await memory();
  assert.ok(gateway.rss_bytes > 10 * MIB);
  assert.equal(workers.length, 1);
  for (const { rss_bytes, pool } of workers) {
    assert.ok(rss_bytes > 10 * MIB);
    assert.ok(pool.used_bytes + pool.idle_bytes <= pool.limit_bytes);
    assert.ok(pool.reuse_ratio >= 0 && pool.reuse_ratio <= 1);
  }
  const own = await (await fetch(`${system.ops}/metrics`)).text();
  for (const name of ['in_flight_bytes{kind="request"}', 'copies_per_byte{direction="request"}', 'refused_total'])
    assert.ok(own.includes(`batchyard_memory_${name} `), name);
  const [{ ops_port } = { ops_port: 0 }] = (await system.workers()) as unknown as { ops_port: number }[];
  const theirs = await (await fetch(`http://127.0.0.1:${ops_port}/metrics`)).text();
  for (const name of ['pool_bytes{state="idle"}', 'pool_reuse_ratio', 'pool_outside_total', 'emergencies_total'])
    assert.ok(theirs.includes(`batchyard_memory_${name} `), name);
});

test('at the limit of bytes in flight bodies wait, new ones are refused unread, and all that was begun is answered', async () => {
  const request = large(2 * MIB);
  const half = request.subarray(0, request.byteLength - 16_384);
  const open = (bytes: Buffer): Socket => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined).on('connect', () => void socket.write(bytes));
    return socket;
  };
  // Three times eight MiB: the third comes close to the limit, and a fourth is beyond it.
  const sockets = [open(half), open(half), open(half)];
  const answers = sockets.map(
    (socket) =>
      new Promise<string>((resolve) => void socket.once('data', (part) => resolve(part.toString('latin1', 9, 12)))),
  );
  await becomes('bodies wait', ({ gateway }) => gateway.in_flight.paused > 0);
  const more = { Expect: '100-continue', 'Content-Length': 8 * MIB, 'Inference-Header-Content-Length': 100 };
  const refused = await exchange(port, rawRequest('POST /v1/models/simple/jobs', '', more), { answers: 1 });
  assert.deepEqual([refused.answers[0]?.status, refused.continued], [503, false]);
  assert.ok(Number(refused.answers[0]?.headers.get('retry-after')) >= 1);
  assert.equal((JSON.parse(refused.answers[0]?.body.toString() ?? '') as { code: string }).code, 'overloaded');
  for (const socket of sockets) socket.write(request.subarray(half.byteLength));
  assert.deepEqual(await Promise.all(answers), ['200', '200', '200']);
  for (const socket of sockets) socket.destroy();
  const { gateway } = await becomes(
    'everything is let go',
    ({ gateway: { in_flight } }) => in_flight.request_bytes === 0,
  );
  assert.ok(gateway.in_flight.pauses > 0 && gateway.in_flight.refused > 0);
  await stillWell(1);
});

test('a body that was made to wait until its time was over is told that the gateway is full, not that it was slow', async () => {
  const redis = await startRedis();
  const small = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_MAX_BYTES_IN_FLIGHT: String(8 * MIB),
    BATCHYARD_MAX_JSON_BYTES: String(MIB),
    BATCHYARD_MAX_BINARY_BYTES: String(MIB),
    BATCHYARD_REQUEST_TIMEOUT: '2',
  });
  try {
    const at = Number(new URL(small.url).port);
    assert.ok((await fetch(`${small.ops}/v1/queues/simple/pause`, { method: 'POST' })).ok);
    const text = JSON.stringify(simpleBody(1));
    const whole = rawRequest(INFER, text.padEnd(MIB - 1_024));
    const held = Array.from({ length: 8 }, () => {
      const socket = connect({ port: at, host: '127.0.0.1' });
      socket.on('error', () => undefined).on('connect', () => void socket.write(whole));
      return socket;
    });
    await until('they are held', async () => {
      const { gateway } = (await (await fetch(`${small.ops}/v1/memory`)).json()) as Memory;
      return gateway.in_flight.request_bytes > 7.9 * MIB ? true : undefined;
    });
    // What comes in chunks has told no length that could have been refused.
    const part = ' '.repeat(65_536);
    const chunk = `${part.length.toString(16)}\r\n${part}\r\n`;
    const late = Array.from({ length: 3 }, () =>
      exchange(at, rawRequest(INFER, chunk.repeat(14), { 'Transfer-Encoding': 'chunked' }), {
        answers: 1,
        limitMs: 10_000,
      }),
    );
    for (const { answers } of await Promise.all(late)) {
      assert.equal(answers[0]?.status, 503, answers[0]?.body.toString());
      assert.match(answers[0].body.toString(), /holds as many bytes of requests as it may/);
      assert.ok(Number(answers[0].headers.get('retry-after')) >= 1);
    }
    for (const socket of held) socket.destroy();
  } finally {
    await small.stop();
    await redis.stop();
  }
});

test('a client that does not read its answer is closed, and what it left unread is let go', async () => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket
    .on('error', () => undefined)
    .on('connect', () => {
      socket.pause();
      socket.write(large(4 * MIB - 1_000));
    });
  await becomes('the answer waits', ({ gateway }) => gateway.in_flight.unread_answer_bytes > MIB);
  await becomes('it is let go', ({ gateway }) => gateway.in_flight.unread_answer_bytes === 0);
  let bytes = 0;
  await new Promise((resolve) => {
    socket.on('close', resolve).on('data', (part) => (bytes += part.byteLength));
    socket.resume();
  });
  assert.ok(bytes < 16 * MIB, 'all of the answer came');
  await stillWell(2);
});

/** Bodies of three kinds in turn: announced too large, too large in chunks, and given up half-way. */
async function badBodies(count: number): Promise<void> {
  const announced = rawRequest(INFER, '', { 'Content-Length': MIB + 1 });
  const chunk = Buffer.concat([Buffer.from('40000\r\n'), Buffer.alloc(262_144, ' '), Buffer.from('\r\n')]);
  const chunked = Buffer.concat([
    rawRequest(INFER, '', { 'Transfer-Encoding': 'chunked' }),
    ...Array.from({ length: 5 }, () => chunk),
  ]);
  const aborted = Buffer.concat([rawRequest(INFER, '', { 'Content-Length': MIB }), Buffer.alloc(MIB / 2, ' ')]);
  const abort = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => undefined).on('close', () => resolve());
      socket.on('connect', () => void socket.write(aborted, () => socket.resetAndDestroy()));
    });
  const lanes = 10;
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < count; i += lanes) {
      if (i % 3 === 2) await abort();
      else {
        const { answers } = await exchange(port, i % 3 === 0 ? announced : chunked, { answers: 1 });
        assert.equal(answers[0]?.status, 413);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)));
  await becomes('nothing is held', ({ gateway }) => gateway.in_flight.request_bytes === 0);
}

test('1,000 oversized or aborted bodies leave the gateway with less than 10 MiB more', async (t) => {
  const [gateway = 0] = processesOf(system, 'gateway');
  // The heap grows to what such bodies need until they are collected; what they leave behind makes it grow every time.
  await badBodies(1_000);
  const rounds = 5;
  let more = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds && more >= 10 * MIB; round += 1) {
    const held = rssBytes(gateway);
    await badBodies(1_000);
    more = rssBytes(gateway) - held;
    t.diagnostic(`${(more / MIB).toFixed(1)} MiB more than ${(held / MIB).toFixed(0)}`);
  }
  assert.ok(more < 10 * MIB, `${more} bytes more`);
  assert.equal(processesOf(system, 'gateway')[0], gateway);
  await stillWell(3);
});
