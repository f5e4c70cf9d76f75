import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEfficiency } from './efficiency.ts';

test('a busy second at the best size counts whole, one at half its rate half', () => {
  const efficiency = createEfficiency(16);
  assert.deepEqual(efficiency.figures(4), { efficiency: 0, fill: 0 });
  efficiency.ran(16, 4);
  assert.deepEqual(efficiency.figures(4), { efficiency: 1, fill: 1 });
  efficiency.ran(8, 8);
  assert.deepEqual(efficiency.figures(4), { efficiency: 0.5, fill: 0.75 });
});

test('only the last thousand runs count', () => {
  const efficiency = createEfficiency(16);
  for (let i = 0; i < 5_000; i += 1) efficiency.ran(1, 100);
  for (let i = 0; i < 1_024; i += 1) efficiency.ran(16, 4);
  assert.deepEqual(efficiency.figures(4), { efficiency: 1, fill: 1 });
});
