import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLatencyBook } from './latency-model.ts';

const SEED = [1, 2, 4].map((rows) => ({ rows, p50_ms: rows, p99_ms: rows }));

test('each group has its own times, and the table of all runs has them too', () => {
  const book = createLatencyBook(SEED);
  for (let i = 0; i < 20; i += 1) {
    if (i < 5) book.of('16').observe(4, 4);
    book.of('512').observe(4, 100);
  }
  assert.equal(Math.round(book.of('16').p50(4)), 4);
  assert.equal(Math.round(book.of('512').p50(4)), 100);
  assert.ok(book.p50(4) > 4);
});

test('a group begins with the curve of all at the level of its first run', () => {
  const book = createLatencyBook(SEED);
  assert.equal(book.of('64').p50(2), 2);
  book.of('64').observe(4, 40);
  assert.equal(Math.round(book.of('64').p50(1)), 10);
});

test('rows of fixed shape are the table of all runs', () => {
  const book = createLatencyBook(SEED);
  for (let i = 0; i < 20; i += 1) book.of('-').observe(1, 1.5);
  assert.equal(book.p50(1), book.of('-').p50(1));
  assert.equal(Math.round(10 * book.p50(1)), 15);
});

test('of more than 32 groups the one not used for longest is forgotten', () => {
  const book = createLatencyBook(SEED);
  book.of('old').observe(4, 400);
  book.of('kept').observe(4, 400);
  for (let i = 0; i < 31; i += 1) {
    book.of(`g${i}`).observe(4, 4);
    book.of('kept');
  }
  assert.ok(book.of('kept').p50(4) > 300);
  assert.ok(book.of('old').p50(4) < 100);
});
