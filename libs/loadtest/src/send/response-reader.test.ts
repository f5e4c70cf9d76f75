import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createResponseReader, parseHead } from './response-reader.ts';

const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Text\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function statuses(chunks: readonly Buffer[]): number[] {
  const seen: number[] = [];
  const reader = createResponseReader((status) => seen.push(status));
  for (const chunk of chunks) reader.feed(chunk);
  return seen;
}

test('an answer is told when its last byte has come, not before', () => {
  const text = answer(200, '{"outputs":[]}');
  assert.deepEqual(statuses([Buffer.from(text.slice(0, -1))]), []);
  assert.deepEqual(statuses([Buffer.from(text)]), [200]);
});

test('a body may look like a head', () => {
  assert.deepEqual(statuses([Buffer.from(answer(200, answer(500, 'x')) + answer(503, ''))]), [200, 503]);
});

test('however the bytes are cut, the answers are the same', () => {
  const one = fc.record({ status: fc.integer({ min: 200, max: 599 }), body: fc.string({ unit: 'binary-ascii' }) });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 })), (answers, sizes) => {
      const bytes = Buffer.from(answers.map(({ status, body }) => answer(status, body)).join(''));
      const chunks: Buffer[] = [];
      let at = 0;
      for (let i = 0; at < bytes.byteLength; i += 1) {
        const size = sizes[i % Math.max(1, sizes.length)] ?? 7;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(
        statuses(chunks),
        answers.map(({ status }) => status),
      );
    }),
  );
});

test('the bytes of a chunk may be overwritten once it was fed', () => {
  const text = answer(200, 'body');
  const seen: number[] = [];
  const reader = createResponseReader((status) => seen.push(status));
  const window = Buffer.alloc(16);
  for (let at = 0; at < text.length; at += 16) {
    const size = window.write(text.slice(at, at + 16), 'latin1');
    reader.feed(window.subarray(0, size));
    window.fill(0);
  }
  assert.deepEqual(seen, [200]);
});

test('a length is found in any case and place, and only as a header', () => {
  assert.deepEqual(parseHead('HTTP/1.1 200 OK\r\ncontent-length:  12'), { status: 200, contentLength: 12 });
  assert.deepEqual(parseHead('HTTP/1.1 404 No\r\nCONTENT-LENGTH: 0\r\nX: 1'), { status: 404, contentLength: 0 });
  assert.deepEqual(parseHead('HTTP/1.1 204 No Content\r\nX: 1'), { status: 204, contentLength: 0 });
  assert.throws(() => parseHead('HTTP/1.1 200 OK\r\nInference-Header-Content-Length: 12'), /without Content-Length/);
  assert.throws(() => parseHead('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'), /without Content-Length/);
  assert.throws(() => parseHead('SSH-2.0-x'), /no HTTP\/1.1 status line/);
});
