import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createBestRates } from './best-rates.ts';

test('a better rate counts at once, a worse one in the course of minutes', () => {
  const rates = createBestRates();
  assert.equal(rates.look('m@1', 1), 1);
  assert.equal(rates.look('m@1', 4), 4);
  assert.equal(rates.look('n@1', 2), 2);
  let best = 4;
  for (let turn = 0; turn < 69; turn += 1) best = rates.look('m@1', 1);
  assert.ok(best > 1.9 && best < 2.1);
  for (let turn = 0; turn < 100; turn += 1) best = rates.look('m@1', 1);
  assert.equal(best, 1);
});
