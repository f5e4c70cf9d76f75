import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createPicks } from './picks.ts';
import { createRandom } from './random.ts';

test('kinds come by their weights, and a share of the inputs again', () => {
  const pick = createPicks({ weights: [3, 1], repeats: 0.25, stampFrom: 1_000 }, createRandom(3));
  const all = Array.from({ length: 20_000 }, (_, nth) => pick(nth));
  const share = (of: (one: (typeof all)[number]) => boolean): number => all.filter(of).length / all.length;
  assert.ok(Math.abs(share(({ kind }) => kind === 0) - 0.75) < 0.02);
  const repeated = all.filter(({ number }) => number < 1_016);
  assert.ok(Math.abs(repeated.length / all.length - 0.25) < 0.02);
  const fresh = all.filter(({ number }) => number >= 1_016).map(({ number }) => number);
  assert.equal(new Set(fresh).size, fresh.length);
});

test('a trace says the kind itself; without repeats every input is new', () => {
  const pick = createPicks({ weights: [1, 1], repeats: 0, stampFrom: 0 }, createRandom(3));
  assert.deepEqual(pick(5, 1), { kind: 1, number: 21 });
});
