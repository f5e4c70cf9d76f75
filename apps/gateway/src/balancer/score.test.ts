import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_WEIGHTS } from '@batchyard/shared/contract/balancer';

import { createAdaptiveWeights, scoreOf, type Standing } from './score.ts';

const score = (standing: Partial<Standing>, weight = 1): number =>
  scoreOf({ load: 0, times: 1, success: 1, proven: false, batchMs: 1_000, ...standing }, DEFAULT_WEIGHTS, weight);
const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-9, `${value}`);

test('load, response and failures count by their weights', () => {
  near(score({ load: 1 }), 0.3);
  near(score({ times: 5 }), 0.4 * 0.8);
  near(score({ success: 0.5 }), 0.15);
  near(score({ load: 1, times: 5, success: 0 }), 0.3 + 0.32 + 0.3);
  near(score({ success: undefined }), 0);
});

test('a good record divides it, a success with the model and short batches take something off', () => {
  near(score({ load: 1 }, 2), 0.15);
  near(score({ load: 1, proven: true }), 0.24);
  near(score({ load: 1, batchMs: 20 }), 0.3 * 0.85);
});

test('a weight grows with success, falls faster with failures and slowness, and stays within bounds', () => {
  const weights = createAdaptiveWeights();
  const look = (succeeded: number, failed: number, isSlow = false) => weights.look('w', { succeeded, failed, isSlow });
  near(look(0, 0), 1);
  near(look(5, 0), 1.05);
  near(look(5, 1), 0.84);
  near(look(5, 0, true), 0.672);
  for (let s = 0; s < 50; s += 1) look(1, 0);
  near(look(1, 0), 2);
  for (let s = 0; s < 50; s += 1) look(0, 1);
  near(look(0, 1), 0.5);
  weights.keepOnly(new Set());
  near(look(0, 0), 1);
});
