/** What a running system answers is what its documents say: status, content type, headers, and every field of the body. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { makeTestModels } from '../../models/make-test-models.ts';
import { readEvents } from '../support/event-stream.ts';
import { ended, oneRow, submitJob } from '../support/jobs.ts';
import { codeOf, operationsOf, readApi, send, statusOf, told, type Api, type Init } from '../support/openapi.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';
import { visitLoadTests } from './visit-load-tests.ts';

const run = promisify(execFile);
const TOKEN = 'token-of-the-tests';
const HOOK = { 'batchyard-webhook': 'https://nowhere.invalid/' };
const BEARER = { authorization: `Bearer ${TOKEN}` };
/** The test model has no such row: it fails on this input alone. */
const BAD = oneRow('CODE', 'INT32', [5_000]);
const good = (code: number): unknown => oneRow('CODE', 'INT32', [code]);

let redis: TestRedis;
let system: System;
let models: string;
let ops: Api;
let open: Api;
let done: string;
let failed: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-openapi-'));
  await makeTestModels(models, ['poison', 'simple']);
  redis = await startRedis();
  system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_OPS_TOKEN: TOKEN,
    BATCHYARD_CACHE: 'on',
    BATCHYARD_WORKERS: '1:2',
  });
  ops = await readApi(system.ops, BEARER);
  open = await readApi(system.url);
  done = await submitJob(system.url, 'poison', good(3));
  failed = await submitJob(system.url, 'poison', BAD);
  for (const id of [done, failed]) await ended(system.url, id);
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const worker = async (): Promise<string> =>
  (await told<{ workers: { id: string }[] }>(ops, 'get /v1/workers')).workers[0]?.id ?? '';

test('every GET of the operations listener answers as its document says', async () => {
  await until('a second of the cluster is told', async () =>
    (await told<{ samples: number }>(ops, 'get /v1/performance')).samples > 2 ? true : undefined,
  );
  const id = await worker();
  const real = (path: string): string =>
    path
      .replace('{queue}', 'poison')
      .replace('{model}', 'simple')
      .replace('{id}', path.startsWith('/v1/workers') ? id : done);
  for (const [path, { parameters = [] }] of operationsOf(ops, 'get')) {
    const route = `get ${path}`;
    const headers = { accept: path === '/v1/events' ? 'application/json' : '*/*' };
    assert.equal(await statusOf(ops, route, { path: real(path), headers }), 200, path);
    const query = parameters.flatMap((one) =>
      one.in === 'query' && one.example !== undefined ? [`${one.name}=${one.example}`] : [],
    );
    if (query.length === 0) continue;
    assert.equal(await statusOf(ops, route, { path: `${real(path)}?${query.join('&')}`, headers }), 200, path);
  }
  // In every state that a job can be looked at in.
  for (const state of ['waiting', 'active', 'delayed', 'completed', 'failed'])
    await told(ops, 'get /v1/queues/{queue}/jobs', { path: `/v1/queues/poison/jobs?state=${state}` });
  const job = await told<{ error: { code: string } }>(ops, 'get /v1/jobs/{id}', { path: `/v1/jobs/${failed}` });
  assert.equal(job.error.code, 'model_error');
});

test('the stream of events is one', async () => {
  const answer = await fetch(`${system.ops}/v1/events`, { headers: BEARER, signal: AbortSignal.timeout(10_000) });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  assert.match(Buffer.from(first?.value ?? []).toString(), /^retry: \d+\n\n/);
  await reader?.cancel();
  const stream = await readEvents(system.ops, undefined, '/v1/events', BEARER);
  await until('a sample is told', async () => stream.seen.find(({ event }) => event === 'sample'));
  await stream.close();
  assert.ok(ops.checkEvents('get /v1/events', stream.seen).has('sample'));
});

test('without the token every operation but the probes is 401, and what a page from elsewhere sends is 403', async () => {
  for (const method of ['get', 'put', 'post', 'delete'])
    for (const [path, { security }] of operationsOf(ops, method)) {
      const answer = await fetch(system.ops + path, { method: method.toUpperCase() });
      assert.equal(answer.status, security?.length === 0 ? 200 : 401, path);
      await ops.check(`${method} ${path}`, answer);
      if (method === 'get') continue;
      const elsewhere = { origin: 'http://elsewhere.example' };
      assert.equal(await codeOf(ops, `${method} ${path}`, { headers: elsewhere }), '403 forbidden', path);
    }
});

test('an operator works on queues and jobs by the document', async () => {
  const on = (what: string): Init => ({ path: `/v1/queues/poison/${what}` });
  await told(ops, 'post /v1/queues/{queue}/pause', on('pause'));
  const waiting = await submitJob(system.url, 'poison', good(4));
  await told(ops, 'get /v1/queues/{queue}/jobs', on('jobs?state=waiting'));
  await told(ops, 'get /v1/jobs/{id}', { path: `/v1/jobs/${waiting}` });
  await told(open, 'get /v1/jobs/{id}', { path: `/v1/jobs/${waiting}` });
  assert.equal(await statusOf(open, 'get /v1/jobs/{id}/result', { path: `/v1/jobs/${waiting}/result` }), 202);
  const drained = await told(ops, 'post /v1/queues/{queue}/drain', on('drain?limit=10000'));
  assert.equal(drained['drained'], 1);
  const cancelled = await submitJob(system.url, 'poison', good(5));
  assert.equal(await statusOf(ops, 'delete /v1/jobs/{id}', { path: `/v1/jobs/${cancelled}` }), 200);
  const late = { path: '/v2/models/poison/infer', body: good(5), headers: { 'batchyard-timeout-ms': '200' } };
  assert.equal(await statusOf(open, 'post /v2/models/{model}/infer', late), 503);
  const removed = { path: `/v1/jobs/${waiting}/result` };
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}/result', removed), '503 removed');
  await told(ops, 'post /v1/queues/{queue}/resume', on('resume'));
  const again = await told(ops, 'post /v1/queues/{queue}/retry-failed', on('retry-failed?error=removed'));
  assert.equal(again['retried'], 1);
  await ended(system.url, waiting);
  assert.equal(await statusOf(ops, 'post /v1/jobs/{id}/retry', { path: `/v1/jobs/${failed}/retry` }), 202);
  await ended(system.url, failed);
  assert.equal(await codeOf(ops, 'delete /v1/jobs/{id}', { path: `/v1/jobs/${failed}` }), '409 conflict');
  const submit = { path: '/v1/models/poison/jobs', body: good(6) };
  assert.equal(await statusOf(ops, 'post /v1/models/{model}/jobs', submit), 202);
  const infer = (body: unknown, model = 'poison'): Init => ({ path: `/v1/models/${model}/infer`, body });
  assert.equal(await statusOf(ops, 'post /v1/models/{model}/infer', infer(good(6))), 200);
  assert.equal(await statusOf(ops, 'post /v1/models/{model}/infer', infer(BAD)), 500);
  assert.equal(await statusOf(ops, 'post /v1/models/{model}/infer', infer(good(6), 'nobody')), 404);
  await told(ops, 'get /v1/failures');
  assert.equal(await statusOf(ops, 'post /v1/queues/{queue}/clean', on('clean?state=failed&older_than=1h')), 200);
  for (const [route, path] of [
    ['get /v1/queues/{queue}/jobs', 'jobs?limit=201'],
    ['get /v1/queues/{queue}/jobs', 'jobs?state=gone'],
    ['post /v1/queues/{queue}/drain', 'drain?limit=10001'],
    ['post /v1/queues/{queue}/clean', 'clean?limit=10001'],
    ['post /v1/queues/{queue}/retry-failed', `retry-failed?error=${'x'.repeat(513)}`],
  ] as const)
    assert.equal(await codeOf(ops, route, on(path)), '400 bad_request', path);
  for (const [path] of [...operationsOf(ops, 'get'), ...operationsOf(ops, 'post')].filter(([one]) =>
    /queue}/.test(one),
  )) {
    const route = `${ops.document.paths[path]?.['get'] ? 'get' : 'post'} ${path}`;
    assert.equal(await codeOf(ops, route, { path: path.replace('{queue}', 'nobody') }), '404 model_not_found', path);
  }
  await visitLoadTests(ops, (route, init) => send(ops, route, init));
});

test('every setting is changed by the example of the document, and refuses what the document forbids', async () => {
  const id = await worker();
  const cases = [
    ['put /v1/balancer', '/v1/balancer', 200, { strategy: 'fastest' }],
    ['put /v1/models/{model}/batching', '/v1/models/simple/batching', 200, { max_rows: 0 }],
    ['put /v1/cache', '/v1/cache', 202, { bytes: 1, ttl_s: 1 }],
    ['post /v1/workers/{id}/drain', `/v1/workers/${id}/drain`, 202, { exit: 'yes' }],
    ['post /v1/workers/scale', '/v1/workers/scale', 400, { count: 257 }],
  ] as const;
  for (const [route, path, status, wrong] of cases) {
    const [method = '', template = ''] = route.split(' ');
    const body = ops.document.paths[template]?.[method]?.requestBody?.content['application/json']?.example;
    assert.ok(body);
    assert.equal(await statusOf(ops, route, { path, body }), status, route);
    assert.equal(await codeOf(ops, route, { path, body: wrong }), '400 bad_request', route);
    assert.equal(await codeOf(ops, route, { path, body: 'no JSON' }), '400 bad_request', route);
    assert.equal(await codeOf(ops, route, { path, body: 'x'.repeat(20_000) }), '413 too_large', route);
    const packed = { 'content-encoding': 'br' };
    assert.equal(await codeOf(ops, route, { path, body, headers: packed }), '415 unsupported_encoding', route);
  }
  for (const route of ['get /v1/balancer', 'get /v1/cache', 'get /v1/workers']) await told(ops, route);
  await told(ops, 'get /v1/models/{model}/batching', { path: '/v1/models/simple/batching' });
  const serves = async (): Promise<boolean> =>
    (await told<{ workers: { state: string }[] }>(ops, 'get /v1/workers')).workers[0]?.state === 'serving';
  // Taken back before it was seen, the drain would pass by at any later moment, with requests refused.
  await until('the worker drains', async () => ((await serves()) ? undefined : true));
  assert.equal(await statusOf(ops, 'delete /v1/workers/{id}/drain', { path: `/v1/workers/${id}/drain` }), 202);
  assert.equal(await statusOf(ops, 'post /v1/workers/scale', { body: { count: 1 } }), 202);
  await until('it serves again', async () => ((await serves()) ? true : undefined));
  for (const [route, path] of [
    ['put /v1/balancer', '/v1/balancer'],
    ['put /v1/models/{model}/batching', '/v1/models/simple/batching'],
    ['put /v1/cache', '/v1/cache'],
  ] as const)
    await told(ops, route, { path, body: {} });
  await told(ops, 'delete /v1/cache');
  await told(ops, 'delete /v1/cache/{model}', { path: '/v1/cache/simple' });
  const rule = (path: string): Init => ({ path: `/v1/optimizations/${path}` });
  const tune = 'post /v1/optimizations/{rule}/run';
  assert.equal(await statusOf(ops, tune, rule('high_memory_cleanup/run?dry_run=1')), 200);
  assert.equal(await statusOf(ops, tune, rule('high_memory_cleanup/run')), 202);
  await until('its run is told', async () =>
    (await told<{ runs: unknown[] }>(ops, 'get /v1/optimizations')).runs.length > 0 ? true : undefined,
  );
  for (const [route, path] of [
    [tune, '/v1/optimizations/nothing/run'],
    ['post /v1/alerts/{id}/acknowledge', '/v1/alerts/nothing/acknowledge'],
    ['post /v1/workers/{id}/drain', '/v1/workers/nobody/drain'],
    ['delete /v1/workers/{id}/drain', '/v1/workers/nobody/drain'],
    ['get /v1/workers/{id}', '/v1/workers/nobody'],
    ['get /v1/jobs/{id}', '/v1/jobs/nothing'],
    ['delete /v1/cache/{model}', '/v1/cache/nobody'],
    ['get /v1/models/{model}/batching', '/v1/models/nobody/batching'],
  ] as const)
    assert.equal(await statusOf(ops, route, { path }), 404, path);
  for (const path of ['/v1/performance', '/v1/performance/history'])
    assert.equal(await codeOf(ops, `get ${path}`, { path: `${path}?window=2h` }), '400 bad_request');
});

test('requests, their answers in both forms and their errors are as the public document says', async () => {
  const INFER = 'post /v2/models/{model}/infer';
  const to = (body: unknown, headers: Record<string, string> = {}, model = 'simple'): Init => ({
    path: `/v2/models/${model}/infer`,
    body,
    headers,
  });
  const body =
    open.document.paths['/v2/models/{model}/infer']?.['post']?.requestBody?.content['application/json']?.example;
  await told(open, INFER, to(body));
  const binary = await send(open, INFER, to({ ...simpleBody(1), parameters: { binary_data_output: true } }));
  assert.equal(binary.headers.get('content-type'), 'application/octet-stream', await binary.clone().text());
  await open.check(INFER, binary);
  const given = { 'batchyard-priority': 'high', 'batchyard-timeout-ms': '5000', 'x-request-id': 'abc' };
  const named = await send(open, INFER, to(simpleBody(2), given));
  assert.equal(named.headers.get('x-request-id'), 'abc');
  await open.check(INFER, named);
  for (const [init, status] of [
    [to('no JSON'), 400],
    [to({ inputs: [] }), 400],
    [to(simpleBody(1), { 'batchyard-priority': 'urgent' }), 400],
    [to(simpleBody(1), {}, 'nobody'), 404],
    [to(simpleBody(1), {}, '..%5c'), 404],
    [to('x'.repeat(9 * 1_048_576)), 413],
    [to('x', { 'content-encoding': 'br' }), 415],
    [to(BAD, {}, 'poison'), 500],
  ] as const)
    assert.equal(await statusOf(open, INFER, init), status);
  for (const [path, item] of Object.entries(open.document.paths)) {
    if (!item['get'] || path.startsWith('/v1/')) continue;
    const real = path.replace('{model}', 'simple').replace('{version}', '1');
    assert.equal(await statusOf(open, `get ${path}`, { path: real }), 200, path);
    if (!path.includes('{version}')) continue;
    const unknown = { path: path.replace('{model}', 'simple').replace('{version}', '9') };
    assert.equal(await statusOf(open, `get ${path}`, unknown), 404, path);
  }
  for (const [path, item] of Object.entries(open.document.paths)) {
    const operation = item['post'];
    if (!operation || !/setting$|logging$|unregister$/.test(path)) continue;
    const sent = operation.requestBody?.content['application/json']?.example;
    const real = path.replace('{model}', 'simple').replace('{region}', 'weights');
    assert.equal(
      await statusOf(open, `post ${path}`, { path: real, ...(sent === undefined ? {} : { body: sent }) }),
      200,
      path,
    );
    if (!operation.requestBody) continue;
    assert.equal(await statusOf(open, `post ${path}`, { path: real, body: { log_file: 'x' } }), 400, path);
  }
  const version = { path: '/v2/models/simple/versions/1/infer', body: simpleBody(3) };
  assert.equal(await statusOf(open, 'post /v2/models/{model}/versions/{version}/infer', version), 200);
});

test('a job from its submit to its end, and what goes wrong with it, is as the public document says', async () => {
  const SUBMIT = 'post /v1/models/{model}/jobs';
  const accepted = await told<{ id: string }>(open, SUBMIT, { path: '/v1/models/simple/jobs', body: simpleBody(4) });
  const of = (id: string, rest = ''): Init => ({ path: `/v1/jobs/${id}${rest}` });
  assert.equal(await statusOf(open, 'get /v1/jobs/{id}/result', of(accepted.id, '/result?wait=20s')), 200);
  const binary = { ...of(accepted.id, '/result'), headers: { accept: 'application/octet-stream' } };
  await told(open, 'get /v1/jobs/{id}/result', binary);
  const looked = await send(open, 'get /v1/jobs/{id}', of(accepted.id));
  const headers = { 'if-none-match': looked.headers.get('etag') ?? '' };
  await open.check('get /v1/jobs/{id}', looked);
  assert.equal(await statusOf(open, 'get /v1/jobs/{id}', { ...of(accepted.id), headers }), 304);
  assert.equal(await codeOf(open, 'delete /v1/jobs/{id}', of(accepted.id)), '409 conflict');
  assert.equal(await codeOf(open, 'post /v1/jobs/{id}/retry', of(accepted.id, '/retry')), '409 conflict');

  const lines = `${JSON.stringify(simpleBody(5))}\n{`;
  for (const [bulk, path] of [
    ['post /v1/models/{model}/jobs/bulk', '/v1/models/simple/jobs/bulk'],
    ['post /v1/models/{model}/versions/{version}/jobs/bulk', '/v1/models/simple/versions/1/jobs/bulk'],
  ] as const)
    assert.match(await told<string>(open, bulk, { path, body: lines }), /^{"status":202,.*}\n{"status":400,.*}\n$/);
  await told<string>(open, 'get /v1/jobs/{id}/events', of(accepted.id, '/events'));
  const hooked = { path: '/v1/models/simple/jobs', body: simpleBody(6), headers: HOOK };
  const { id: watched } = await told<{ id: string }>(open, SUBMIT, hooked);
  await told(open, 'get /v1/jobs/{id}/webhook', of(watched, '/webhook'));
  await told(open, 'get /v1/jobs', { path: '/v1/jobs?limit=2' });

  await ended(system.url, failed);
  await told(open, 'get /v1/jobs/{id}', of(failed));
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}/result', of(failed, '/result')), '500 model_error');
  assert.equal(await statusOf(open, 'post /v1/jobs/{id}/retry', of(failed, '/retry')), 202);
  await ended(system.url, failed);

  await told(ops, 'post /v1/queues/{queue}/pause', { path: '/v1/queues/poison/pause' });
  const versioned = { path: '/v1/models/poison/versions/1/jobs', body: good(7) };
  const route = 'post /v1/models/{model}/versions/{version}/jobs';
  const waits = await told<{ id: string }>(open, route, versioned);
  for (let i = 0; i < 2; i += 1) assert.equal(await statusOf(open, 'delete /v1/jobs/{id}', of(waits.id)), 200);
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}/result', of(waits.id, '/result')), '409 cancelled');
  const hurried = { path: '/v1/models/poison/jobs', body: good(8), headers: { 'batchyard-timeout-ms': '300' } };
  const late = await told<{ id: string }>(open, SUBMIT, hurried);
  await ended(system.url, late.id);
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}/result', of(late.id, '/result')), '504 expired');
  await told(open, 'get /v1/jobs/{id}', of(late.id));
  await told(ops, 'post /v1/queues/{queue}/resume', { path: '/v1/queues/poison/resume' });

  for (const [one, path] of [
    ['get /v1/jobs/{id}', '/v1/jobs/nothing'],
    ['get /v1/jobs/{id}/result', '/v1/jobs/nothing/result'],
    ['delete /v1/jobs/{id}', '/v1/jobs/nothing'],
    ['post /v1/jobs/{id}/retry', '/v1/jobs/nothing/retry'],
  ] as const)
    assert.equal(await codeOf(open, one, { path }), '404 not_found', one);
  const nobody = { path: '/v1/models/nobody/jobs', body: simpleBody(1) };
  assert.equal(await codeOf(open, SUBMIT, nobody), '404 model_not_found');
  assert.equal(await codeOf(open, SUBMIT, { path: '/v1/models/simple/jobs', body: '{' }), '400 bad_request');
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}', of(done, '?wait=soon')), '400 bad_request');
  await told(ops, 'post /v1/queues/{queue}/clean', { path: '/v1/queues/poison/clean?state=failed' });
  assert.equal(await codeOf(open, 'get /v1/jobs/{id}/result', of(late.id, '/result')), '410 gone');
});

test('both pages are served, and a curl of each works as it stands there', async () => {
  for (const [api, url, routes] of [
    [open, system.url, ['infer', 'submitJob', 'getModel']],
    [ops, system.ops, ['listQueues', 'getPerformance', 'changeBatching']],
  ] as const) {
    const answer = await send(api, 'get /docs');
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    const page = await api.check<string>('get /docs', answer);
    for (const id of routes) {
      const section = page.slice(page.indexOf(`<section id="${id}">`));
      const line = (/<pre>(curl .*?)<\/pre>/s.exec(section)?.[1] ?? '')
        .replaceAll('&quot;', '"')
        .replaceAll('&gt;', '>')
        .replaceAll('&lt;', '<')
        .replaceAll('&amp;', '&');
      const script = line.replace(/http:\/\/127\.0\.0\.1:800\d/, url).replace('curl -s', 'curl -sf');
      const { stdout } = await run('sh', ['-euc', script], { env: { ...process.env, BATCHYARD_OPS_TOKEN: TOKEN } });
      assert.equal(typeof JSON.parse(stdout), 'object', id);
    }
  }
});

test('while Redis is away nothing is told that is not described, and nothing counts as a defect', async () => {
  const id = await worker();
  await redis.kill9();
  try {
    for (const api of [ops, open])
      for (const [path, item] of Object.entries(api.document.paths))
        for (const [method, { parameters = [], requestBody }] of Object.entries(item)) {
          const values = parameters.filter((one) => one.in === 'path').map((one) => [one.name, one.example] as const);
          const real = path.startsWith('/v1/workers') ? id : done;
          const filled = values.reduce(
            (so, [name, example]) => so.replace(`{${name}}`, name === 'id' ? real : String(example)),
            path,
          );
          const body = requestBody?.content['application/json']?.example;
          const init = {
            path: filled,
            headers: { accept: 'application/json' },
            ...(body === undefined ? {} : { body }),
          };
          assert.notEqual(await statusOf(api, `${method} ${path}`, init), 500, `${method} ${path}`);
        }
    const metrics = await (await fetch(`${system.ops}/metrics`, { headers: BEARER })).text();
    assert.match(metrics, /^batchyard_redis_up 0$/m);
    assert.match(metrics, /^batchyard_http_request_duration_seconds_count/m);
    assert.doesNotMatch(metrics, /^batchyard_queue_jobs\{/m);
  } finally {
    await redis.restart();
  }
});

test('every operation was asked, and each kind of error seen', () => {
  for (const api of [ops, open]) {
    const seen = [...api.checked()];
    for (const [path, item] of Object.entries(api.document.paths))
      for (const method of Object.keys(item)) {
        const own = seen.filter((one) => one.endsWith(` ${method} ${path}`));
        assert.ok(own.some((one) => one < '4') || /acknowledge|repository|v1\/keys/.test(path), `${method} ${path}`);
      }
    const statuses = new Set(seen.map((one) => Number(one.slice(0, 3))));
    for (const status of [400, 404, 409, 413, 415, 500, 503]) assert.ok(statuses.has(status), String(status));
  }
});
