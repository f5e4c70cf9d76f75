import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createDemand } from './demand.ts';

const beat = (token: string, rows: number): Heartbeat =>
  ({ token, models: [{ queue: 'm@1', rows, latency: [] }] }) as unknown as Heartbeat;

test('what all workers ran since the last look, smoothed', () => {
  const demand = createDemand();
  let rows = 1_000;
  for (let s = 0; s <= 30; s += 1) {
    demand.look([beat('a:1', rows), beat('b:1', rows / 2)], 1_000 * s);
    rows += 200;
  }
  assert.ok(Math.abs(demand.rowsPerMs('m@1') - 0.3) < 0.001);
  assert.equal(demand.rowsPerMs('other@1'), 0);
});

test('a worker that starts again counts from its start, and one that is gone is forgotten', () => {
  const demand = createDemand();
  demand.look([beat('a:1', 5_000)], 0);
  demand.look([beat('a:2', 100)], 1_000);
  assert.equal(demand.rowsPerMs('m@1'), 0);
  demand.look([beat('a:2', 1_100)], 2_000);
  assert.ok(demand.rowsPerMs('m@1') > 0);
  demand.look([], 3_000);
  assert.equal(demand.rowsPerMs('m@1'), 0);
});
