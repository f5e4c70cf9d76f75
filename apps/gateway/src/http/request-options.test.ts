import assert from 'node:assert/strict';
import { test } from 'node:test';

import { waitMs } from './request-options.ts';

test('a long poll is told in seconds or with a unit, and lasts a minute at most', () => {
  for (const [query, ms] of [
    ['', 0],
    ['?other=1', 0],
    ['?wait=0', 0],
    ['?wait=5', 5_000],
    ['?wait=0.25s', 250],
    ['?wait=500ms', 500],
    ['?wait=60s', 60_000],
    ['?wait=61', 60_000],
    ['?wait=1e9', 60_000],
    ['?wait=1e999', 60_000],
    [`?wait=${'9'.repeat(400)}`, 60_000],
  ] as const) {
    assert.equal(waitMs(`/v1/jobs/a${query}`), ms, query.slice(0, 20));
  }
});

test('a long poll of no time is refused', () => {
  for (const text of ['', '-1', 'NaN', 'Infinity', '5m', '0x10', ' 5', '5 s', '1,5']) {
    assert.throws(() => waitMs(`/v1/jobs/a?wait=${text}`), /wait/, text);
  }
});
