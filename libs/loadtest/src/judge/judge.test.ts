import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compareReports } from './compare.ts';
import { fitScaling, predicted } from './fit.ts';
import { highestWithin, kneeOf } from './knee.ts';
import type { LoadReport, StepResult } from './load-report.ts';
import { makeReport, makeStep } from './testing/steps.ts';
import { judge, parseThreshold, parseThresholds } from './thresholds.ts';

const at = (rate: number, latency: Partial<StepResult['latency']>, more: Partial<StepResult> = {}): StepResult =>
  makeStep(`${rate}/s`, { offered_per_s: rate, answered_per_s: rate, ...more }, latency);

test('thresholds are read as they are written, and what is none says how', () => {
  assert.deepEqual(parseThreshold('p99<50ms'), {
    text: 'p99<50ms',
    metric: 'p99',
    kind: undefined,
    operator: '<',
    bound: 50,
  });
  assert.equal(parseThreshold(' p99.9 <= 1.5s ').bound, 1_500);
  assert.equal(parseThreshold('errors<1%').bound, 0.01);
  assert.equal(parseThreshold('rate>=200/s').bound, 200);
  assert.equal(parseThreshold('p99@simple/high<30ms').kind, 'simple/high');
  for (const wrong of ['p99', 'p99<50', 'p98<5ms', 'errors<5ms', 'rate>2%', 'p99<-1ms', ''])
    assert.throws(() => parseThreshold(wrong), /is no threshold: write p99<50ms/);
  assert.deepEqual(
    parseThresholds('# targets\np99<50ms  # ours\n\nerrors<1%\n').map(({ text }) => text),
    ['p99<50ms', 'errors<1%'],
  );
});

test('a step meets a threshold or does not; without an answer none is met', () => {
  const step = at(100, { p99_ms: 40 }, { sent: 200, succeeded: 198, refused: 1 });
  const met = (text: string, of = step): boolean | undefined => judge([parseThreshold(text)], of)[0]?.met;
  assert.equal(met('p99<50ms'), true);
  assert.equal(met('p99<40ms'), false);
  assert.equal(met('p99<=40ms'), true);
  assert.equal(met('errors<1%'), false);
  assert.equal(met('errors<=1%'), true);
  assert.equal(met('refused<1%'), true);
  assert.equal(met('rate>=100'), true);
  assert.equal(met('p99@nobody<1s'), false);
  assert.equal(met('p99<50ms', at(100, { count: 0, p99_ms: null })), false);
});

test('the knee is where answers a second over their mean time are the most', () => {
  const steps = [
    at(100, { mean_ms: 10 }),
    at(400, { mean_ms: 80 }, { answered_per_s: 310 }),
    at(200, { mean_ms: 11 }),
    at(300, { mean_ms: 18 }),
  ];
  assert.equal(kneeOf(steps)?.at, 200);
  assert.equal(kneeOf(steps.slice(0, 2)), null);
});

test('the highest rate within a promise is below the first that breaks it, whatever comes after', () => {
  const thresholds = [parseThreshold('p99<50ms')];
  const steps = [10, 60, 20, 30].map((p99, i) => at(100 * (i + 1), { p99_ms: p99 }));
  const found = highestWithin(steps, thresholds);
  assert.deepEqual([found.passed?.name, found.missed?.name], ['100/s', '200/s']);
  assert.equal(highestWithin([at(5, { p99_ms: 80 })], thresholds).passed, undefined);
  assert.equal(highestWithin([at(5, { p99_ms: 8 })], thresholds).missed, undefined);
});

test('a fit finds again what its points were made of', () => {
  const share = (max: number) => fc.double({ min: 0, max, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 1, max: 5_000, noNaN: true }), share(0.5), share(0.05), (rate, sigma, kappa) => {
      const law = { per_worker: rate, contention: sigma, crosstalk: kappa, r_squared: 1, best_workers: null };
      const points = [1, 2, 3, 4, 6, 8].map((workers) => ({ workers, answered_per_s: predicted(law, workers) }));
      const fit = fitScaling(points);
      assert.ok(fit && fit.r_squared > 0.999, JSON.stringify(fit));
      for (const n of [1, 5, 8]) assert.ok(Math.abs(predicted(fit, n) / predicted(law, n) - 1) < 0.02);
    }),
  );
  assert.equal(fitScaling([{ workers: 1, answered_per_s: 100 }]), undefined);
  const straight = fitScaling([1, 2, 4].map((workers) => ({ workers, answered_per_s: 100 * workers })));
  assert.ok(straight && Math.abs(straight.per_worker - 100) < 1e-6 && straight.best_workers === null);
});

test('what got worse by more than the tolerance is told, and noise is not', () => {
  const report = (p99: number, rate: number): LoadReport =>
    makeReport([at(100, { p50_ms: 5, p99_ms: p99 }, { answered_per_s: rate })]);
  const worse = (before: LoadReport, now: LoadReport): string[] =>
    compareReports(before, now, 0.1)
      .filter((one) => one.worse)
      .map(({ metric }) => metric);
  assert.deepEqual(worse(report(20, 100), report(21, 95)), []);
  assert.deepEqual(worse(report(20, 100), report(30, 80)), ['answers/s', 'p99 ms']);
  assert.deepEqual(worse(report(30, 80), report(20, 100)), []);
  assert.deepEqual(worse(report(1, 100), report(1.3, 100)), [], 'less than half a millisecond is nothing');
  assert.deepEqual(compareReports(makeReport([]), report(1, 1), 0.1), []);
});
