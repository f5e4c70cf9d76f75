/** Keys on a running system with a second gateway beside it: who may do what, on every route of both documents; tenants, rates, revocation. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { readApi, type Api } from '../support/openapi.ts';
import { exchange, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const run = promisify(execFile);
type Who = 'nobody' | 'infer' | 'read' | 'admin' | 'other';
const WHO: readonly Who[] = ['nobody', 'infer', 'read', 'admin', 'other'];
type Key = { readonly id: string; readonly secret: string };

let redis: TestRedis;
let system: System;
let second: ExtraGateway;
let models: string;
let open: Api;
let ops: Api;
let job: string;
const keys = new Map<Who, Key>();

const headersOf = (who: Who): Record<string, string> => {
  const key = keys.get(who);
  return key ? { authorization: `Bearer ${key.secret}` } : {};
};
const withKey = ({ secret }: Key): Record<string, string> => ({ 'x-api-key': secret });
async function makeKey(terms: Record<string, unknown>): Promise<Key> {
  const body = JSON.stringify({ name: 'test', ...terms });
  const answer = await fetch(`${system.ops}/v1/keys`, { method: 'POST', headers: headersOf('admin'), body });
  assert.equal(answer.status, 201, await answer.clone().text());
  return ops.check<Key>('post /v1/keys', answer);
}
type Init = { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown };
async function statusOf(url: string, { body, ...init }: Init = {}): Promise<number> {
  const answer = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  await answer.arrayBuffer();
  return answer.status;
}
const infer = (key: Key, url = system.url, rows = 1, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v2/models/simple/infer`, {
    method: 'POST',
    headers: { ...withKey(key), ...headers },
    body: JSON.stringify(simpleBody(1, rows)),
  });
async function submit(key: Key): Promise<string> {
  const init = { method: 'POST', headers: withKey(key), body: JSON.stringify(simpleBody(2)) };
  const answer = await fetch(`${system.url}/v1/models/simple/jobs`, init);
  assert.equal(answer.status, 202, await answer.clone().text());
  return ((await answer.json()) as { id: string }).id;
}
const keyOf = (who: Who): Key => keys.get(who) as Key;

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-access-'));
  await makeTestModels(models, ['simple']);
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_CACHE: 'on' });
  second = await startGateway({ REDIS_URL: redis.url });
  [open, ops] = [await readApi(system.url), await readApi(system.ops)];
});
after(async () => {
  await second.kill9();
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

test('the page on security makes the first key while all is open, then others with it, and revokes one', async () => {
  assert.equal((await infer({ id: '', secret: 'none' })).status, 200);
  const first = { method: 'POST', body: { name: 'x', scopes: ['infer', 'read'] } };
  assert.equal(await statusOf(`${system.ops}/v1/keys`, first), 409);
  const page = await readFile(fileURLToPath(new URL('../../docs/security.md', import.meta.url)), 'utf8');
  const [make = '', more = '', listAndRevoke = '', use = ''] = [...page.matchAll(/```sh\n(.*?)```/gs)].map(
    (match) => match[1],
  );
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-keys-'));
  const shell = async (script: string, env: Record<string, string> = {}): Promise<string> => {
    const here = script.replaceAll('http://127.0.0.1:8002', system.ops).replaceAll('http://127.0.0.1:8000', system.url);
    const { stdout } = await run('sh', ['-euc', here], { cwd: folder, env: { ...process.env, ...env } });
    return stdout;
  };
  await shell(make);
  const admin = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8')) as Key;
  assert.match(admin.secret, /^byk_[\w-]{43}$/);
  keys.set('admin', admin);
  const ADMIN = admin.secret;
  const made = JSON.parse(await shell(more, { ADMIN })) as Key;
  assert.equal((JSON.parse(await shell(use, { KEY: made.secret })) as { name: string }).name, 'simple');
  const told = await shell(listAndRevoke, { ADMIN, ID: made.id });
  assert.match(told, /"name":"router","tenant":"acme"/);
  assert.match(told, /"revoked":true/);
  assert.doesNotMatch(told, /byk_|sha256/);
  await rm(folder, { recursive: true });
  assert.equal((await infer(made)).status, 401);
  // The last administrator stays while there are others; what nobody knows is not there.
  keys.set('infer', await makeKey({ tenant: 'acme', scopes: ['infer'] }));
  keys.set('read', await makeKey({ tenant: 'acme', scopes: ['read'] }));
  keys.set('other', await makeKey({ tenant: 'other', scopes: ['infer'] }));
  const remove = { method: 'DELETE', headers: headersOf('admin') };
  for (const [id, status] of [
    [admin.id, 409],
    ['k_0000000000000000', 404],
    [(await makeKey({ scopes: ['read'] })).id, 200],
  ] as const) {
    const answer = await fetch(`${system.ops}/v1/keys/${id}`, remove);
    assert.equal(answer.status, status);
    await ops.check('delete /v1/keys/{id}', answer);
  }
  job = await submit(keyOf('infer'));
});

/** The first that fits says who gets in; whoever else is 401 without a key, and 403 with one. */
const TABLE: readonly (readonly [Api | 'public' | 'operations', RegExp, readonly Who[]])[] = [
  ['public', /^get (\/livez|\/readyz|\/v2\/health\/(live|ready)|\/openapi.json|\/docs)$/, WHO],
  ['public', /^get /, ['infer', 'read', 'admin', 'other']],
  ['public', /^post \/v2\/repository\/index$/, ['infer', 'read', 'admin', 'other']],
  ['public', /^(post|delete) \/v1\//, ['infer', 'other']],
  ['public', /^post \/v2\/models\/\{model\}(\/versions\/\{version\})?\/infer$/, ['infer', 'other']],
  ['public', /./, ['admin']],
  ['operations', /^get (\/livez|\/readyz)$/, WHO],
  ['operations', /^get \/v1\/keys/, ['admin']],
  ['operations', /^get /, ['read', 'admin']],
  ['operations', /^post \/v1\/models\/\{model\}\/(infer|jobs)$/, ['infer', 'other']],
  ['operations', /./, ['admin']],
];

test('every route of both documents lets in whom the table says, and tells the others so in its own form', async () => {
  const wrong: string[] = [];
  let asked = 0;
  for (const [listener, api, url] of [
    ['public', open, system.url],
    ['operations', ops, system.ops],
  ] as const)
    for (const [path, item] of Object.entries(api.document.paths))
      for (const method of Object.keys(item)) {
        const route = `${method} ${path}`;
        const allowed = TABLE.find(([one, pattern]) => one === listener && pattern.test(route))?.[2] ?? [];
        // Of what would change something there is none of that name.
        const real = path.replace(/\{(\w+)\}/g, (_all, name: string) =>
          name === 'rule' ? 'cache_optimization' : 'none',
        );
        for (const who of WHO) {
          const headers = { ...headersOf(who), accept: 'application/json' };
          const query = real.endsWith('/run') ? '?dry_run=1' : '';
          const answer = await fetch(url + real + query, { method: method.toUpperCase(), headers });
          const text = await answer.text();
          asked += 1;
          const expected = allowed.includes(who) ? 'in' : who === 'nobody' ? '401' : '403';
          const got = [401, 403].includes(answer.status) ? String(answer.status) : 'in';
          if (got !== expected) wrong.push(`${listener} ${route} as ${who}: ${answer.status} ${text.slice(0, 80)}`);
          if (got === 'in') continue;
          const type =
            listener === 'public' && path.startsWith('/v2') ? 'application/json' : 'application/problem+json';
          assert.equal(answer.headers.get('content-type'), type, route);
          assert.equal(answer.headers.has('www-authenticate'), got === '401', route);
        }
      }
  assert.deepEqual(wrong, []);
  assert.ok(asked > 300, String(asked));
});

test('with an administrator’s key too the public port has nothing of the operations port', async () => {
  const { port } = new URL(system.url);
  const key = { 'X-API-Key': keyOf('admin').secret };
  for (const path of [
    '/v1/queues',
    '/v1/keys',
    '//v1/queues',
    '/v2/../v1/queues',
    '/v1%2fqueues',
    '/v1/%71ueues',
    '/V1/queues',
    '/v1/queues.',
    '/v1/queues/',
    '/board',
    '/metrics',
    '/login',
    'http://127.0.0.1/v1/queues',
    '/livez/../metrics',
  ]) {
    const { answers } = await exchange(Number(port), rawRequest(`GET ${path}`, '', key), { answers: 1 });
    assert.equal(answers[0]?.status, 404, path);
    const bare = await exchange(Number(port), rawRequest(`GET ${path}`), { answers: 1 });
    assert.equal(bare.answers[0]?.status, 401, path);
  }
});

test('a key counts as a bearer or as X-API-Key, once, and nowhere else', async () => {
  const { secret } = keyOf('infer');
  const url = `${system.url}/v2/models/simple`;
  assert.equal(await statusOf(`${url}?api_key=${secret}&access_token=${secret}`), 401);
  for (const authorization of [secret, `Basic ${secret}`, `Token ${secret}`, 'Bearer', `Bearer ${secret.slice(0, -1)}`])
    assert.equal(await statusOf(url, { headers: { authorization } }), 401, authorization);
  const both = { authorization: `Bearer ${secret}`, 'x-api-key': keyOf('read').secret };
  assert.equal(await statusOf(url, { headers: both }), 400);
  const twice = `GET /v2/models/simple HTTP/1.1\r\nHost: x\r\n${`Authorization: Bearer ${secret}\r\n`.repeat(2)}\r\n`;
  const { answers } = await exchange(Number(new URL(system.url).port), twice, { answers: 1 });
  assert.equal(answers[0]?.status, 400);
  // Of whatever length a wrong key is.
  const wrong = async (text: string): Promise<string> => {
    const answer = await fetch(url, { headers: { 'x-api-key': text } });
    return `${answer.status} ${await answer.text()}`;
  };
  assert.equal(await wrong(`byk_${'x'.repeat(43)}`), await wrong('x'));
});

test('another tenant’s job is no job, by whatever route, and not in the list; an operator sees it', async () => {
  const theirs = await submit(keyOf('other'));
  assert.equal(await statusOf(`${system.url}/v1/jobs/${job}/result?wait=20s`, { headers: headersOf('infer') }), 200);
  for (const [path, item] of Object.entries(open.document.paths)) {
    if (!path.startsWith('/v1/jobs/{id}')) continue;
    for (const method of Object.keys(item)) {
      const url = system.url + path.replace('{id}', job);
      const other = await statusOf(url, { method: method.toUpperCase(), headers: headersOf('other') });
      assert.equal(other, 404, `${method} ${path}`);
    }
  }
  assert.equal(await statusOf(`${system.url}/v1/jobs/${job}`, { headers: headersOf('read') }), 200);
  const listed = async (who: Who): Promise<string[]> => {
    const answer = await fetch(`${system.url}/v1/jobs`, { headers: headersOf(who) });
    return ((await answer.json()) as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
  };
  assert.deepEqual([await listed('infer'), await listed('other')], [[job], [theirs]]);
  const onOps = `${system.ops}/v1/jobs/${theirs}`;
  assert.equal(await statusOf(onOps, { headers: headersOf('read') }), 200);
  await fetch(`${system.url}/v1/jobs/${theirs}/result?wait=20s`, { headers: headersOf('other') });
  assert.equal(await statusOf(onOps, { method: 'DELETE', headers: headersOf('admin') }), 409);
  // Also when nothing but its trace is left.
  const clean = { method: 'POST', headers: headersOf('admin') };
  assert.equal(await statusOf(`${system.ops}/v1/queues/simple/clean?state=completed`, clean), 200);
  const gone = (who: Who): Promise<number> => statusOf(`${system.url}/v1/jobs/${job}`, { headers: headersOf(who) });
  assert.deepEqual([await gone('infer'), await gone('other')], [410, 404]);
});

test('a key keeps to its classes, in the header and in the body; what asks for none gives way', async () => {
  const low = await makeKey({ tenant: 'acme', scopes: ['infer'], classes: ['low'] });
  assert.equal((await infer(low, system.url, 1, { 'batchyard-priority': 'high' })).status, 403);
  const body = { ...simpleBody(1), parameters: { priority: 1 } };
  const url = `${system.url}/v2/models/simple/infer`;
  assert.equal(await statusOf(url, { method: 'POST', headers: withKey(low), body }), 403);
  assert.equal((await infer(low, system.url, 1, { 'batchyard-priority': 'low' })).status, 200);
  const id = await submit(low);
  const answer = await fetch(`${system.url}/v1/jobs/${id}`, { headers: withKey(low) });
  assert.equal(((await answer.json()) as { priority: string }).priority, 'low');
});

test('a rate counts rows, is told in headers, and is one for all gateways', async () => {
  const slow = await makeKey({ tenant: 'acme', scopes: ['infer'], rate: { rows_per_second: 2, burst: 40 } });
  await until('the second gateway knows it', async () =>
    (await infer(slow, second.url, 4)).status === 200 ? true : undefined,
  );
  const first = await infer(slow, system.url, 4);
  assert.equal(first.status, 200);
  assert.equal(first.headers.get('ratelimit-policy'), '"rows";q=40;w=20');
  assert.match(first.headers.get('ratelimit') ?? '', /^"rows";r=\d+;t=\d+$/);
  let rows = 8;
  let refused: Response | undefined;
  for (let i = 0; i < 60 && refused === undefined; i += 1) {
    const answer = await infer(slow, i % 2 === 0 ? system.url : second.url, 4);
    if (answer.status === 429) refused = answer;
    else rows += 4;
    // What both have let through is settled by then.
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  assert.ok(refused);
  assert.ok(rows >= 36 && rows <= 40 + 2 * 15 + 4, String(rows));
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.match(((await refused.json()) as { error: string }).error, /rate of this key is used up/);
  const jobs = `${system.url}/v1/models/simple/jobs`;
  const problem = await fetch(jobs, { method: 'POST', headers: withKey(slow), body: JSON.stringify(simpleBody(1, 8)) });
  assert.deepEqual(
    [problem.status, ((await problem.json()) as { code: string }).code, problem.headers.has('ratelimit')],
    [429, 'rate_limited', true],
  );
  // Others are not held up by it.
  assert.equal((await infer(keyOf('infer'))).status, 200);
});

test('a result of one tenant is computed again for another', async () => {
  const cached = async (who: Who): Promise<string | null> => {
    const answer = await infer(keyOf(who), system.url, 3);
    await answer.arrayBuffer();
    return answer.headers.get('batchyard-cache');
  };
  await cached('infer');
  await until('it is kept', async () => ((await cached('infer')) === 'hit' ? true : undefined), 5_000);
  assert.equal(await cached('other'), null);
});

test('a revoked key is refused by both gateways within five seconds', async () => {
  const key = await makeKey({ tenant: 'acme', scopes: ['infer'] });
  for (const url of [system.url, second.url])
    await until('it counts', async () => ((await infer(key, url)).status === 200 ? true : undefined), 5_000);
  assert.equal(
    await statusOf(`${system.ops}/v1/keys/${key.id}`, { method: 'DELETE', headers: headersOf('admin') }),
    200,
  );
  for (const url of [system.url, second.url])
    await until(
      'it does not',
      async () => ([401, 429].includes((await infer(key, url)).status) ? true : undefined),
      5_000,
    );
});

test('a change is told with who made it, in the log and as an event; a refused one only in the log', async () => {
  const pause = (who: Who): Promise<number> =>
    statusOf(`${system.ops}/v1/queues/simple/pause`, { method: 'POST', headers: headersOf(who) });
  assert.deepEqual([await pause('read'), await pause('admin')], [403, 200]);
  const resume = { method: 'POST', headers: headersOf('admin') };
  assert.equal(await statusOf(`${system.ops}/v1/queues/simple/resume`, resume), 200);
  type Told = { kind: string; detail: { who: string; path: string; method: string; status: number } };
  const found = await until('the event', async () => {
    const answer = await fetch(`${system.ops}/v1/events`, {
      headers: { ...headersOf('read'), accept: 'application/json' },
    });
    const { events } = (await answer.json()) as { events: Told[] };
    const pauses = events.filter(({ kind, detail }) => kind === 'audit' && detail.path === '/v1/queues/simple/pause');
    return pauses.length > 0 ? pauses : undefined;
  });
  const { who, method, status } = found[0]?.detail ?? {};
  assert.deepEqual([found.length, who, method, status], [1, `operator (${keyOf('admin').id})`, 'POST', 200]);
  const lines = system
    .output()
    .split('\n')
    .filter((line) => line.includes('/v1/queues/simple/pause'));
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /"name":"audit".*"who":"test \(k_[0-9a-f]{16}\)".*"status":403/);
  assert.doesNotMatch(system.output(), new RegExp(keyOf('admin').secret));
});

test('a browser signs in once, and the page, its events and Bull Board work with the cookie, which nobody else can use', async () => {
  const page = { redirect: 'manual', headers: { accept: 'text/html' } } as const;
  const sent = await fetch(`${system.ops}/`, page);
  assert.deepEqual([sent.status, sent.headers.get('location')], [303, '/login']);
  const form = await fetch(`${system.ops}/login`);
  assert.match(await form.text(), /<form method="post" action="\/login">/);
  const signIn = (key: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${system.ops}/login`, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams({ key }) });
  assert.equal((await signIn('byk_wrong')).status, 401);
  assert.equal((await signIn(keyOf('read').secret, { origin: 'http://elsewhere.example' })).status, 403);
  const answer = await signIn(keyOf('read').secret);
  const [set = '', name = ''] = answer.headers.getSetCookie();
  assert.equal(answer.status, 303);
  assert.match(set, /^batchyard_key=byk_.*; HttpOnly; SameSite=Strict$/);
  // The page's own scripts are told who it is, by a cookie that opens nothing.
  assert.match(name, /^batchyard_name=test; Path=\/; Max-Age=43200; SameSite=Strict$/);
  assert.equal(await statusOf(`${system.ops}/v1/queues`, { headers: { cookie: name.split(';')[0] ?? '' } }), 401);
  const cookie = set.split(';')[0] ?? '';
  for (const path of ['/', '/dashboard.js', '/board', '/docs', '/v1/queues', '/metrics'])
    assert.equal(await statusOf(system.ops + path, { headers: { cookie } }), 200, path);
  const stream = await fetch(`${system.ops}/v1/events`, { headers: { cookie, accept: 'text/event-stream' } });
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  await stream.body?.cancel();
  assert.equal(await statusOf(`${system.ops}/v1/queues/simple/pause`, { method: 'POST', headers: { cookie } }), 403);
  // The public port knows no cookies.
  assert.equal(await statusOf(`${system.url}/v2/models/simple`, { headers: { cookie } }), 401);
  const out = await fetch(`${system.ops}/logout`, { method: 'POST', redirect: 'manual', headers: { cookie } });
  assert.match(
    out.headers.get('set-cookie') ?? '',
    /batchyard_key=; Path=\/; Max-Age=0.*batchyard_name=; Path=\/; Max-Age=0/,
  );
});

test('many wrong keys are told to wait, and the right one from there comes in all the same', async () => {
  const url = `${system.url}/v2/models/simple`;
  const seen = new Set<number>();
  for (let i = 0; i < 30; i += 1) seen.add(await statusOf(url, { headers: { 'x-api-key': `byk_${i}` } }));
  assert.ok(seen.has(429));
  assert.ok([...seen].every((status) => status === 401 || status === 429));
  assert.equal(await statusOf(url, { headers: headersOf('infer') }), 200);
});
