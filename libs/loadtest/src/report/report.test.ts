import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Audit } from '../judge/load-report.ts';
import { makeReport, makeStep } from '../judge/testing/steps.ts';
import { htmlOf, ticksOf } from './html.ts';
import { junitOf } from './junit.ts';
import { reportLines, table } from './text.ts';

const audit: Audit = {
  model: 'simple',
  answers: 'computed',
  submitted: 10,
  accepted: 10,
  refused: 0,
  unknown: 0,
  succeeded: 9,
  wrong: 0,
  failed: 0,
  lost: 1,
  duplicated: 0,
  redelivered: 0,
  seconds: 1,
  examples: ['job x never ended'],
};
const STEPS = [
  makeStep('50/s', { offered_per_s: 50 }, { p99_ms: 8 }),
  makeStep('<100>/s', { failures: { '500 "a & b"': 2 }, succeeded: 98, failed: 2 }, { p99_ms: 80 }),
];
const REPORT = makeReport(STEPS, {
  verdicts: [
    { threshold: 'p99<50ms', step: '50/s', value: 8, met: true },
    { threshold: 'p99<50ms', step: '<100>/s', value: 80, met: false },
  ],
  notes: ['The generator was late.'],
  slo: { thresholds: ['p99<50ms'], rate: 50, step: '50/s' },
});

test('columns stand under each other', () => {
  assert.deepEqual(
    table([
      ['a', 'bb'],
      ['ccc', '1'],
    ]),
    ['a    bb', 'ccc   1'],
  );
});

test('the terminal is told steps, errors, verdicts and notes', () => {
  const text = reportLines(REPORT).join('\n');
  assert.match(text, /50\/s +50\.0 +100 +0\.0 % +5\.00/);
  assert.match(text, /<100>\/s: 2 × 500 "a & b"/);
  assert.match(text, /MISSED {2}p99<50ms at <100>\/s: 80/);
  assert.match(text, /50\.0 requests\/s meet p99<50ms/);
  assert.match(text, /note: The generator was late\./);
  assert.match(
    reportLines(makeReport([], { audit })).join('\n'),
    /lost 1[\s\S]*THE AUDIT FAILED[\s\S]*job x never ended/,
  );
});

test('JUnit has a case for each verdict, its text escaped, and the audit', () => {
  const xml = junitOf({ ...REPORT, audit });
  assert.match(xml, /<testsuites tests="3" failures="2">/);
  assert.match(xml, /classname="loadtest\.&lt;100&gt;\/s" name="p99&lt;50ms" time="1\.000"><failure message="MISSED/);
  assert.match(junitOf(makeReport([makeStep('s', { succeeded: 0 })])), /no request was answered/);
});

test('the HTML is one file that needs no network and cannot be broken by a name', () => {
  const html = htmlOf({ ...REPORT, audit }, [
    { step: '50/s', metric: 'p99 ms', before: 4, now: 8, change: 1, worse: true },
  ]);
  assert.doesNotMatch(html, /<script|src=|href=|url\(|@import|<100>/);
  assert.match(html, /&lt;100&gt;/);
  assert.equal(html.match(/<svg /g)?.length, 3);
  assert.match(html, /\+100\.0 % +worse/);
});

test('ticks are round and hold every value', () => {
  const value = fc.double({ min: 0.001, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 9 }), fc.boolean(), (values, isLog) => {
      const ticks = ticksOf(values, isLog);
      assert.ok(ticks.length >= 2 && ticks.length < 14, ticks.join());
      assert.ok(Math.min(...ticks) <= Math.min(...values) && Math.max(...ticks) >= Math.max(...values) * 0.999999);
    }),
  );
  assert.deepEqual(ticksOf([3, 95], false), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticksOf([], true), [1, 10]);
  assert.deepEqual(ticksOf([999_999.999999999], true), [100_000, 1_000_000, 10_000_000]);
});
