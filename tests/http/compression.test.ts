/** Compressed bodies, both ways: what is inflated and counted, which answers are compressed, and by what. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';

import { makeTestModels } from '../../models/make-test-models.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSimple, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

const MIB = 1_048_576;

let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-compression-'));
  await makeTestModels(models, ['simple', 'identity_fp32', 'identity_uint8']);
  system = await startSystem({ BATCHYARD_MODELS: models });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

type Reply = { status: number; coding: string | undefined; headerLength: number; body: Buffer };

/** As it comes from the socket: fetch would inflate it. */
function ask(path: string, body?: Uint8Array, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(system.url + path, { method: body ? 'POST' : 'GET', headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          coding: answer.headers['content-encoding'],
          headerLength: Number(answer.headers['inference-header-content-length']),
          body: Buffer.concat(parts),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
const infer = (model: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(`/v2/models/${model}/infer`, body, headers);
const simple = (accept: string, rows = 8): Promise<Reply> =>
  infer('simple', Buffer.from(JSON.stringify(simpleBody(3, rows))), { 'accept-encoding': accept });

test('gzip and deflate are inflated, also around a binary body whose header length counts inflated JSON', async () => {
  for (const [coding, pack] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['GZIP', gzipSync],
  ] as const) {
    const headers = { 'content-encoding': coding };
    const answer = await infer('simple', pack(JSON.stringify(simpleBody(5, 8))), headers);
    checkSimple(5, JSON.parse(answer.body.toString()) as Answer, 8);
    const values = Float32Array.from({ length: 1_000 }, (_, i) => i);
    const tensor = { name: 'INPUT0', shape: [1, 1_000], datatype: 'FP32', parameters: { binary_data_size: 4_000 } };
    const json = Buffer.from(JSON.stringify({ inputs: [tensor] }));
    const whole = pack(Buffer.concat([json, Buffer.from(values.buffer)]));
    const length = { ...headers, 'inference-header-content-length': String(json.byteLength) };
    const binary = await infer('identity_fp32', whole, length);
    const { outputs } = JSON.parse(binary.body.toString()) as { outputs: { data: number[] }[] };
    assert.deepEqual(outputs[0]?.data, [...values]);
    // A raw request: the whole body is the tensor.
    const raw = await infer('identity_fp32', pack(Buffer.from(values.buffer)), {
      ...headers,
      'inference-header-content-length': '0',
    });
    assert.deepEqual(raw.body.subarray(raw.headerLength), Buffer.from(values.buffer));
  }
});

test('more than 20 to 1 is refused beyond a megabyte, and not before', async () => {
  const send = async (bytes: number): Promise<number> => {
    const headers = { 'content-encoding': 'gzip', 'inference-header-content-length': '0' };
    return (await infer('identity_uint8', gzipSync(Buffer.alloc(bytes)), headers)).status;
  };
  assert.equal(await send(MIB - 64), 200);
  assert.equal(await send(3 * MIB), 413);
});

test('an answer is compressed as the caller likes best, and its header length counts inflated JSON', async () => {
  for (const [accept, coding] of [
    ['gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['gzip, deflate', 'gzip'],
    ['deflate, gzip', 'deflate'],
    ['br, deflate', 'deflate'],
    ['gzip;q=0.1, deflate;q=0.9', 'deflate'],
    ['gzip;q=0, deflate', 'deflate'],
    ['gzip; q=0', undefined],
    ['br', undefined],
    ['identity', undefined],
    ['', undefined],
  ] as const) {
    const answer = await simple(accept);
    assert.equal(answer.coding, coding, accept);
    const plain =
      coding === 'gzip' ? gunzipSync(answer.body) : coding === 'deflate' ? inflateSync(answer.body) : answer.body;
    checkSimple(3, JSON.parse(plain.toString()) as Answer, 8);
  }
  const values = Buffer.alloc(4_000, 1);
  const headers = { 'inference-header-content-length': '0', 'accept-encoding': 'gzip' };
  const answer = await infer('identity_uint8', values, headers);
  const plain = gunzipSync(answer.body);
  assert.deepEqual(plain.subarray(answer.headerLength), values);
  assert.equal(
    (JSON.parse(plain.subarray(0, answer.headerLength).toString()) as { model_name: string }).model_name,
    'identity_uint8',
  );
});

test('only answers of infer that are well and worth it are compressed', async () => {
  const headers = { 'accept-encoding': 'gzip, deflate' };
  const failed = await infer('simple', Buffer.from('{"inputs":[]}'), headers);
  assert.deepEqual([failed.status, failed.coding], [400, undefined]);
  for (const path of ['/v2', '/v2/models/simple', '/v2/models/simple/config', '/v2/models/stats', '/openapi.json']) {
    const told = await ask(path, undefined, headers);
    assert.deepEqual([told.status, told.coding], [200, undefined], path);
    JSON.parse(told.body.toString());
  }
  assert.equal((await simple('gzip', 1)).coding, undefined);
});
