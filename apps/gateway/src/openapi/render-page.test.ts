import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { curlOf } from './curl.ts';
import type { ApiDocument, JsonObject, OperationObject } from './document.ts';
import { opsDocument } from './ops-document.ts';
import { PAGE_STYLE } from './page-style.ts';
import { publicDocument } from './public-document.ts';
import { renderPage } from './render-page.ts';

const OPS = { base: 'http://127.0.0.1:8002', tokenVariable: 'BATCHYARD_OPS_TOKEN' };
const PUBLIC = { base: 'http://127.0.0.1:8000', tokenVariable: undefined };
const LIMIT_BYTES = 200_000;

const PAGES = [
  ['public', publicDocument('1.2.3'), PUBLIC],
  ['operations', opsDocument('1.2.3'), OPS],
] as const;

for (const [name, document, caller] of PAGES) {
  const page = renderPage(document, caller);

  test(`the ${name} page shows every operation with its statuses, and every schema with its fields`, () => {
    for (const [path, item] of Object.entries(document.paths))
      for (const [method, { operationId, parameters = [], responses }] of Object.entries(item)) {
        const from = page.indexOf(`<section id="${operationId}">`);
        const section = page.slice(from, page.indexOf('</section>', from));
        assert.ok(from > 0 && section.includes(`${method.toUpperCase()}</b> <code>${path}</code>`), operationId);
        for (const status of Object.keys(responses)) assert.ok(section.includes(`<b>${status}</b>`), operationId);
        for (const one of parameters) assert.ok(section.includes(`<td>${one.name} <i>${one.in}</i>`), operationId);
        assert.match(section, /<pre>curl -s /);
        const events = responses['200']?.content?.['text/event-stream']?.['x-events'] ?? {};
        for (const event of Object.keys(events)) assert.match(section, new RegExp(`<div>[\\w, ]*\\b${event}\\b`));
      }
    for (const [schema, { properties }] of Object.entries(document.components.schemas)) {
      const from = page.indexOf(`<section id="s-${schema}">`);
      const section = page.slice(from, page.indexOf('</section>', from));
      for (const field of Object.keys((properties ?? {}) as JsonObject))
        assert.ok(from > 0 && section.includes(`<td>${field}</td>`), `${schema}.${field}`);
    }
  });

  test(`the ${name} page is small, its links lead somewhere, and it fetches and runs nothing`, () => {
    assert.ok(Buffer.byteLength(page) < LIMIT_BYTES, String(Buffer.byteLength(page)));
    for (const [, anchor] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(page.includes(`id="${anchor}"`), anchor);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.deepEqual(ids, [...new Set(ids)]);
    assert.doesNotMatch(page, /<script|<link|<img|<iframe|\ssrc=|\sstyle=|\son\w+=|url\(|@import/i);
    for (const [, target] of page.matchAll(/href="([^"#][^"]*)"/g)) assert.equal(target, 'openapi.json');
    // Exactly so it is hashed for the policy.
    assert.ok(page.includes(`<style>${PAGE_STYLE}</style>`));
    assert.match(page, /color-scheme:light dark/);
    const tags = (kind: RegExp): number => page.match(kind)?.length ?? 0;
    for (const tag of ['section', 'table', 'tr', 'td', 'div', 'pre', 'code', 'ul', 'li', 'p', 'a'])
      assert.equal(tags(new RegExp(`<${tag}[ >]`, 'g')), tags(new RegExp(`</${tag}>`, 'g')), tag);
  });
}

const EVIL = `<script>alert("1")</script>&'\``;
const operation: OperationObject = {
  operationId: 'evil"><script>',
  tags: [EVIL],
  summary: EVIL,
  description: EVIL,
  parameters: [
    { name: EVIL, in: 'query', required: false, description: EVIL, schema: { enum: [EVIL] }, example: EVIL },
  ],
  requestBody: {
    required: true,
    description: EVIL,
    content: { [EVIL]: { schema: { type: 'string', pattern: EVIL }, example: EVIL } },
  },
  responses: { 200: { description: EVIL, content: { [EVIL]: { schema: { $ref: `#/components/schemas/${EVIL}` } } } } },
};
const evil: ApiDocument = {
  openapi: '3.1.1',
  info: { title: EVIL, version: EVIL, description: EVIL },
  servers: [],
  tags: [{ name: EVIL, description: EVIL }],
  paths: { [`/${EVIL}`]: { get: operation } },
  components: {
    schemas: {
      [EVIL]: { type: 'object', description: EVIL, examples: [EVIL], properties: { [EVIL]: { const: EVIL } } },
    },
    headers: {},
  },
};

test('whatever a document says is text on the page', () => {
  const page = renderPage(evil, PUBLIC);
  assert.doesNotMatch(page, /<script/);
  assert.ok(page.split('&lt;script&gt;').length > 15);
  for (const [, value] of page.matchAll(/(?:id|href|class)="([^"]*)"/g)) assert.doesNotMatch(value ?? '', /[<>]/);
});

test('a curl is one command for a shell, whatever its values are', () => {
  const body = { text: `it's "so" $HOME \`id\` \\ \n` };
  const own: OperationObject = {
    ...operation,
    requestBody: { required: true, description: '', content: { 'application/json': { example: body } } },
  };
  const line = curlOf({ method: 'put', path: '/a', operation: own }, { base: "http://x'y", tokenVariable: 'TOKEN' });
  const script = `curl() { for one in "$@"; do printf '%s\\0' "$one"; done; }; TOKEN=secret; ${line}`;
  const words = execFileSync('sh', ['-c', script]).toString().split('\0').slice(0, -1);
  assert.deepEqual(words, [
    '-s',
    '-X',
    'PUT',
    `http://x'y/a?${encodeURIComponent(EVIL)}=${encodeURIComponent(EVIL)}`,
    '-H',
    'Authorization: Bearer secret',
    '-d',
    JSON.stringify(body),
  ]);
});

test('examples stand in the path and the query, and the token is asked for where it is needed', () => {
  const { paths } = opsDocument('1');
  const of = (path: string, method: 'get' | 'post', caller = OPS): string => {
    const found = paths[path]?.[method];
    assert.ok(found);
    return curlOf({ method, path, operation: found }, caller);
  };
  assert.equal(of('/livez', 'get'), "curl -s 'http://127.0.0.1:8002/livez'");
  assert.equal(
    of('/v1/queues/{queue}/clean', 'post'),
    `curl -s -X POST 'http://127.0.0.1:8002/v1/queues/simple/clean?older_than=1h' -H "Authorization: Bearer $BATCHYARD_OPS_TOKEN"`,
  );
  assert.match(of('/v1/workers/scale', 'post'), / -d '\{"count":4\}'$/);
});
