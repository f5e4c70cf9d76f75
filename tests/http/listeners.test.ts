/** What a gateway that is started alone listens on: not where anybody could reach it without keys, and by TLS where it has a certificate. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { makeCertificate } from '../support/certificate.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { exchange, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/system.ts';

const SECRET = `byk_${'s'.repeat(43)}`;

let redis: TestRedis;
let folder: string;
const started: ExtraGateway[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-listeners-'));
  redis = await startRedis();
});
after(async () => {
  for (const gateway of started) await gateway.kill9();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<ExtraGateway> {
  const gateway = await startGateway({ REDIS_URL: redis.url, ...env });
  started.push(gateway);
  return gateway;
}
const keysFile = async (...keys: unknown[]): Promise<string> => {
  const path = join(folder, 'keys.json');
  await writeFile(path, JSON.stringify({ keys }));
  return path;
};

test('a gateway does not listen beyond this machine without keys, unless it is told that this is meant', async () => {
  for (const env of [{ HOST: '0.0.0.0' }, { HOST: '::' }, { OPS_HOST: '0.0.0.0' }] as const)
    await assert.rejects(start(env), /refusing to listen on .* without keys/);
  await assert.rejects(
    start({ HOST: '0.0.0.0', BATCHYARD_OPS_TOKEN: 'token-of-the-tests' }),
    /refusing to listen on 0\.0\.0\.0 without keys/,
  );
  const meant = await start({ HOST: '0.0.0.0', OPS_HOST: '0.0.0.0', BATCHYARD_INSECURE_NO_AUTH: '1' });
  assert.equal((await fetch(`${meant.url}/v2`)).status, 200);
  const byToken = await start({ OPS_HOST: '0.0.0.0', BATCHYARD_OPS_TOKEN: 'token-of-the-tests' });
  assert.equal((await fetch(`${byToken.ops}/v1/queues`)).status, 401);
  assert.equal((await fetch(`${byToken.url}/v2`)).status, 200);
});

test('with keys of a file it does, asks for them, follows the file, and does not open when they go', async () => {
  const file = await keysFile({ name: 'one', scopes: ['infer', 'admin'], key: SECRET });
  const { url, ops } = await start({ HOST: '0.0.0.0', OPS_HOST: '0.0.0.0', BATCHYARD_API_KEYS_FILE: file });
  /** Many wrong ones in a row are 429. */
  const statusOf = async (key?: string): Promise<number> => {
    const { status } = await fetch(`${url}/v2`, key === undefined ? {} : { headers: { 'x-api-key': key } });
    return status === 429 ? 401 : status;
  };
  assert.deepEqual([await statusOf(), await statusOf(SECRET)], [401, 200]);
  const headers = { 'x-api-key': SECRET };
  const { keys } = (await (await fetch(`${ops}/v1/keys`, { headers })).json()) as { keys: Record<string, unknown>[] };
  assert.deepEqual(Object.keys(keys[0] ?? {}).toSorted(), ['created_at', 'id', 'name', 'scopes', 'source', 'tenant']);
  const remove = await fetch(`${ops}/v1/keys/${String(keys[0]?.['id'])}`, { method: 'DELETE', headers });
  assert.equal(remove.status, 409);
  const other = `byk_${'t'.repeat(43)}`;
  await keysFile({ name: 'two', scopes: ['infer'], key: other });
  await until('the new key counts', async () => ((await statusOf(other)) === 200 ? true : undefined), 5_000);
  assert.equal(await statusOf(SECRET), 401);
  await keysFile();
  await until('it is gone', async () => ((await statusOf(other)) === 401 ? true : undefined), 5_000);
  assert.equal(await statusOf(), 401);
  assert.equal((await fetch(`${ops}/v1/queues`)).status, 401);
  assert.equal((await fetch(`${ops}/livez`)).status, 200);
  await writeFile(file, '{"keys": [{"name": "x"}]}');
  await assert.rejects(start({ BATCHYARD_API_KEYS_FILE: file }), /BATCHYARD_API_KEYS_FILE cannot be used/);
});

type Spoken = { readonly status: number; readonly name: string; readonly protocol: string | null };
const speak = (url: string, options: RequestOptions = {}): Promise<Spoken> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, rejectUnauthorized: false, ...options }, (response) => {
      const socket = response.socket as TLSSocket;
      const name = String(socket.getPeerCertificate().subject.CN);
      response.resume().once('end', () => {
        resolve({ status: response.statusCode ?? 0, name, protocol: socket.getProtocol() });
      });
    });
    asked.once('error', reject).end();
  });

test('with a certificate both listeners speak TLS only, and take a new one without being started again', async () => {
  const [first, next] = [await makeCertificate(folder, 'first'), await makeCertificate(folder, 'next')];
  const env = Object.fromEntries(
    ['BATCHYARD', 'BATCHYARD_OPS'].flatMap((prefix) => [
      [`${prefix}_TLS_CERT_FILE`, first.cert],
      [`${prefix}_TLS_KEY_FILE`, first.key],
    ]),
  );
  const { url, ops } = await start(env);
  const [front, back] = [url, ops].map((one) => one.replace('http:', 'https:')) as [string, string];
  const ca = await readFile(first.cert);
  for (const path of [`${front}/livez`, `${back}/livez`]) {
    const { status, name, protocol } = await speak(path, { rejectUnauthorized: true, ca });
    assert.deepEqual([status, name], [200, 'first']);
    assert.match(protocol ?? '', /^TLSv1\.[23]$/);
  }
  await assert.rejects(speak(`${front}/livez`, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
  const plain = await exchange(Number(new URL(url).port), rawRequest('GET /livez'), { limitMs: 3_000 });
  assert.deepEqual([plain.answers.length, plain.closed], [0, true]);
  const { publicUrl } = await speakJson(`${back}/v1/models`);
  assert.equal(publicUrl, front);
  // One that does not belong to its key changes nothing.
  await writeFile(first.cert, await readFile(next.cert));
  await writeFile(first.key, await readFile(next.key));
  await until(
    'the new certificate is shown',
    async () => ((await speak(`${front}/livez`)).name === 'next' ? true : undefined),
    15_000,
  );
  const wrong = { ...env, BATCHYARD_TLS_KEY_FILE: first.cert };
  await assert.rejects(start(wrong), /TLS cannot be used with/);
});

const speakJson = (url: string): Promise<{ publicUrl: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, rejectUnauthorized: false }, (response) => {
      let text = '';
      response
        .on('data', (part: Buffer) => (text += part.toString()))
        .once('end', () => resolve({ publicUrl: (JSON.parse(text) as { public_url: string }).public_url }));
    });
    asked.once('error', reject).end();
  });
