import assert from 'node:assert/strict';
import { test } from 'node:test';

import { capacityMix, offeredMix } from './offered.ts';

test('the rates of all kinds are the rate that was asked for', () => {
  const { classes, jobs } = offeredMix(500);
  const sum = [...classes, ...jobs].reduce((total, { rate }) => total + rate, 0);
  assert.ok(Math.abs(sum - 500) < 1e-9);
  assert.ok(jobs.every(({ rate }) => rate > 0 && rate < 10));
});

test('every class says its priority and deadline, and all four are there', () => {
  const { classes } = offeredMix(100);
  const priorities = new Set(classes.map(({ spec }) => spec.headers?.[0]));
  assert.equal(priorities.size, 4);
  assert.ok(classes.every(({ spec }) => spec.headers?.[1] === 'Batchyard-Timeout-Ms: 10000'));
});

test('capacity is measured with every kind, as often as its share says', () => {
  const { specs } = capacityMix();
  const count = (model: string, form: string): number =>
    specs.filter((spec) => spec.model === model && spec.form === form).length;
  assert.deepEqual([count('heavy', 'binary'), count('heavy', 'json'), count('cnn', 'json')], [32, 14, 3]);
  assert.ok(specs.slice(0, 20).some(({ model }) => model === 'mid'));
});
