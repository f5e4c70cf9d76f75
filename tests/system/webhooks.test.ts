/** Webhooks against a running system with a receiver, two gateways and one of them killed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';
import { Webhook } from 'standardwebhooks';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { oneRow } from '../support/jobs.ts';
import { readApi, type Api } from '../support/openapi.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

/** A status that is no answer. */
const NEVER = 0;
const LOG = 'get /v1/jobs/{id}/webhook';
const ALLOWED = { BATCHYARD_WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' };

type Message = { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string };
type Event = {
  readonly type: string;
  readonly data: { readonly id: string; readonly status: string; readonly error?: { code: string } };
};
type HookLog = {
  readonly url: string;
  readonly deliveries: readonly {
    readonly id: string;
    readonly type: string;
    readonly state: string;
    readonly attempts: readonly { readonly status: number | null; readonly error: string | null }[];
    readonly next_attempt_at: string | null;
  }[];
};

let redis: TestRedis;
let admin: Redis;
let system: System;
let models: string;
let api: Api;
let receiver: Server;
let hooks: string;
const messages: Message[] = [];
/** Statuses that a path answers with, one after another; then 204. */
const answers = new Map<string, number[]>();

/** On a port that webhooks may be sent to. */
async function listen(server: Server): Promise<number> {
  for (let port = 8_000 + (process.pid % 1_900); ; port += 1) {
    server.listen(port, '127.0.0.1');
    const taken = await Promise.race([
      once(server, 'listening').then(() => false),
      once(server, 'error').then(() => true),
    ]);
    if (!taken) return port;
  }
}

before(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const path = request.url ?? '';
      messages.push({ path, headers: request.headers, body });
      const status = answers.get(path)?.shift() ?? 204;
      if (status !== NEVER) response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  hooks = `http://127.0.0.1:${await listen(receiver)}`;
  models = await mkdtemp(join(tmpdir(), 'batchyard-webhooks-'));
  await makeTestModels(models, ['simple', 'poison']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, ...ALLOWED });
  api = await readApi(system.url);
});
after(async () => {
  await system.stop();
  admin.disconnect();
  await redis.stop();
  receiver.closeAllConnections();
  receiver.close();
  await rm(models, { recursive: true, force: true });
});

type To = { readonly url?: string; readonly timeoutMs?: number };
async function submit(
  model: string,
  body: unknown,
  path: string,
  { url = system.url, timeoutMs = 30_000 }: To = {},
): Promise<string> {
  const headers = { 'batchyard-webhook': hooks + path, 'batchyard-timeout-ms': String(timeoutMs) };
  const answer = await post(`${url}/v1/models/${model}/jobs`, body, headers);
  const { id } = (await answer.json()) as { id: string };
  assert.equal(answer.status, 202);
  return id;
}
const told = (path: string): Message[] => messages.filter((message) => message.path === path);
const heard = (path: string, count = 1): Promise<Message[]> =>
  until(`${count} messages at ${path}`, async () => (told(path).length >= count ? told(path) : undefined));
const eventOf = (message: Message | undefined): Event => JSON.parse(message?.body ?? '{}') as Event;
const logOf = async (id: string): Promise<HookLog> =>
  api.check<HookLog>(LOG, await fetch(`${system.url}/v1/jobs/${id}/webhook`));
const stateIs = (id: string, state: string): Promise<HookLog> =>
  until(`the webhook of ${id} is ${state}`, async () => {
    const log = await logOf(id);
    return log.deliveries.at(-1)?.state === state ? log : undefined;
  });
const pauseModel = (): Promise<unknown> => admin.hset('{by0}:poison@1:meta', 'paused', 1);
async function resumeModel(): Promise<void> {
  await admin.hdel('{by0}:poison@1:meta', 'paused');
  await admin.zadd('{by0}:poison@1:marker', 0, '0');
}

test('the end of a job is told once, signed so that a library of Standard Webhooks takes it', async () => {
  const id = await submit('simple', simpleBody(1), '/done');
  const [message] = await heard('/done');
  const secret = (await admin.get('{by0}:x:hook-secret')) ?? '';
  const verified = new Webhook(secret).verify(message?.body ?? '', message?.headers as Record<string, string>) as Event;
  assert.deepEqual([verified.type, verified.data.id, verified.data.status], ['job.succeeded', id, 'succeeded']);
  assert.throws(() => new Webhook(secret).verify(`${message?.body} `, message?.headers as Record<string, string>));
  const log = await stateIs(id, 'delivered');
  assert.equal(log.url, `${hooks}/done`);
  assert.deepEqual(
    log.deliveries.map(({ id: own, type, attempts }) => [own, type, attempts[0]?.status]),
    [[`msg_${id}_1`, 'job.succeeded', 204]],
  );
  assert.equal(message?.headers['webhook-id'], `msg_${id}_1`);
  assert.equal(await admin.zcard('{by0}:x:hooks'), 0);
  const metrics = await (await fetch(`${system.ops}/metrics`)).text();
  assert.match(metrics, /^batchyard_webhook_attempts_total\{state="delivered"\} 1$/m);
  assert.match(metrics, /^batchyard_webhooks_pending \d+$/m);
});

test('the lines that the page shows tell what is genuine', async () => {
  const page = await readFile(new URL('../../docs/jobs.md', import.meta.url), 'utf8');
  const file = join(models, 'genuine.mjs');
  await writeFile(file, /```js\n(.*?)```/s.exec(page)?.[1] ?? '');
  type Check = (headers: IncomingHttpHeaders, body: string, secret: string) => boolean;
  const { isGenuine } = (await import(pathToFileURL(file).href)) as { isGenuine: Check };
  await submit('simple', simpleBody(1), '/genuine');
  const [{ headers, body } = { headers: {}, body: '' }] = await heard('/genuine');
  const secret = (await admin.get('{by0}:x:hook-secret')) ?? '';
  assert.equal(isGenuine(headers, body, secret), true);
  assert.equal(isGenuine(headers, `${body} `, secret), false);
  assert.equal(isGenuine({ ...headers, 'webhook-id': 'msg_other_1' }, body, secret), false);
  assert.equal(isGenuine({ ...headers, 'webhook-timestamp': '1' }, body, secret), false);
  assert.equal(isGenuine(headers, body, `whsec_${Buffer.alloc(32).toString('base64')}`), false);
});

test('a job that fails, expires or is cancelled is told too, and one that is tried again once more', async () => {
  const failed = await submit('poison', oneRow('CODE', 'INT32', [5_000]), '/failed');
  const first = eventOf((await heard('/failed'))[0]);
  assert.deepEqual([first.type, first.data.error?.code], ['job.failed', 'model_error']);
  assert.equal((await fetch(`${system.url}/v1/jobs/${failed}/retry`, { method: 'POST' })).status, 202);
  const both = await heard('/failed', 2);
  assert.deepEqual(
    both.map(({ headers }) => headers['webhook-id']),
    [`msg_${failed}_1`, `msg_${failed}_2`],
  );

  await pauseModel();
  const late = await submit('poison', oneRow('CODE', 'INT32', [1]), '/late', { timeoutMs: 50 });
  assert.equal(eventOf((await heard('/late'))[0]).type, 'job.expired');
  const unwanted = await submit('poison', oneRow('CODE', 'INT32', [1]), '/unwanted');
  assert.equal((await fetch(`${system.url}/v1/jobs/${unwanted}`, { method: 'DELETE' })).status, 200);
  assert.equal(eventOf((await heard('/unwanted'))[0]).type, 'job.cancelled');
  await resumeModel();
  assert.deepEqual(
    (await logOf(late)).deliveries.map(({ type }) => type),
    ['job.expired'],
  );
});

test('what is not taken is tried again under the same id, 410 ends it, and a redirect is not followed', async () => {
  answers.set('/again', [500]);
  answers.set('/moved', [302]);
  answers.set('/stop', [410]);
  const [again, moved, stop] = [
    await submit('simple', simpleBody(2), '/again'),
    await submit('simple', simpleBody(3), '/moved'),
    await submit('simple', simpleBody(4), '/stop'),
  ];
  const log = await stateIs(again, 'delivered');
  assert.deepEqual(
    log.deliveries[0]?.attempts.map(({ status }) => status),
    [500, 204],
  );
  assert.equal(new Set(told('/again').map(({ headers }) => headers['webhook-id'])).size, 1);
  const [one, two] = told('/again').map(({ headers }) => Number(headers['webhook-timestamp']));
  assert.ok((two ?? 0) >= (one ?? 0));
  const redirected = await stateIs(moved, 'delivered');
  assert.deepEqual(
    redirected.deliveries[0]?.attempts.map(({ status }) => status),
    [302, 204],
  );
  assert.equal(told('/elsewhere').length, 0);
  const stopped = await stateIs(stop, 'stopped');
  assert.deepEqual([stopped.deliveries[0]?.attempts.length, stopped.deliveries[0]?.next_attempt_at], [1, null]);
});

test('a webhook outlives the gateway that took the job', async () => {
  await pauseModel();
  const victim: ExtraGateway = await startGateway({ REDIS_URL: redis.url, ...ALLOWED });
  const id = await submit('poison', oneRow('CODE', 'INT32', [21]), '/orphan', { url: victim.url });
  await victim.kill9();
  await resumeModel();
  assert.equal(eventOf((await heard('/orphan'))[0]).data.id, id);
  await stateIs(id, 'delivered');
  assert.equal(told('/orphan').length, 1);
});

test('one that was on its way when its gateway was killed is delivered by another', { timeout: 90_000 }, async () => {
  const victim = await startGateway({ REDIS_URL: redis.url, ...ALLOWED });
  const [gateway = 0] = processesOf(system, 'gateway');
  answers.set('/held', [NEVER]);
  // Nobody but the victim is there to take it.
  process.kill(gateway, 'SIGSTOP');
  await submit('simple', simpleBody(6), '/held', { url: victim.url });
  await heard('/held');
  await victim.kill9();
  process.kill(gateway, 'SIGCONT');
  const all = await until(
    'it is told again',
    async () => (told('/held').length === 2 ? told('/held') : undefined),
    60_000,
  );
  assert.equal(new Set(all.map(({ headers }) => headers['webhook-id'])).size, 1);
});

test('the lines of a bulk submit are told one by one', async () => {
  const headers = { 'batchyard-webhook': `${hooks}/bulk` };
  const body = [1, 2, 3].map((seed) => JSON.stringify(simpleBody(seed))).join('\n');
  const answer = await fetch(`${system.url}/v1/models/simple/jobs/bulk`, { method: 'POST', body, headers });
  const ids = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);
  const all = await heard('/bulk', 3);
  assert.deepEqual(all.map((message) => eventOf(message).data.id).toSorted(), ids.toSorted());
});

test('where a webhook may not be sent to is 400, and what a job does not have is 404', async () => {
  for (const url of [
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest',
    'https://[::ffff:10.0.0.1]/',
    'https://167772161/',
    'http://8.8.8.8/',
    'file:///etc/passwd',
    'https://user:secret@example.com/',
    'https://example.com:22/',
    `${hooks.replace(/:\d+$/, ':7999')}/`,
    'nonsense',
  ]) {
    const refused = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(1), { 'batchyard-webhook': url });
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [400, 'bad_request'], url);
  }
  const plain = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(1));
  const { id } = (await plain.json()) as { id: string };
  for (const one of [id, 'nothing', '..%2f']) {
    const answer = await fetch(`${system.url}/v1/jobs/${one}/webhook`);
    assert.deepEqual([answer.status, (await api.check(LOG, answer))['code']], [404, 'not_found']);
  }
});
