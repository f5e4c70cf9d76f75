/** The documents against the routes that there are: what is mounted is described, and what is described is mounted. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';
import { createCopyCount } from '@batchyard/shared/contract/memory';
import type { Model } from '@batchyard/shared/contract/model';

import type { ApiDocument } from '../openapi/document.ts';
import { METHODS } from '../openapi/operation.ts';
import { opsDocument } from '../openapi/ops-document.ts';
import { publicDocument } from '../openapi/public-document.ts';
import { createBytesInFlight } from './bytes-in-flight.ts';
import { createFastLane } from './fast-lane.ts';
import type { Limits } from './infer-route.ts';
import type { JobDesk } from './job-routes.ts';
import { createKeyring } from './keyring.ts';
import { listen, type Listener } from './listen.ts';
import { createOpsApp, type OpsParts } from './ops-app.ts';
import { createPublicApp } from './public-app.ts';
import { createWrongKeys } from './wrong-keys.ts';

const model: Model = {
  name: 'simple',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 4,
  inputs: [{ name: 'IN', datatype: 'INT32', shape: [2] }],
  outputs: [{ name: 'OUT', datatype: 'INT32', shape: [2] }],
  signature: 'signature',
  nan: 'pass',
};
const models = {
  model: (name: string, version = '1') =>
    name === 'simple' && version === '1' ? { model, queue: 'simple@1', workers: 1 } : undefined,
  versions: () => [],
  byQueue: () => undefined,
  known: (name: string) => name === 'simple',
};
const limits: Limits = {
  jsonBytes: 1_000,
  binaryBytes: 1_000,
  screen() {
    throw new Failure('overloaded', 'nobody is here');
  },
  elements: { maxElements: 1_000 },
  intake: { inFlight: createBytesInFlight(10_000), copies: createCopyCount().request },
  copies: createCopyCount().result,
};
const fastLane = createFastLane({
  infer: () => Promise.reject(new Failure('overloaded', 'nobody is here')),
  desk: { queueOf: () => undefined } as unknown as JobDesk,
  models,
  limits: { infer: limits, jobs: limits },
  observe: { began: () => undefined, ended: () => undefined },
  report: () => undefined,
});
/** Desks are asked when a route is; here none is that would ask one. */
const opsApp = (token: string | undefined) =>
  createOpsApp({
    ...(Object.fromEntries(
      'health workers queues explorer redis balancer scaling batching cache events monitor tuning loadTests keys'
        .split(' ')
        .map((desk) => [desk, {}]),
    ) as unknown as OpsParts),
    models: { models: () => [], publicUrl: () => '', publicLane: fastLane },
    memory: () => ({}),
    version: '1.2.3',
    entry: {
      token,
      keyring: createKeyring(() => assert.fail('there are no keys')),
      closed: false,
      wrongKeys: createWrongKeys(),
      audit: () => undefined,
      secure: false,
    },
    board: undefined,
  }).app;

const publicApp = () =>
  createPublicApp({
    serverName: 'batchyard',
    version: '1.2.3',
    repository: { index: async () => [], load: async () => undefined, unload: async () => undefined },
    inquiries: {
      models,
      served: () => [{ model, queue: 'simple@1' }],
      details: () => Promise.resolve(undefined),
      statistics: () => Promise.resolve({}),
    },
    log: { level: 'info' },
    ready: () => true,
    audit: () => undefined,
  });

let front: Listener;
let back: Listener;
let guarded: Listener;
before(async () => {
  const handler = publicApp();
  const place = { host: '127.0.0.1', port: 0 };
  front = await listen({ ...place, handler, fastLane });
  back = await listen({ ...place, handler: opsApp(undefined) });
  guarded = await listen({ ...place, handler: opsApp('secret') });
});
after(() => Promise.all([front, back, guarded].map((one) => one.close())));

const ask = ({ port }: Listener, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, init);

/** `GET /v1/queues/{queue}` and so on. */
const described = ({ paths }: ApiDocument): string[] =>
  Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`));
type Layer = { readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> } };
const mounted = (stack: readonly Layer[]): string[] =>
  stack.flatMap(({ route }) => {
    const methods = Object.keys(route?.methods ?? {});
    // `all` is what refuses the others.
    return methods.length > 1
      ? []
      : methods.map((one) => `${one.toUpperCase()} ${route?.path.replace(/:(\w+)/g, '{$1}')}`);
  });

test('the operations listener has the routes of its document, and no other', () => {
  const { stack } = opsApp(undefined).router as unknown as { stack: readonly Layer[] };
  assert.deepEqual(mounted(stack).toSorted(), described(opsDocument('1.2.3')).toSorted());
});

/** With its examples in it. */
function filled({ paths }: ApiDocument, path: string): string {
  const parameters = Object.values(paths[path] ?? {}).flatMap((one) => one.parameters ?? []);
  return path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const found = parameters.find((one) => one.in === 'path' && one.name === name);
    return encodeURIComponent(found?.example ?? '');
  });
}

test('the public listener answers what its document describes, and refuses any other method', async () => {
  const document = publicDocument('1.2.3');
  for (const [path, item] of Object.entries(document.paths))
    for (const method of [...METHODS, 'patch'] as const) {
      const answer = await ask(front, filled(document, path), { method: method.toUpperCase() });
      const text = await answer.text();
      const operation = method === 'patch' ? undefined : item[method];
      const what = `${method} ${path}: ${answer.status} ${text}`;
      if (operation) {
        assert.ok(String(answer.status) in operation.responses, what);
        assert.doesNotMatch(text, /Not Found/, what);
      } else {
        assert.equal(answer.status, 405, what);
        const allowed = (answer.headers.get('allow') ?? '').split(', ').filter((one) => one !== 'HEAD');
        assert.deepEqual(
          allowed.toSorted(),
          Object.keys(item)
            .map((one) => one.toUpperCase())
            .toSorted(),
          what,
        );
      }
    }
});

test('what Express has mounted on the public listener is described', () => {
  const { stack } = publicApp().router as unknown as { stack: readonly Layer[] };
  const all = described(publicDocument('1.2.3'));
  const own = mounted(stack).filter((route) => route !== 'GET /v2/');
  assert.ok(own.length > 6);
  for (const route of own) assert.ok(all.includes(route), route);
});

test('nothing else is on the public listener, and nothing of the operations listener above all', async () => {
  const ours = new Set(Object.keys(publicDocument('1.2.3').paths));
  const ops = opsDocument('1.2.3');
  const others = Object.keys(ops.paths).filter((path) => !ours.has(path));
  assert.ok(others.length > 30);
  const tricks = [
    '//docs',
    '/docs/',
    '/Docs',
    '/openapi.json/',
    '/v2/../v1/queues',
    '/v1%2fqueues',
    '/board',
    '/v1',
    '/',
  ];
  for (const path of [...others.map((one) => filled(ops, one)), ...tricks])
    for (const method of ['GET', 'POST']) {
      const answer = await ask(front, path, { method });
      assert.equal(answer.status, 404, `${method} ${path}`);
      await answer.arrayBuffer();
    }
});

test('both listeners serve their own document and page, whole, once, and under a policy that lets in nothing', async () => {
  for (const [listener, document, other] of [
    [front, publicDocument('1.2.3'), '/v1/queues'],
    [back, opsDocument('1.2.3'), '/v2/models'],
  ] as const) {
    const json = await ask(listener, '/openapi.json');
    assert.equal(json.headers.get('content-type'), 'application/json');
    assert.deepEqual(await json.json(), document);
    const page = await ask(listener, '/docs');
    const [text, policy] = [await page.text(), page.headers.get('content-security-policy') ?? ''];
    assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
    const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(
      policy,
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(text.includes(`<code>${other}</code>`), false);
    for (const path of ['/openapi.json', '/docs']) {
      const etag = (await ask(listener, path)).headers.get('etag') ?? '';
      const again = await ask(listener, path, { headers: { 'if-none-match': etag } });
      assert.deepEqual([again.status, await again.text()], [304, '']);
    }
  }
});

test('on the operations listener both are behind the token', async () => {
  for (const path of ['/openapi.json', '/docs']) {
    assert.equal((await ask(guarded, path)).status, 401);
    const answer = await ask(guarded, path, { headers: { authorization: 'Bearer secret' } });
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
});

test('what is handed to the public routes is answered however its path is spelled', async () => {
  for (const [method, path, status] of [
    ['POST', '/v1/models/simple/infer/', 503],
    ['POST', '/V1/models/simple/jobs/', 503],
    ['POST', '/v1/models/simple/jobs?x=/jobs', 503],
    ['POST', '/v1/models/%2e%2e/infer', 404],
    ['DELETE', '/v1/jobs/nothing/', 404],
    ['DELETE', '/v1/JOBS/a%2Fb', 404],
    ['POST', '/v1/jobs/nothing/retry/', 404],
  ] as const) {
    const answer = await ask(back, path, { method, signal: AbortSignal.timeout(2_000) });
    assert.equal(answer.status, status, path);
    await answer.arrayBuffer();
  }
});

test('a path that cannot be decoded is the fault of its sender', async () => {
  const answer = await ask(back, '/v1/queues/%E0%A4%A');
  const { code } = (await answer.json()) as { code: string };
  assert.deepEqual([answer.status, code], [400, 'bad_request']);
});
