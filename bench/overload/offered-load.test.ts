import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ClassResult } from '../load/class-tally.ts';
import type { RequestSpec } from '../load/requests.ts';
import { attainment, offeredClasses, pointOf } from './offered-load.ts';

const SPEC: RequestSpec = { model: 'm', form: 'json', inputs: [] };
const NOTHING = { p50: Number.NaN, p99: Number.NaN };

const classResult = (name: string, counts: Partial<ClassResult>): ClassResult => ({
  name,
  offered: 100,
  inTime: 0,
  inTimeDuringLoad: 0,
  late: 0,
  refused: 0,
  expired: 0,
  failures: {},
  admitted: NOTHING,
  refusals: NOTHING,
  ...counts,
});

test('the classes share what is offered, and critical never asks for more than half of the capacity', () => {
  for (const factor of [0.5, 1, 5, 10]) {
    const rates = Object.fromEntries(offeredClasses(SPEC, 100, factor).map(({ name, rate }) => [name, rate]));
    const total = Object.values(rates).reduce((sum, rate) => sum + rate, 0);
    assert.ok(Math.abs(total - 100 * factor) < 1e-9);
    assert.equal(rates['critical'], Math.min(10 * factor, 50));
    assert.equal(rates['low'], 20 * factor);
  }
});

test('each request says its class and its deadline', () => {
  const [critical] = offeredClasses(SPEC, 100, 1);
  assert.deepEqual(critical?.spec.headers, ['Batchyard-Priority: critical', 'Batchyard-Timeout-Ms: 500']);
});

test('goodput counts answers in time that came while the load lasted', () => {
  const classes = [
    classResult('critical', { inTime: 90, inTimeDuringLoad: 80 }),
    classResult('low', { inTime: 50, inTimeDuringLoad: 20, late: 7 }),
  ];
  const result = { classes, refusals: NOTHING, sendDelay: NOTHING, generatorCpuS: 0 };
  const point = pointOf({ factor: 2, seconds: 10, capacity: 40 }, result, { othersCpu: 0, normalAgainS: 1 });
  assert.equal(point.goodput, 10);
  assert.equal(point.lowGoodput, 2);
  assert.deepEqual(classes.map(attainment), [0.9, 0.5]);
});
