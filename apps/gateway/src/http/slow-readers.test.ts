import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decideReader } from './slow-readers.ts';

const LIMIT = 1_000;

test('a socket with nothing unsent is not remembered', () => {
  assert.equal(decideReader(undefined, { written: 500, unsent: 0 }, 0, LIMIT), undefined);
  assert.equal(decideReader({ since: 0, at: 500 }, { written: 500, unsent: 0 }, 5_000, LIMIT), undefined);
});

test('an answer that is still unsent after the limit closes its connection', () => {
  const seen = decideReader(undefined, { written: 500, unsent: 400 }, 100, LIMIT);
  assert.deepEqual(seen, { since: 100, at: 500 });
  assert.deepEqual(decideReader({ since: 100, at: 500 }, { written: 500, unsent: 1 }, 1_099, LIMIT), seen);
  assert.equal(decideReader({ since: 100, at: 500 }, { written: 500, unsent: 1 }, 1_100, LIMIT), 'close');
});

test('a reader that keeps up with many answers is given the limit anew for each', () => {
  const next = decideReader({ since: 100, at: 500 }, { written: 900, unsent: 400 }, 1_100, LIMIT);
  assert.deepEqual(next, { since: 1_100, at: 900 });
});
