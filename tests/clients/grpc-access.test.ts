/** Keys over gRPC: what each may call, its classes and its rate, as over HTTP. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { status, type ServiceError } from '@grpc/grpc-js';

import { makeTestModels } from '../../models/make-test-models.ts';
import { grpcClient, simpleRequest, sumOf, type GrpcClient, type InferAnswer } from '../support/grpc.ts';
import { startSystem, until, type System } from '../support/system.ts';

let folder: string;
let system: System;
let client: GrpcClient;
const secretOf = (name: string): string => `byk_${name.repeat(43).slice(0, 43)}`;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-grpc-access-'));
  const models = join(folder, 'models');
  await makeTestModels(models, ['simple']);
  const file = join(folder, 'keys.json');
  const keys = [
    { name: 'infer', scopes: ['infer'] },
    { name: 'admin', scopes: ['admin'] },
    { name: 'low', scopes: ['infer'], classes: ['low'] },
    { name: 'slow', scopes: ['infer'], rate: { rows_per_second: 0.01, burst: 2 } },
  ].map((key) => ({ ...key, key: secretOf(key.name) }));
  await writeFile(file, JSON.stringify({ keys }));
  system = await startSystem({ BATCHYARD_MODELS: models, GRPC_PORT: '0', BATCHYARD_API_KEYS_FILE: file });
  client = grpcClient(system.grpc);
});
after(async () => {
  client.close();
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

const as = (name: string) => ({ metadata: { authorization: `Bearer ${secretOf(name)}` } });
/** The status that a call ends with. */
async function ended(method: string, request: Record<string, unknown>, given = {}): Promise<status> {
  try {
    await client.call(method, request, given);
    return status.OK;
  } catch (error) {
    return (error as ServiceError).code;
  }
}

test('without a key nothing but the state of the server is told', async () => {
  assert.deepEqual(await client.call('ServerLive', {}), { live: true });
  assert.equal(await client.health(''), 'SERVING');
  for (const [method, request] of [
    ['ServerMetadata', {}],
    ['ModelReady', { name: 'simple' }],
    ['ModelMetadata', { name: 'simple' }],
    ['ModelConfig', { name: 'simple' }],
    ['ModelStatistics', {}],
    ['RepositoryIndex', {}],
    ['RepositoryModelLoad', { model_name: 'simple' }],
    ['RepositoryModelUnload', { model_name: 'simple' }],
    ['ModelInfer', simpleRequest(1)],
  ] as const) {
    assert.equal(await ended(method, request), status.UNAUTHENTICATED, method);
    const wrong = { metadata: { 'x-api-key': 'byk_wrong' } };
    assert.ok(
      [status.UNAUTHENTICATED, status.RESOURCE_EXHAUSTED].includes(await ended(method, request, wrong)),
      method,
    );
  }
});

test('a key may call what its scope says', async () => {
  assert.equal(sumOf(await client.call<InferAnswer>('ModelInfer', simpleRequest(4), as('infer'))), 7);
  assert.equal(
    await ended('ModelInfer', simpleRequest(4), { metadata: { 'x-api-key': secretOf('infer') } }),
    status.OK,
  );
  assert.equal(await ended('ModelInfer', simpleRequest(4), as('admin')), status.PERMISSION_DENIED);
  assert.equal(await ended('ModelMetadata', { name: 'simple' }, as('infer')), status.OK);
  for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload'])
    assert.equal(await ended(method, { model_name: 'simple' }, as('infer')), status.PERMISSION_DENIED, method);
  const loaded = await ended('RepositoryModelLoad', { model_name: 'simple' }, as('admin'));
  assert.ok(loaded !== status.PERMISSION_DENIED && loaded !== status.UNAUTHENTICATED, String(loaded));
});

test('a key keeps to its classes and to its rate of rows', async () => {
  const high = { metadata: { ...as('low').metadata, 'batchyard-priority': 'high' } };
  assert.equal(await ended('ModelInfer', simpleRequest(1), high), status.PERMISSION_DENIED);
  assert.equal(await ended('ModelInfer', simpleRequest(1), as('low')), status.OK);
  const seen: status[] = [];
  for (let i = 0; i < 3; i += 1) seen.push(await ended('ModelInfer', simpleRequest(i), as('slow')));
  assert.deepEqual(seen, [status.OK, status.OK, status.RESOURCE_EXHAUSTED]);
});

test('a change is told with who made it and how it came, over gRPC and over the public port, and so is one that was refused; reading is not', async () => {
  const verbose = { settings: { log_verbose_level: { uint32_param: 1 } } };
  assert.equal(await ended('LogSettings', { settings: {} }, as('admin')), status.OK);
  assert.equal(await ended('LogSettings', verbose, as('infer')), status.PERMISSION_DENIED);
  assert.equal(await ended('LogSettings', verbose, as('admin')), status.OK);
  const { authorization } = as('admin').metadata;
  const overHttp = async (key: string, level: unknown): Promise<number> => {
    const headers = { authorization: key };
    const body = JSON.stringify({ log_verbose_level: level });
    return (await fetch(`${system.url}/v2/logging`, { method: 'POST', headers, body })).status;
  };
  const wrong = `Bearer ${secretOf('unknown')}`;
  assert.deepEqual(
    [
      await overHttp(as('infer').metadata.authorization, 0),
      await overHttp(wrong, 0),
      await overHttp(authorization, 'much'),
      await overHttp(authorization, 0),
    ],
    [403, 401, 400, 200],
  );
  const lines = await until('both are in the log', async () => {
    const told = system
      .output()
      .split('\n')
      .filter((line) => line.includes('"name":"audit"') && /LogSettings|\/v2\/logging/.test(line));
    return told.length >= 5 ? told.map((line) => JSON.parse(line) as Record<string, unknown>) : undefined;
  });
  assert.deepEqual(
    lines.map(({ who, from, path, status: code }) => [String(who).split(' ')[0], from === 'gRPC', path, code]),
    [
      ['infer', true, 'LogSettings', 403],
      ['admin', true, 'LogSettings', 200],
      ['infer', false, '/v2/logging', 403],
      ['admin', false, '/v2/logging', 400],
      ['admin', false, '/v2/logging', 200],
    ],
  );
  await until('both are events', async () => {
    const told = await fetch(`${system.ops}/v1/events`, { headers: { authorization, accept: 'application/json' } });
    const { events } = (await told.json()) as { events: { kind: string; detail: { path: string } }[] };
    const paths = events.filter(({ kind }) => kind === 'audit').map(({ detail }) => detail.path);
    if (!paths.includes('LogSettings') || !paths.includes('/v2/logging')) return undefined;
    assert.equal(paths.length, 2, 'only what was changed is an event');
    return true;
  });
});
