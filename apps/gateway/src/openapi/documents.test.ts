import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LISTED_STATES } from '@batchyard/queue/listing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';

import type { ApiDocument, Json, JsonObject, OperationObject } from './document.ts';
import { opsDocument } from './ops-document.ts';
import { publicDocument } from './public-document.ts';
import { LISTED } from './queue-schemas.ts';

const VERSION = '9.8.7';
const DOCUMENTS: readonly (readonly [string, ApiDocument])[] = [
  ['public', publicDocument(VERSION)],
  ['operations', opsDocument(VERSION)],
];

const operationsOf = ({ paths }: ApiDocument): OperationObject[] => Object.values(paths).flatMap(Object.values);

/** Every object of a document with its JSON pointer. */
function* objectsOf(part: unknown, pointer = ''): Generator<readonly [string, Record<string, Json>]> {
  if (typeof part !== 'object' || part === null) return;
  yield [pointer, part as Record<string, Json>];
  for (const [name, value] of Object.entries(part))
    yield* objectsOf(value, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

function at(document: ApiDocument, pointer: string): unknown {
  const names = pointer.split('/').slice(1);
  return names.reduce<unknown>((part, name) => {
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~');
    return typeof part === 'object' && part !== null ? (part as Record<string, unknown>)[key] : undefined;
  }, document);
}

/** Each example with the pointer to the schema that it has to fit. */
function examplesOf(document: ApiDocument): (readonly [string, Json])[] {
  return [...objectsOf(document)].flatMap(([pointer, { schema, example, examples }]) => {
    if (schema !== undefined && example !== undefined) return [[`${pointer}/schema`, example] as const];
    const inSchema = /^\/components\/schemas\/[^/]+$/.test(pointer) && Array.isArray(examples);
    return inSchema ? (examples as Json[]).map((one) => [pointer, one] as const) : [];
  });
}

/** What a probe answers while it says no is no failure. */
const isReadiness = (content: unknown): boolean => !/Problem|TritonError/.test(JSON.stringify(content));

function createAjv(document: ApiDocument): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ } });
  return ajv.addSchema(document, 'api');
}

for (const [name, document] of DOCUMENTS) {
  test(`the ${name} document is valid OpenAPI 3.1`, async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.deepEqual([valid, errors], [true, undefined]);
    assert.equal(document.info.version, VERSION);
  });

  test(`ids, tags and references of the ${name} document lead somewhere, once`, () => {
    const ids = operationsOf(document).map(({ operationId }) => operationId);
    assert.deepEqual(ids, [...new Set(ids)]);
    const tags = document.tags.map((tag) => tag.name);
    assert.deepEqual([...new Set(operationsOf(document).flatMap((one) => one.tags))].toSorted(), tags.toSorted());
    const refs = [...objectsOf(document)].flatMap(([, { $ref }]) => (typeof $ref === 'string' ? [$ref] : []));
    for (const ref of refs) assert.notEqual(at(document, ref.slice(1)), undefined, ref);
    const { schemas, headers } = document.components;
    const all = [
      ...Object.keys(schemas).map((one) => `schemas/${one}`),
      ...Object.keys(headers).map((one) => `headers/${one}`),
    ];
    for (const one of all) assert.ok(refs.includes(`#/components/${one}`), `${one} is not used`);
    for (const [path, item] of Object.entries(document.paths))
      for (const operation of Object.values(item)) {
        const named = operation.parameters?.filter((one) => one.in === 'path').map((one) => `{${one.name}}`) ?? [];
        assert.deepEqual(named, path.match(/\{\w+\}/g) ?? [], path);
      }
  });

  test(`every example of the ${name} document fits its schema`, () => {
    const ajv = createAjv(document);
    const examples = examplesOf(document);
    assert.ok(examples.length > 20);
    for (const [pointer, example] of examples) {
      const validate = ajv.getSchema(`api#${pointer}`);
      assert.ok(validate, pointer);
      assert.ok(validate(example), `${pointer}: ${ajv.errorsText(validate.errors)}`);
    }
  });

  test(`what the ${name} document answers names all of its fields`, () => {
    const { schemas } = document.components;
    const loose = [...objectsOf(schemas)].filter(
      ([, one]) => one['type'] === 'object' && 'properties' in one && one['additionalProperties'] !== false,
    );
    const known =
      /^\/(InferRequest|InferInput|RepositoryIndexRequest|LoadRequest|UnloadRequest|Event\/properties\/detail)\b/;
    assert.deepEqual(
      loose.map(([pointer]) => pointer).filter((pointer) => !known.test(pointer)),
      [],
    );
  });

  test(`every operation of the ${name} document tells what it answers when all is well, and when not`, () => {
    for (const { operationId, responses } of operationsOf(document)) {
      const statuses = Object.keys(responses).map(Number);
      assert.ok(
        statuses.some((status) => status < 300),
        operationId,
      );
      for (const [status, { content, headers = {} }] of Object.entries(responses)) {
        if (status === '503' && !isReadiness(content)) assert.ok('Retry-After' in headers, operationId);
        const isEmpty =
          status === '304' || status === '204' || (status === '200' && /^(un)?loadModel$/.test(operationId));
        if (!isEmpty) assert.ok(content, `${operationId} ${status}`);
      }
    }
  });
}

test('only the probes of the operations listener are open', () => {
  const { paths, security } = opsDocument(VERSION);
  assert.deepEqual(security, [{ bearer: [] }, { basic: [] }, { key: [] }]);
  for (const [path, item] of Object.entries(paths))
    for (const { security: own, responses } of Object.values(item)) {
      const open = path === '/livez' || path === '/readyz';
      assert.deepEqual(own, open ? [] : undefined, path);
      assert.equal('401' in responses, !open, path);
      assert.equal('403' in responses, !open, path);
      assert.equal('429' in responses, !open, path);
    }
});

test('the public document knows nothing of the operations listener', () => {
  const [text, paths] = [JSON.stringify(publicDocument(VERSION)), publicDocument(VERSION).paths];
  const shared = [
    '/livez',
    '/readyz',
    '/openapi.json',
    '/docs',
    '/v1/jobs/{id}',
    '/v1/jobs/{id}/retry',
    '/v1/models/{model}/jobs',
  ];
  const own = Object.keys(opsDocument(VERSION).paths).filter((path) => !shared.includes(path) && path !== '/');
  assert.ok(own.length > 30);
  for (const path of own) assert.equal(path in paths, false, path);
  assert.doesNotMatch(text, /operations|OPS_TOKEN|balancer|"\/metrics/i);
});

test('errors of /v2 have the form of Triton, all others are problem documents', () => {
  for (const [path, item] of Object.entries(publicDocument(VERSION).paths))
    for (const { responses } of Object.values(item))
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (Number(status) < 400 || isReadiness(content)) continue;
        assert.deepEqual(Object.keys(content), [
          path.startsWith('/v2') ? 'application/json' : 'application/problem+json',
        ]);
      }
});

test('a passed deadline is 503 for who waits, and 504 for who asks for the result of a job', () => {
  const { paths } = publicDocument(VERSION);
  const of = (path: string): JsonObject =>
    paths[path]?.[path.startsWith('/v2') ? 'post' : 'get']?.responses as unknown as JsonObject;
  const infer = of('/v2/models/{model}/infer');
  assert.match(JSON.stringify(infer['503']), /`expired`/);
  assert.equal('504' in infer, false);
  assert.match(JSON.stringify(of('/v1/jobs/{id}/result')['504']), /`expired`/);
});

test('the states of jobs are those that the queue lists', () => assert.deepEqual(LISTED, LISTED_STATES));
